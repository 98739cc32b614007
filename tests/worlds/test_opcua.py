"""Variables of an asyncua server on a loopback port as a device."""

import socket
import subprocess
import sys
from pathlib import Path

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
    """Start the server; it has its port as an attribute."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("chiller.py")), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout.readline() == b"ready\n"
        process.port = port
        yield process
        process.kill()


def test_an_operation_sets_records_and_makes_safe(server, tmp_path):
    roles = {"take_readings": "instrument", "apply_settings": "instrument"}
    world = World(written(tmp_path, CHILLER, f"opc.tcp://127.0.0.1:{server.port}/chiller", roles))
    assert world.thing.connect().model == "CH-2"
    world.thing.pump.put(1)
    assert world.thing.pump.get() == 1
    stop = world.run("apply_settings", settings="setpoint=12.5 degC; pump=1", duration="0.2 s", monitor_period="0.1 s")
    assert stop["exit_status"] == "success"
    assert world.thing.setpoint.get() == 12.5
    assert world.thing.pump.get() == 0
    assert {row["thing_setpoint"] for row in world.rows("process")} <= {12.5, 20.0}
    assert world.thing.read_configuration()["thing_hours"]["value"] == 7
    with pytest.raises(LinkError, match=r"refused: Bad(NotWritable|UserAccessDenied)"):
        world.thing.locked.put(8)
    server.kill()
    server.wait()
    with pytest.raises(LinkError):
        world.thing.setpoint.get()
    world.close()
