"""Instrument files: what is wrong in them is told, and a simulated laboratory remembers what is set."""

import pytest
import yaml

from labctl.clock import VirtualClock
from labctl.errors import FileError
from labctl.lab import build_lab, has_simulation, read_lab
from tests.laboratory import SCHEMAS, Laboratory
from tests.worlds.worlds import HOT_PLATE, ROLES, written


def test_every_mistake_is_told_at_once(tmp_path):
    wrong = {
        **HOT_PLATE,
        "protocol": "carrier pigeon",
        "make_safe": {"temperature": "22 degC", "heater": 2},
        "process": ["temprature"],
        "signals": {
            **HOT_PLATE["signals"],
            "setpoint": {"at": "SP", "set": True, "unit": "degF1", "limits": ["20 degC", "300 degC"]},
            "power": {"at": "P", "set": True, "unit": "W"},
            "read": {"at": "R", "unit": ""},
            "level": {"at": "L"},
            "state": {"at": "S", "type": "text", "unit": "V", "measured": True, "set": True},
        },
    }
    with pytest.raises(FileError) as caught:
        written(tmp_path, wrong, "LAB:", ROLES)
    told = str(caught.value)
    for words in (
        "devices.thing.class: thing.yaml: protocol: must be",
        "thing.yaml: make_safe.temperature: no signal 'temperature' can be set",
        "make_safe.heater: 2 is outside 0..1",
        "process[0]: unknown signal 'temprature'; did you mean 'temperature'?",
        "signals.setpoint.unit: 'degF1' is not a unit",
        "signals.power.limits: are required of what is set",
        "signals.read: 'read' is the name of something that every device has",
        "signals.level.unit: is required of a number",
        "signals.state.unit: only a number has a unit",
        "signals.state.measured: what is set",
    ):
        assert words in told


def test_the_address_and_the_role_are_checked(tmp_path):
    device = {"class": "thing.yaml", "address": "two words", "limits": {"setpoint": ["20 degC", "400 degC"]}}
    with pytest.raises(FileError) as caught:
        written(tmp_path, HOT_PLATE, "", {"anneal": "furnace"}, devices={"thing": device})
    assert "'two words' is no prefix of process variables" in str(caught.value)
    assert "400 degC is outside 20..300 degC, what HotPlate takes" in str(caught.value)
    assert "Eurotherm3216 is needed" in str(caught.value)


def test_in_a_simulated_laboratory_it_keeps_what_is_set(tmp_path):
    file = written(tmp_path, HOT_PLATE, "LAB:", ROLES, backend="simulated")
    assert has_simulation(file.devices["thing"].kind)
    with Laboratory(file=file) as laboratory:
        thing = laboratory.lab.devices["thing"]
        thing.setpoint.put(150.0)
        laboratory.lab.release()
        assert thing.setpoint.get() == 150.0
        stop = laboratory.run("apply_settings", "bench", settings="heater=1", duration="2 h")
        assert stop["exit_status"] == "success"
        assert thing.heater.get() == 0
        assert len(laboratory.rows("process")) > 700


def test_a_file_that_was_changed_is_read_again(tmp_path):
    written(tmp_path, HOT_PLATE, "LAB:", ROLES)
    changed = HOT_PLATE | {"safe_state": "Heater off, and cold."}
    (tmp_path / "thing.yaml").write_text(yaml.safe_dump(changed))
    clock = VirtualClock()
    lab = build_lab(read_lab(tmp_path / "lab.yaml", SCHEMAS), clock, SCHEMAS)
    assert lab.devices["thing"].safe_state == "Heater off, and cold."
    clock.close()
    lab.close()
