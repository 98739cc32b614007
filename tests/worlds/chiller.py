"""An OPC UA server of a chiller as a process of its own: ``python chiller.py PORT``."""

import sys
import threading

from asyncua import ua
from asyncua.sync import Server

if __name__ == "__main__":
    server = Server()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{sys.argv[1]}/chiller")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.register_namespace("urn:chiller")
    for name, value in {"Setpoint": 20.0, "Pump": False, "Hours": 7, "Model": "CH-2"}.items():
        node = server.nodes.objects.add_variable(ua.NodeId(name, 2), f"2:{name}", value)
        if name in ("Setpoint", "Pump"):
            node.set_writable()
    server.start()
    print("ready", flush=True)
    threading.Event().wait()
