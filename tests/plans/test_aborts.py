"""An operation on a bench of its own that is aborted, or whose instrument falls silent, ends safe."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from plans import OPERATIONS
from tests.faults import TRIALS
from tests.plans.bench import bench
from tests.plans.test_characterization import MAP, conducting
from tests.plans.test_vacuum_and_gas import GAUGE, RF, SHUTTER, yaml


@dataclass(frozen=True)
class Case:
    """An operation under way."""

    after_s: float
    """When it is cut off [s]; by then what could do harm is on."""
    parameters: dict = field(default_factory=dict)
    classes: dict = field(default_factory=dict)
    mute: str = ""
    """Role of the device that falls silent for a while."""


CASES = {
    "dispense": Case(5.0, {"volume": "1 mL", "rate": "2 mL/min"}, mute="pump"),
    "map_sheet_resistance": Case(60.0, MAP, {"x": "NewportESP300", "y": "NewportESP300", "lift": "ZaberXLSM"}, "lift"),
    "measure_capacitance_voltage": Case(3.0, {"settle": "1 s"}, mute="meter"),
    "measure_current_voltage": Case(3.0, {"settle": "1 s"}, mute="meter"),
    "measure_resistance_temperature": Case(600.0, {"start": "100 K", "stop": "200 K"}, mute="cryostat"),
    "measure_sheet_resistance_delta": Case(3.0, {"settle": "1 s"}, mute="meter"),
    "mix_gases": Case(60.0, {"total_flow": "50 sccm", "share": 0.2, "duration": "10 min"}, mute="admixture"),
    "pump_down": Case(100.0, {"pressure": "1e-7 Pa"}, GAUGE, "pump"),
    "spin_coat": Case(15.0, {"speed": "3000 rpm", "duration": "30 s"}, mute="coater"),
    "sputter_rf": Case(60.0, {**RF, "thickness": "50 nm"}, GAUGE, "supply"),
    "vent": Case(30.0, {}, GAUGE, "pump"),
    "weigh": Case(2.0, {"n_readings": 10}),
}
HARMLESS = {"vent", "weigh"}
ANY_DEVICE = {"apply_settings", "take_readings"}
ELSEWHERE = {"look_up", "run_process_program", "run_programme"}
"""A table of recipes, and tools that are tried in tests/worlds and tests/loop."""


@pytest.fixture
def started(request, tmp_path):
    """Build the bench of an operation, with what it takes laid there."""

    def start(kind, *faults):
        (tmp_path / "shutter.yaml").write_text(yaml.safe_dump(SHUTTER))
        classes = CASES[kind].classes | ({"shutter": str(tmp_path / "shutter.yaml")} if kind == "sputter_rf" else {})
        laboratory = bench(kind, faults, classes=classes)
        request.addfinalizer(lambda: laboratory.__exit__())
        conducting(laboratory)
        return laboratory

    return start


@pytest.mark.parametrize("kind", CASES)
def test_an_abort_leaves_no_hazard_within_5_s(kind, started):
    laboratory, case, asked_s, before = started(kind), CASES[kind], [], {}

    def stop_it():
        laboratory.clock.sleep(case.after_s)
        asked_s.append(laboratory.clock.time())
        before.update(laboratory.lab.plant.hazards())
        laboratory.engine.abort_reason = "a person asked"
        laboratory.engine.abort("a person asked")

    laboratory.clock.spawn(stop_it, "person")
    stop = laboratory.run(kind, "bench", **case.parameters)
    assert (stop["exit_status"], stop["reason"]) == ("abort", "a person asked")
    assert stop["time"] - asked_s[0] < 5
    assert bool(before) != (kind in HARMLESS)
    with laboratory.clock.held():
        assert laboratory.lab.plant.hazards() == {}


@pytest.mark.parametrize("kind", [kind for kind in CASES if CASES[kind].mute])
def test_an_instrument_that_is_mute_for_a_minute_is_told_and_nothing_is_left_on(kind, started):
    case = CASES[kind]
    fault = {"device": case.mute, "kind": "lost", "start": f"{case.after_s} s", "duration": "60 s"}
    laboratory = started(kind, fault)
    stop = laboratory.run(kind, "bench", **case.parameters)
    assert stop["exit_status"] == "fail"
    assert case.mute in stop["reason"]
    with laboratory.clock.held():
        laboratory.clock.sleep(120.0)  # the cable is back
        left = laboratory.lab.plant.hazards()
    assert set(left) <= {case.mute}, "only the mute one may be on, and the reason says so"
    assert not left or "may NOT be safe" in stop["reason"]


def test_every_operation_is_tried():
    assert set(OPERATIONS) == {*CASES, *TRIALS, *ANY_DEVICE, *ELSEWHERE}
