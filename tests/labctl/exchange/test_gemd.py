"""GEMD JSON, out and in again."""

from __future__ import annotations

import base64
import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.errors import FileError
from labctl.exchange import FORMATS, export, gather_dossier, load, take_in
from labctl.exchange._gemd_values import gemd_bounds, gemd_note, gemd_value, read_values
from labctl.records import SampleRegistry, Value, operations_of
from labctl.store import Store

NUMBERS = st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False), st.booleans(), st.text(max_size=9))


@pytest.fixture
def file(store, tmp_path):
    return export(gather_dossier(store, "S-1"), "gemd", tmp_path / "s1.json")


def of_type(file, kind):
    return [entity for entity in json.loads(file.read_text())["context"] if entity["type"] == kind]


def test_asked_and_read_values_come_back_as_they_were_recorded(store, file):
    record = load(FORMATS["gemd"]).read(file)
    with Store.read(store) as opened:
        history = operations_of(opened, "S-1")
    assert [told.identifier for told in record.operations] == [operation.uid for operation in history]
    for told, operation in zip(record.operations, history, strict=True):
        assert told.parameters == operation.asked
        if operation.kind.startswith("measure_"):
            assert told.results == operation.results
        for when, row in (("before", operation.before), ("after", operation.after)):
            found = {name: value for name, value in told.conditions.items() if name.startswith(f"{when}.")}
            assert found == {f"{when}.{key}": value for key, value in row.items()}
        for key, trace in operation.traces.items():
            if trace.values.dtype.kind in "fi":
                assert told.conditions[f"process.{key}.min"] == Value(float(trace.values.min()), trace.unit)
                assert told.conditions[f"process.{key}.max"] == Value(float(trace.values.max()), trace.unit)
        assert told.person == operation.operator
        assert told.status == {"success": "Completed", "fail": "Failed"}[operation.status]
    assert (record.owner, record.licence, record.access) == ("example laboratory", "CC-BY-4.0", "open")


def test_what_was_asked_is_only_in_specifications_and_what_was_read_only_in_runs(file):
    for kind in ("process_spec", "measurement_spec"):
        assert all(not entity["conditions"] for entity in of_type(file, kind))
    for kind in ("process_run", "measurement_run"):
        assert all(not entity["parameters"] for entity in of_type(file, kind))
    asked = [entity for entity in of_type(file, "process_spec") if entity["parameters"]]
    assert len(asked) == 3  # two depositions, one anneal
    assert all(attribute["origin"] == "specified" for entity in asked for attribute in entity["parameters"])


def test_every_asked_parameter_lies_within_its_bounds(file):
    bounds = {entity["uids"]["labctl"]: entity["bounds"] for entity in of_type(file, "parameter_template")}
    for entity in (*of_type(file, "process_spec"), *of_type(file, "measurement_spec")):
        for attribute in entity["parameters"]:
            limits, value = bounds[attribute["template"]["id"]], attribute["value"]
            if limits["type"] == "categorical_bounds":
                assert value["category"] in limits["categories"]
            else:
                assert limits["lower_bound"] <= value["nominal"] <= limits["upper_bound"]


@pytest.mark.slow
def test_the_authors_library_reads_it_and_finds_the_chain(file, oracle):
    told = oracle("oracle_gemd.py", file).split()
    assert told[:3] == ["S-1", "4", "1"]  # received, deposited, annealed, deposited; one measurement
    assert {"sheet_resistance", "valid"} <= set(told[3:])


@pytest.mark.slow
def test_a_piece_takes_what_it_was_cut_from_as_an_ingredient(store, tmp_path, oracle):
    (tmp_path / "crack.png").write_bytes(b"\x89PNG")
    with SampleRegistry(store) as registry:
        registry.attach("S-1", tmp_path / "crack.png", kind="photograph")
        registry.split("S-1", ["S-1-a"])
    file = export(gather_dossier(store, "S-1-a"), "gemd", tmp_path / "a.json", role="owner")
    links = [link for entity in of_type(file, "material_run") for link in entity["file_links"]]
    checksum = base64.urlsafe_b64encode(hashlib.sha256(b"\x89PNG").digest()).decode().rstrip("=")
    assert [(link["filename"], link["url"]) for link in links] == [("crack.png", f"ni:///sha-256;{checksum}")]
    told = oracle("oracle_gemd.py", file).splitlines()
    assert [line.split()[:3] for line in told] == [["S-1", "4", "1"], ["S-1-a", "5", "1"]]


@given(NUMBERS, st.sampled_from(["", "degC", "sccm", "K/min", "percent", "V"]))
def test_a_value_comes_back(number, unit):
    value = Value(number, "" if isinstance(number, bool | str) else unit)
    attribute = {"name": "x", "value": gemd_value(value), "notes": gemd_note(value)}
    ((name, again),) = read_values(json.loads(json.dumps([attribute], allow_nan=False)))
    assert (name, again) == ("x", value)
    assert isinstance(again.value, bool) == isinstance(number, bool)


def test_a_value_that_is_no_number_comes_back():
    ((_, again),) = read_values([{"name": "x", "value": gemd_value(Value(math.nan, "V")), "notes": "V"}])
    assert isinstance(again.value, float) and math.isnan(again.value) and again.unit == "V"


def test_bounds_are_the_narrowest():
    assert gemd_bounds([Value(3.0, "V"), Value(-1.0, "V")])["lower_bound"] == -1.0
    assert gemd_bounds([Value("b"), Value("a"), Value("b")])["categories"] == ["a", "b"]


def test_another_laboratorys_file_is_taken_in(store, tmp_path):
    energy = {"type": "normal_real", "mean": 8.0, "std": 0.1, "units": "keV"}
    values = {
        "a": {"type": "uniform_real", "lower_bound": 1, "upper_bound": 2, "units": "dimensionless"},
        "phase": {"type": "nominal_categorical", "category": "cubic"},
        "odd": {"type": "empirical_formula", "formula": "In2O3"},
    }
    spec = {
        "type": "measurement_spec",
        "uids": {"id": "m0"},
        "name": "xrd",
        "parameters": [{"type": "parameter", "name": "energy", "value": energy}],
    }
    run = {
        "type": "measurement_run",
        "uids": {"id": "m1"},
        "name": "xrd",
        "spec": {"scope": "id", "id": "m0"},
        "source": {"performed_by": "T. Mori", "performed_date": "2026-05-01"},
        "tags": ["owner::ring", 3],
        "properties": [*({"type": "property", "name": name, "value": value} for name, value in values.items()), 7],
    }
    file = tmp_path / "ring.json"
    file.write_text(json.dumps({"context": [spec, run], "object": None}))
    taken = take_in(file, store, "S-2")
    (operation,) = taken.record.operations
    assert (operation.identifier, operation.person, operation.begin) == ("m1", "T. Mori", "2026-05-01")
    assert operation.parameters == {"energy": Value(8.0, "keV")}
    assert operation.results == {"a.min": Value(1.0), "a.max": Value(2.0), "phase": Value("cubic")}
    assert taken.record.owner == "ring"
    assert list(taken.files) == ["ring.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"context": 3}', '{"context": [3]}', '{"context": "ab"}', "\ud800"])
def test_a_damaged_file_gives_one_clear_message(store, tmp_path, text):
    file = tmp_path / "bad.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(FileError, match=r"bad\.json: (cannot be read|has no context)"):
        take_in(file, store, "S-1")
