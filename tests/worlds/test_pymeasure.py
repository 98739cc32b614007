"""A driver of pymeasure as a device, on a simulated instrument served on a loopback port."""

import pytest

from labctl.clock import RealClock
from labctl.errors import LabError
from sim_devices.keithley2400 import SimKeithley2400
from sim_devices.plant import Line, ProbeHead
from sim_devices.wire import InstrumentServer
from tests.worlds.worlds import World, written

pytest.importorskip("pymeasure", reason="install labctl[pymeasure]")

SOURCE_METER = {
    "instrument": "SourceMeter",
    "protocol": "pymeasure",
    "options": {"driver": "pymeasure.instruments.keithley.Keithley2400", "read_termination": "\n"},
    "maker": "Keithley",
    "models": ["2400"],
    "identity": "id",
    "source": "pymeasure's documentation, Keithley2400",
    "safe_state": "Output off, source at 0 V.",
    "make_safe": {"output": 0, "level": "0 V"},
    "signals": {
        "level": {"at": "source_voltage", "set": True, "unit": "V", "limits": ["-20 V", "20 V"]},
        "output": {"at": "source_enabled", "set": True, "type": "integer", "limits": [0, 1]},
        "mode": {"at": "source_mode", "set": True, "type": "text", "choices": ["current", "voltage"], "kind": "config"},
        "compliance": {"at": "compliance_current", "set": True, "unit": "A", "limits": ["0 A", "1 A"]},
        "current": {"at": "current", "unit": "A", "kind": "hinted", "measured": True},
    },
}


@pytest.fixture
def world(tmp_path):
    clock = RealClock()
    line = Line(clock, 1)
    line.add_places("bench", 1)
    line.load_substrates("bench")
    film = line.sample_at("bench.1")
    film.deposit(150.0, vacancies_cm3=3e20, grain_nm=10.0, disorder=0.3)
    meter = SimKeithley2400(clock, 1, ProbeHead(line, "bench.1"))
    server = InstrumentServer(clock, {"meter": meter})
    address = f"TCPIP0::127.0.0.1::{server.ports['meter']}::SOCKET"
    made = World(
        written(tmp_path, SOURCE_METER, address, {"take_readings": "instrument", "apply_settings": "instrument"})
    )
    made.meter = meter
    yield made
    made.close()
    server.close()


def test_it_is_connected_set_read_recorded_and_made_safe(world):
    thing = world.thing
    assert thing.connect().model == "MODEL 2400"
    thing.mode.put("voltage")
    thing.compliance.put(0.1)
    thing.level.put(0.05)
    thing.output.put(1)
    assert thing.output.get() == 1  # its answer: the command has arrived
    assert world.meter.hazards()
    assert world.run("take_readings", quantities="current", n_readings=3)["exit_status"] == "success"
    (result,) = world.rows("result")
    assert 1e-4 < result["current"] < 0.1
    assert world.rows("primary")[0]["thing_level"] == 0.05
    assert world.meter.hazards() == ()
    assert thing.link.log[-1].received
    descriptor = next(d for name, d in world.documents if name == "descriptor" and d["name"] == "primary")
    assert descriptor["data_keys"]["thing_level"]["units"] == "V"
    assert descriptor["configuration"]["thing"]["data"]["thing_model"] == "MODEL 2400"


def test_settings_are_checked_before_any_is_sent(world):
    stop = world.run("apply_settings", settings="output=1; level=30 V")
    assert stop["exit_status"] == "fail"
    assert "thing_level=30 V is outside -20..20 V" in stop["reason"]
    assert world.meter.hazards() == ()
    assert "no setting 'current'" in world.run("apply_settings", settings="current=1 A")["reason"]
    assert world.run("apply_settings", settings="level=1 V")["exit_status"] == "success"


def test_a_driver_that_is_not_there_is_told(tmp_path):
    content = SOURCE_METER | {"options": {"driver": "pymeasure.instruments.keithley.Keithley9999"}}
    world = World(written(tmp_path, content, "GPIB0::1::INSTR", {"take_readings": "instrument"}))
    with pytest.raises(LabError, match=r"pymeasure has no driver pymeasure\.instruments\.keithley\.Keithley9999"):
        world.thing.connect()
    world.close()
