"""Process variables of a caproto soft IOC on the loopback interface as a device."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.errors import LinkTimeout
from tests.worlds.worlds import HOT_PLATE, ROLES, World, written

pytest.importorskip("caproto", reason="install labctl[epics]")


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def plate():
    """Start the IOC; return its prefix. Every address and port of Channel Access is the loopback's."""
    server, repeater = map(str, free_ports(2))
    loopback = {
        "EPICS_CA_ADDR_LIST": "127.0.0.1",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": server,
        "EPICS_CA_REPEATER_PORT": repeater,
        "EPICS_CAS_SERVER_PORT": server,
        "EPICS_CAS_BEACON_PORT": repeater,
        "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
        "EPICS_CAS_BEACON_ADDR_LIST": "127.0.0.1",
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
    }
    with pytest.MonkeyPatch.context() as patch:
        for key, value in loopback.items():
            patch.setenv(key, value)
        prefix = f"LAB{os.getpid()}:"
        ioc = subprocess.Popen([sys.executable, str(Path(__file__).with_name("ioc.py")), prefix])
        yield prefix
        ioc.kill()
        ioc.wait()


@pytest.fixture
def world(plate, tmp_path):
    made = World(
        written(
            tmp_path,
            HOT_PLATE,
            plate,
            ROLES,
            devices={"thing": {"class": "thing.yaml", "address": plate, "timeout": "5 s"}},
        )
    )
    yield made
    made.close()


def test_an_operation_heats_records_and_leaves_the_heater_off(world):
    identity = world.thing.connect()
    assert (identity.model, identity.serial) == ("HP-1", "7")
    stop = world.run("apply_settings", settings="setpoint=120 degC; heater=1", duration="0.3 s", monitor_period="0.1 s")
    assert stop["exit_status"] == "success"
    assert world.rows("process")[-1]["thing_temperature"] == 120.0
    assert world.thing.heater.get() == 0
    assert world.run("take_readings", quantities="temperature")["exit_status"] == "success"
    assert world.rows("result") == [{"temperature": 22.0, "valid": 1.0}]
    sent = [exchange.sent for exchange in world.thing.link.log]
    assert sent.index(b"SP = 120.0") < sent.index(b"HEAT = 1") < sent.index(b"HEAT = 0")


def test_a_variable_that_nobody_serves_is_named(plate, tmp_path):
    content = HOT_PLATE | {"identity": "NO_SUCH"}
    device = {"class": "thing.yaml", "address": plate, "timeout": "0.3 s", "retries": 0}
    world = World(written(tmp_path, content, plate, ROLES, devices={"thing": device}))
    with pytest.raises(LinkTimeout, match="NO_SUCH"):
        world.thing.connect()
    world.close()
