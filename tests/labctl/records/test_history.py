"""The history of a sample, from real runs of the simulated laboratory."""

import json
from dataclasses import fields, replace

import jsonschema_rs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.errors import RegistryError, StoreError
from labctl.records import (
    OperationHistory,
    SampleHistory,
    Value,
    concerns_of,
    difference_of,
    history_json,
    history_json_schema,
    idle_before,
    operation_history,
    sample_history,
)
from labctl.store import Store


@pytest.fixture(scope="module")
def history(recorded_sample):
    folder, _ = recorded_sample
    with Store.read(folder) as store:
        return sample_history(store, "S-1")


def test_operations_are_in_order_with_all_that_was_done(history, recorded_sample):
    _, uids = recorded_sample
    assert [operation.uid for operation in history.operations] == uids
    sputter, anneal, probe, failed = history.operations
    assert sputter.asked["power"] == Value(100.0, "W")
    assert sputter.fittings["target_used"] == Value("2 kWh")
    assert sputter.operator == "night shift"
    assert sputter.roles["supply"] == "magnetron"
    assert sputter.traces["magnetron_power"].setpoint == "magnetron_setpoint"
    assert sputter.traces["magnetron_power"].gate == "magnetron_output"
    assert anneal.together_with == ("S-2",)
    assert set(anneal.ambient) == {"room_temperature", "room_humidity"}
    assert anneal.after["furnace_a_control_temperature"].unit == "degC"
    assert probe.results["sheet_resistance"].unit == "ohm"
    assert failed.status == "fail" and "magnetron went off" in failed.reason


def test_what_happened_beside_the_readings_is_told_with_its_time(history):
    _, anneal, _, failed = history.operations
    (note,) = anneal.events
    assert (note.kind, note.source, note.message) == ("note", "T. Mori", "tube looked [grey] <b>")
    assert note.time <= anneal.time, "it was told before the run began"
    assert [event.severity for event in failed.events] == ["alarm"]
    assert failed.time < failed.events[0].time < failed.end


def test_an_overdue_calibration_says_who_and_when(history):
    (meter,) = [device for device in history.operations[2].devices if device.name == "probe_meter"]
    assert meter.role == "meter"
    assert meter.calibration.overdue
    assert (meter.calibration.by, meter.calibration.due) == ("Keithley", "2023-10-01")
    assert not any(device.calibration.overdue for device in history.operations[1].devices)


def test_concerns_begin_with_the_gravest_and_name_everything(history):
    found = [(concern.gravity, concern.kind) for concern in concerns_of(history)]
    assert found == [("alarm", "uncalibrated"), ("alarm", "failed"), ("alarm", "alarm"), ("warning", "deviation")]


def test_a_measurement_that_is_not_valid_is_a_concern(history):
    bad = replace(history.operations[2], results={"sheet_resistance": Value(0.0, "ohm"), "valid": Value(0.0)})
    told = SampleHistory("S-1", (bad,))
    assert "not valid" in [concern.kind for concern in concerns_of(told)]
    assert told.figures == {}


def test_waiting_is_told_between_operations(history):
    waits = idle_before(history)
    assert waits[0] == 0.0
    assert waits[-1] == pytest.approx(1000, abs=1)
    assert sum(waits) == pytest.approx(1000, abs=2)


def test_figures_are_those_that_succeeded(history):
    assert list(history.figures) == ["measure_sheet_resistance"]
    assert history.quality == "suspect"


def move(operation: OperationHistory, time: float, status: str) -> OperationHistory:
    asked = {"source": Value("rack.1"), "destination": Value("furnace_a.1")}
    return replace(operation, kind="transfer", asked=asked, status=status, time=time)


@pytest.mark.parametrize(
    "status, where",
    [("success", "furnace_a.1"), ("fail", "rack.1 or furnace_a.1?"), ("running", "rack.1 or furnace_a.1?")],
)
def test_where_a_sample_is_follows_its_last_move(history, status, where):
    last = history.operations[-1]
    moved = (*history.operations, move(last, last.end or 0.0, status))
    assert SampleHistory("S-1", moved).location == where
    assert SampleHistory("S-1", (*moved, replace(last, location=""))).location == where, "no run says that it moved"
    assert history.last_move is None and history.location == ""


def test_ancestors_come_in_the_order_of_time(history):
    sputter, anneal, probe, _ = history.operations
    parent = SampleHistory("P", (sputter, anneal))
    child = SampleHistory("C", (probe,), ancestors=(parent,))
    assert [sample for sample, _ in child.everything] == ["P", "P", "C"]
    assert "measure_sheet_resistance" in child.figures


def test_json_has_every_field_and_every_reading_and_fits_its_schema(history):
    told = json.loads(json.dumps(history_json(history), allow_nan=False))
    jsonschema_rs.validator_for(history_json_schema()).validate(told)
    for operation, as_json in zip(history.operations, told["operations"], strict=True):
        assert set(as_json) == {field.name for field in fields(operation)}
        for key, trace in operation.traces.items():
            assert as_json["traces"][key]["unit"] == trace.unit
            assert as_json["traces"][key]["values"] == trace.values.tolist()
            assert as_json["traces"][key]["times_s"] == trace.times_s.tolist()
        assert as_json["policy"]["licence"] == "CC-BY-4.0"


def test_the_schema_refuses_what_is_no_history(history):
    validator = jsonschema_rs.validator_for(history_json_schema())
    told = history_json(history)
    assert not validator.is_valid({**told, "version": 2})
    assert not validator.is_valid({key: value for key, value in told.items() if key != "operations"})
    told["operations"][0]["duration_s"] = "long"
    assert not validator.is_valid(told)


def test_json_has_null_for_what_is_no_number(history):
    probe = history.operations[2]
    trace = replace(next(iter(history.operations[0].traces.values())), values=np.array([1.0, np.nan, np.inf]))
    odd = replace(probe, results={"x": Value(float("nan"), "ohm")}, traces={"x": trace})
    told = history_json(SampleHistory("S-1", (odd,)))
    json.dumps(told, allow_nan=False)
    assert told["operations"][0]["traces"]["x"]["values"] == [1.0, None, None]
    assert told["operations"][0]["results"]["x"] == {"value": None, "unit": "ohm"}


def test_an_unknown_sample_names_the_nearest(recorded_sample):
    folder, _ = recorded_sample
    with Store.read(folder) as store, pytest.raises(RegistryError, match=r"no sample 'S1'.*did you mean 'S-1'\?"):
        sample_history(store, "S1")


def test_a_run_does_not_tell_of_a_sample_that_it_does_not_name(recorded_sample):
    folder, uids = recorded_sample
    with Store.read(folder) as store, pytest.raises(StoreError, match=r"names S-1, S-2, not 'S-3'"):
        operation_history(store.run(uids[1]), "S-3")


def test_a_run_without_roles_fittings_and_events_is_told_all_the_same(recorded_sample):
    folder, uids = recorded_sample
    with Store.read(folder) as store:
        run = store.run(uids[0])
    newer = ("roles", "fittings", "substrates")
    start = {key: value for key, value in run.start.items() if key not in newer}
    streams = {name: stream for name, stream in run.streams.items() if name != "events"}
    told = operation_history(replace(run, start=start, streams=streams), "S-1")
    assert told.roles == told.fittings == told.ambient == {}
    assert told.before["room_humidity"].unit == "percent"
    assert {device.role for device in told.devices} == {""}


def test_a_run_that_goes_on_has_no_end(recorded_sample):
    folder, uids = recorded_sample
    with Store.read(folder) as store:
        run = store.run(uids[0])
    told = operation_history(replace(run, stop=None), "S-1")
    assert (told.status, told.duration_s, told.end) == ("running", None, None)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.booleans()), min_size=1))
def test_a_set_point_counts_while_its_gate_was_open_at_two_readings(rows):
    values, asked, gate = (np.array(column) for column in zip(*rows, strict=True))
    difference = difference_of(values, asked, gate.astype(int))
    for n in range(len(rows)):
        if n and gate[n] and gate[n - 1]:
            assert difference[n] == values[n] - asked[n]
        else:
            assert np.isnan(difference[n])
