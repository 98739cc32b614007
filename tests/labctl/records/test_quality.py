"""What is told of the quality of records, by their documents alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from labctl.records import automatic_flags, quality_of
from labctl.store._run import gather
from tests.laboratory import Document, Laboratory

ANNEAL = {"temperature": "200 degC", "ramp_rate": "10 K/min", "dwell": "10 min"}


def flags_of(documents: list[Document]) -> set[tuple[str, str, str]]:
    return {(flag.kind, flag.stream, flag.key) for flag in automatic_flags(gather(documents))}


def annealed(*faults: Mapping[str, Any]) -> list[Document]:
    with Laboratory(faults) as laboratory:
        laboratory.put("furnace_a.1")
        laboratory.run("anneal", "furnace_a", **ANNEAL)
        return laboratory.documents


@pytest.fixture(scope="module")
def good() -> list[Document]:
    return annealed()


def test_a_good_run_has_no_flag(good: list[Document]) -> None:
    assert flags_of(good) == set()
    assert quality_of(()) == "good"


def test_a_readback_that_stands_still_while_its_set_point_moves_is_stuck() -> None:
    documents = annealed({"device": "furnace_a_control", "kind": "stuck_readback", "start": 300.0})
    assert ("stuck", "process", "furnace_a_control_temperature") in flags_of(documents)


def test_a_broken_thermocouple_is_out_of_range() -> None:
    documents = annealed({"device": "furnace_a_control", "kind": "sensor_break", "start": 600.0, "duration": 30.0})
    assert ("out of range", "process", "furnace_a_control_temperature") in flags_of(documents)


def test_a_voltage_at_its_limit_is_saturated(laboratory: Laboratory) -> None:
    laboratory.put("probe.1")  # bare glass
    laboratory.run("measure_sheet_resistance", "probe")
    assert ("saturated", "primary", "probe_meter_in_compliance") in flags_of(laboratory.documents)
    assert quality_of(automatic_flags(gather(laboratory.documents))) == "bad"


def changed(documents: list[Document], change: Callable[[str, dict[str, Any]], None]) -> list[Document]:
    copies = copy.deepcopy(documents)
    for name, document in copies:
        change(name, document)
    return copies


def process_events(documents: list[Document]) -> list[dict[str, Any]]:
    (process,) = [d["uid"] for name, d in documents if name == "descriptor" and d["name"] == "process"]
    return [d for name, d in documents if name == "event" and d["descriptor"] == process]


def test_a_clock_that_was_set_back_is_a_jump(good: list[Document]) -> None:
    documents = copy.deepcopy(good)
    for event in process_events(documents)[20:]:
        event["time"] -= 3600.0
    assert ("clock jump", "process", "") in flags_of(documents)


def test_readings_that_are_missing_are_a_gap(good: list[Document]) -> None:
    lost = [id(event) for event in process_events(good)[20:40]]
    documents = [entry for entry in good if id(entry[1]) not in lost]
    assert ("gap", "process", "") in flags_of(documents)


def test_a_calibration_of_a_later_day_was_not_in_force(good: list[Document]) -> None:
    def postpone(name: str, document: dict[str, Any]) -> None:
        if name == "descriptor" and "furnace_a_control" in document["configuration"]:
            document["configuration"]["furnace_a_control"]["data"]["furnace_a_control_calibration_date"] = "2023-11-15"

    (flag,) = automatic_flags(gather(changed(good, postpone)))
    assert (flag.kind, flag.quality, flag.key) == ("uncalibrated", "suspect", "furnace_a_control")
    assert flag.detail == "calibration was done later, on 2023-11-15"


def test_an_overdue_calibration_makes_a_run_suspect(good: list[Document]) -> None:
    def expire(name: str, document: dict[str, Any]) -> None:
        if name == "descriptor" and "furnace_a_control" in document["configuration"]:
            document["configuration"]["furnace_a_control"]["data"]["furnace_a_control_calibration_due"] = "2020-01-01"

    documents = changed(good, expire)
    (flag,) = automatic_flags(gather(documents))
    assert (flag.kind, flag.quality, flag.key) == ("uncalibrated", "suspect", "furnace_a_control")
    assert flag.detail == "calibration was due on 2020-01-01"


def test_the_reading_of_the_sample_before_is_no_flag(laboratory: Laboratory) -> None:
    laboratory.put("probe.1")  # bare glass: the voltage runs to its limit
    laboratory.run("measure_sheet_resistance", "probe")
    first = len(laboratory.documents)
    laboratory.run("measure_sheet_resistance", "probe")
    run = gather(laboratory.documents[first:])
    assert run.streams["baseline"].columns["probe_meter_in_compliance"].tolist() == [1.0, 1.0]
    assert {flag.stream for flag in automatic_flags(run)} == {"primary"}
