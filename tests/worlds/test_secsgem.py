"""SECS/GEM equipment, simulated by secsgem on a loopback port, as a station."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.errors import LabError, LinkError
from tests.laboratory import Laboratory
from tests.worlds.worlds import World, written

pytest.importorskip("secsgem", reason="install labctl[secsgem]")

COATER = {
    "instrument": "Coater",
    "protocol": "secsgem",
    "options": {
        "select": "PP_SELECT",
        "program": "PPID",
        "start": "START",
        "abort": "STOP",
        "finished": "coated",
        "failed": "given_up",
    },
    "maker": "Example",
    "models": ["COAT-300"],
    "identity": "sv:2103",
    "source": "tests/worlds/test_secsgem.py",
    "safe_state": "The program is aborted.",
    "process": ["speed"],
    "signals": {
        "speed": {"at": "sv:2101", "unit": "rpm"},
        "wafers": {"at": "sv:2102", "type": "integer"},
        "acceleration": {"at": "ec:2001", "set": True, "type": "integer", "limits": [100, 5000]},
    },
    "events": {
        "started": {"id": 5001, "variables": [2101]},
        "coated": {"id": 5002, "variables": [2102]},
        "given_up": {"id": 5003, "variables": [2102]},
    },
}


@pytest.fixture(scope="module")
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    coater = subprocess.Popen([sys.executable, str(Path(__file__).with_name("coater.py")), str(number)])
    yield number
    coater.kill()
    coater.wait()


@pytest.fixture
def world(port, tmp_path):
    roles = {"run_process_program": "equipment"}
    device = {"class": "thing.yaml", "address": f"hsms://127.0.0.1:{port}", "timeout": "5 s", "retries": 3}
    made = World(written(tmp_path, COATER, "", roles, devices={"thing": device}))
    yield made
    made.close()


def test_a_process_program_runs_and_its_events_are_recorded(world):
    assert world.thing.connect().model == "COAT-300"
    stop = world.run("run_process_program", program="THIN", monitor_period="0.1 s")
    assert stop["exit_status"] == "success"
    told = [row["event_message"] for row in world.rows("events")]
    assert "started: 3000.0" in told
    assert told[-1].startswith("coated: ")
    assert 3000.0 in [row["thing_speed"] for row in world.rows("process")]
    after = world.rows("baseline")[-1]
    assert (after["thing_program"], after["thing_program_body"]) == ("THIN", "THIN: 3000 rpm, 30 s")
    (aborted,) = (exchange for exchange in world.thing.link.log if exchange.sent == b"STOP")
    assert not aborted.error


def test_a_program_that_is_given_up_fails_the_operation(world):
    stop = world.run("run_process_program", program="BAD")
    assert stop["exit_status"] == "fail"
    assert "thing gave up its process program: given_up" in stop["reason"]


def test_what_is_refused_is_told(world):
    with pytest.raises(LabError, match="no process program 'THICK'; it has THIN, BAD"):
        world.thing.run_program("THICK", 10.0)
    with pytest.raises(LinkError, match="FLY: invalid command"):
        world.thing._command("FLY")
    world.thing.acceleration.put(2000)
    assert world.thing.acceleration.get() == 2000


def test_in_a_simulated_laboratory_a_program_ends_at_once(tmp_path):
    roles = {"run_process_program": "equipment"}
    file = written(tmp_path, COATER, "hsms://127.0.0.1:5000", roles, backend="simulated")
    with Laboratory(file=file) as laboratory:
        assert laboratory.run("run_process_program", "bench", program="THIN")["exit_status"] == "success"
