"""Alarms, notes and interventions are recorded in the run they belong to."""

from __future__ import annotations

import re

import pytest

from devices import EventLog
from tests.laboratory import Laboratory

BREAK = [{"device": "furnace_a_control", "kind": "sensor_break", "start": 1200.0, "duration": 60.0}]
ANNEAL = {"temperature": "300 degC", "ramp_rate": "10 K/min", "dwell": "10 min"}


def test_an_instruments_alarm_comes_and_goes_in_the_events() -> None:
    with Laboratory(BREAK) as laboratory:
        laboratory.put("furnace_a.1")
        laboratory.run("anneal", "furnace_a", **ANNEAL)
        events = [(row["event_kind"], row["event_source"], row["event_message"]) for row in laboratory.rows("events")]
    assert events[0] == ("alarm", "furnace_a_control", "sensor break")
    assert {row["event_severity"] for row in laboratory.rows("events")} == {"alarm"}


def test_what_is_told_between_runs_is_recorded_by_the_next_with_its_own_time(laboratory: Laboratory) -> None:
    log = EventLog(laboratory.clock)
    with laboratory.clock.held():
        told_at = laboratory.clock.time()
        log.tell("note", "tube looked grey", source="K. Sato")
        laboratory.clock.sleep(60.0)
    laboratory.put("probe.1")
    stop = laboratory.run("measure_sheet_resistance", "probe", events=log)
    assert stop["num_events"]["events"] == 1
    (event,) = [d for name, d in laboratory.documents if name == "event" and "event_kind" in d["data"]]
    assert event["data"]["event_message"] == "tube looked grey"
    assert event["timestamps"]["event_message"] == pytest.approx(told_at)
    assert not laboratory.rows("events")[1:]


def test_a_run_in_which_nothing_happened_says_so(laboratory: Laboratory) -> None:
    laboratory.put("probe.1")
    laboratory.run("measure_sheet_resistance", "probe")
    descriptors = [d["name"] for name, d in laboratory.documents if name == "descriptor"]
    assert "events" in descriptors
    assert laboratory.rows("events") == []


@pytest.mark.parametrize(("kind", "severity"), [("remark", "info"), ("note", "loud")])
def test_an_unknown_kind_or_severity_is_refused(kind: str, severity: str, laboratory: Laboratory) -> None:
    log = EventLog(laboratory.clock)
    with pytest.raises(ValueError, match="is not one of"):
        log.tell(kind, "x", source="y", severity=severity)


def test_a_supply_that_trips_ends_the_deposition_at_once() -> None:
    with Laboratory([{"device": "magnetron", "kind": "arc", "start": 300.0, "duration": 1.0}]) as laboratory:
        laboratory.put("sputter.1")
        stop = laboratory.run("sputter", "sputter", power="100 W", thickness="150 nm", argon_flow="20 sccm")
        events = [row["event_message"] for row in laboratory.rows("events")]
    assert stop["exit_status"] == "fail"
    assert "magnetron went off during the deposition (fault 4)" in stop["reason"]
    assert stop["time"] < laboratory.documents[0][1]["time"] + 330
    assert events == ["fault 4"]


def test_a_gap_in_the_readings_is_told_and_the_process_goes_on() -> None:
    with Laboratory([{"device": "furnace_a_control", "kind": "lost", "start": 600.0, "duration": 5.0}]) as laboratory:
        laboratory.put("furnace_a.1")
        stop = laboratory.run("anneal", "furnace_a", **ANNEAL)
        events = [(row["event_source"], row["event_message"]) for row in laboratory.rows("events")]
    assert stop["exit_status"] == "success"
    assert events[0] == ("furnace_a_control", "no reading: no reply in time")
    assert re.fullmatch(r"no reading for \d+\.\d s: over", events[1][1])
