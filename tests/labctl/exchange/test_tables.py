"""Tables, out and in again: read as others would read them."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from labctl.errors import StoreError
from labctl.exchange import export, gather_dossier
from labctl.exchange._csv import _cell
from labctl.exchange._tables import fact_table, unit_of
from labctl.records import Fact, SampleRegistry, operations_of, search
from labctl.store import Store

TYPES = {"string": str, "number": float, "integer": np.int64, "boolean": bool}


@pytest.fixture(scope="module")
def tables(recorded, tmp_path_factory):
    """A folder with the tables of S-1 in both formats, and the store they are of."""
    folder = tmp_path_factory.mktemp("tables")
    store = shutil.copytree(recorded, folder / "store")
    with SampleRegistry(store, "K. Sato") as registry:
        registry.set_quality("S-1", "suspect", "scratch at the edge")
        registry.flag(gather_dossier(store, "S-1").samples[0].operations[1].uid, "tube cracked", "bad")
    for format in ("csv", "parquet"):
        export(gather_dossier(store, "S-1"), format, folder / format)
    return folder


def read_csv(folder, name):
    """Return a table and the units of its columns, by what the package says of it, as another program would."""
    package = json.loads((folder / "datapackage.json").read_text())
    (about,) = [entry for entry in package["resources"] if entry["path"] == f"{name}.csv"]
    fields = about["schema"]["fields"]
    kinds = {field["name"]: TYPES.get(field["type"], str) for field in fields}
    skipped = [line - 1 for line in about["dialect"]["commentRows"]]
    table = pd.read_csv(folder / about["path"], dtype=kinds, skiprows=skipped, float_precision="round_trip")
    for field in fields:
        if field["type"] == "datetime":
            table[field["name"]] = pd.to_datetime(table[field["name"]], utc=True)
    units = (folder / about["path"]).read_text().splitlines()[1].split(",")
    assert units == [field.get("unit", "") for field in fields]
    return table, {field["name"]: field.get("unit", "") for field in fields}


def read_parquet(folder, name):
    table = pq.read_table(folder / f"{name}.parquet")
    return table.to_pandas(), {field.name: unit_of(field) for field in table.schema}


@pytest.mark.parametrize(("format", "read"), [("csv", read_csv), ("parquet", read_parquet)])
@pytest.mark.parametrize(("name", "by"), [("samples", "sample"), ("runs", "run")])
def test_the_tables_say_what_the_search_finds(tables, format, read, name, by):
    table, units = read(tables / format, name)
    found = search(tables / "store", "sample = S-1", columns=["*"], by=by)
    assert len(table) == len(found) == {"sample": 1, "run": 4}[by]
    told = [key for key in found.columns if not key.startswith("idle_before") and found[key].notna().any()]
    assert set(table.columns) == set(told)
    for key in told:
        if units[key] == "" and found.attrs["units"].get(key) == "UTC":
            assert [time.timestamp() for time in table[key]] == [time.timestamp() for time in found[key]]
        elif found[key].dtype == object:
            assert table[key].where(table[key].notna(), None).tolist() == found[key].tolist(), key
        else:
            np.testing.assert_array_equal(table[key].to_numpy(float), found[key].to_numpy(float), err_msg=key)
            assert units[key] == found.attrs["units"].get(key, ""), key
    assert len(told) > 150
    assert set(table["quality"]) == {"sample": {"bad"}, "run": {"good", "bad", "suspect"}}[by]


@pytest.mark.parametrize(("format", "read"), [("csv", read_csv), ("parquet", read_parquet)])
def test_traces_come_back_exactly(tables, format, read):
    with Store.read(tables / "store") as opened:
        history = operations_of(opened, "S-1")
    n_compared = 0
    for operation in history:
        for stream, traces in (("process", operation.traces), ("primary", operation.readings)):
            if traces:
                table, units = read(tables / format, f"traces/{operation.uid}-{stream}")
                for key, trace in traces.items():
                    assert table[key].tolist() == trace.values.tolist()
                    assert table[key].dtype == trace.values.dtype
                    assert units[key] == trace.unit
                    times = table[f"{key}.time"] if f"{key}.time" in table else table["time"]
                    assert times.tolist() == trace.times_s.tolist()
                    n_compared += 1
    assert n_compared > 20


def test_what_is_given_names_whom_and_under_which_licence(tables):
    package = json.loads((tables / "csv" / "datapackage.json").read_text())
    assert package["licenses"] == [{"name": "CC-BY-4.0", "path": "https://spdx.org/licenses/CC-BY-4.0.html"}]
    assert {entry["title"]: entry["roles"] for entry in package["contributors"]} == {
        "example laboratory": ["rightsHolder"],
        "night shift": ["dataCollector"],
        "K. Sato": ["dataCurator"],
    }
    record = json.loads((tables / "parquet" / "datacite.json").read_text())
    assert record["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    listed = {entry["path"] for entry in package["resources"]}
    assert listed == {str(path.relative_to(tables / "csv")) for path in (tables / "csv").rglob("*.csv")}


def test_a_piece_has_what_was_done_to_what_it_was_cut_from(store, tmp_path):
    with SampleRegistry(store) as registry:
        registry.split("S-1", ["S-1-a"])
        registry.archive("S-1-a", "shelf 2", "box 7", condition="dry", until="2030-01-01")
    made = export(gather_dossier(store, "S-1-a"), "csv", tmp_path / "a.zip")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(tmp_path / "a")
    table, units = read_csv(tmp_path / "a", "samples")
    piece = table[table["sample"] == "S-1-a"].iloc[0]
    assert (piece["parents"], piece["archive.box"]) == ("S-1", "box 7")
    assert piece["asked.anneal.temperature"] == 120.0 and units["asked.anneal.temperature"] == "degC"


def test_units_of_one_key_are_made_one():
    table = fact_table([[Fact("x", 20.0, "degC")], [], [Fact("x", 300.0, "K")]])
    assert table["x"].to_pylist() == [20.0, None, 26.85]
    with pytest.raises(StoreError, match="x has another kind of unit"):
        fact_table([[Fact("x", 20.0, "degC")], [Fact("x", 1.0, "Pa")]])
    assert fact_table([[Fact("x", 2.5)], [Fact("x", "two")]])["x"].to_pylist() == ["2.5", "two"]


def test_numbers_that_are_not_finite_are_written_as_the_specification_says():
    assert [_cell(value) for value in (np.nan, np.inf, -np.inf, 0.1, None, True)] == [
        "NaN",
        "INF",
        "-INF",
        0.1,
        None,
        "true",
    ]
