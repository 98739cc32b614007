"""Variables of an asyncua server on a loopback port as a device."""

import pytest

from labctl.errors import LinkError
from tests.worlds.worlds import World, written

pytest.importorskip("asyncua", reason="install labctl[opcua]")

CHILLER = {
    "instrument": "Chiller",
    "protocol": "opcua",
    "maker": "Example",
    "models": ["CH-2"],
    "identity": "ns=2;s=Model",
    "source": "tests/worlds/test_opcua.py",
    "safe_state": "Pump off.",
    "make_safe": {"pump": 0},
    "process": ["setpoint"],
    "signals": {
        "setpoint": {"at": "ns=2;s=Setpoint", "set": True, "unit": "degC", "limits": ["5 degC", "40 degC"]},
        "pump": {"at": "ns=2;s=Pump", "set": True, "type": "integer", "limits": [0, 1]},
        "hours": {"at": "ns=2;s=Hours", "type": "integer", "kind": "config"},
        "locked": {"at": "ns=2;s=Hours", "set": True, "type": "integer", "limits": [0, 100]},
    },
}


@pytest.fixture
def server():
    from asyncua import ua
    from asyncua.sync import Server

    made = Server()
    made.set_endpoint("opc.tcp://127.0.0.1:0/chiller")
    made.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    made.register_namespace("urn:chiller")
    nodes = {}
    for name, value in {"Setpoint": 20.0, "Pump": False, "Hours": 7, "Model": "CH-2"}.items():
        nodes[name] = made.nodes.objects.add_variable(ua.NodeId(name, 2), f"2:{name}", value)
        if name in ("Setpoint", "Pump"):
            nodes[name].set_writable()
    made.start()
    made.variables = nodes
    yield made
    if made.tloop.is_alive():
        made.stop()


def test_an_operation_sets_records_and_makes_safe(server, tmp_path):
    port = server.aio_obj.bserver._server.sockets[0].getsockname()[1]
    roles = {"take_readings": "instrument", "apply_settings": "instrument"}
    world = World(written(tmp_path, CHILLER, f"opc.tcp://127.0.0.1:{port}/chiller", roles))
    assert world.thing.connect().model == "CH-2"
    world.thing.pump.put(1)
    assert server.variables["Pump"].read_value() is True
    stop = world.run("apply_settings", settings="setpoint=12.5 degC; pump=1", duration="0.2 s", monitor_period="0.1 s")
    assert stop["exit_status"] == "success"
    assert server.variables["Setpoint"].read_value() == 12.5
    assert server.variables["Pump"].read_value() is False
    assert {row["thing_setpoint"] for row in world.rows("process")} <= {12.5, 20.0}
    assert world.thing.read_configuration()["thing_hours"]["value"] == 7
    with pytest.raises(LinkError, match=r"refused: Bad(NotWritable|UserAccessDenied)"):
        world.thing.locked.put(8)
    server.stop()
    with pytest.raises(LinkError):
        world.thing.setpoint.get()
    world.close()
