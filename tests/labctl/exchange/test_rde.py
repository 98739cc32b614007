"""NIMS RDE's structured data: its own validators, and what they do not look at."""

from __future__ import annotations

import json
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from labctl.exchange import export, gather_dossier
from labctl.exchange._rde_metadata import LONGEST, cut, definitions, values
from labctl.records import Fact, SampleRegistry, operations_of, run_facts
from labctl.store import Store

KINDS = {"string": str, "number": (int, float), "integer": int, "boolean": bool}


@pytest.fixture
def folder(store, tmp_path):
    return export(gather_dossier(store, "S-1"), "rde", tmp_path / "rde")


def read(folder, path):
    return json.loads((folder / "data" / path).read_text(encoding="utf-8"))


def problems(folder, tile="."):
    """Return what RDE's validators let pass: keys that nobody defined, wrong types, units and dates."""
    defined, schema = read(folder, "tasksupport/metadata-def.json"), read(folder, "tasksupport/invoice.schema.json")
    metadata, invoice = read(folder, f"{tile}/meta/metadata.json"), read(folder, f"{tile}/invoice/invoice.json")
    rows = [(metadata["constant"], False), *((row, True) for row in metadata["variable"])]
    for key, entry, is_variable in ((k, e, v) for row, v in rows for k, e in row.items()):
        about = defined.get(key)
        if about is None:
            yield f"{key} is not defined"
            continue
        value, kind = entry["value"], about["schema"]
        if not isinstance(value, KINDS[kind["type"]]) or isinstance(value, bool) != (kind["type"] == "boolean"):
            yield f"{key} is {value!r}, no {kind['type']}"
        elif kind.get("format") == "date-time" and not is_time(value):
            yield f"{key} is {value!r}, no time"
        if entry.get("unit") != about.get("unit"):
            yield f"{key} is in {entry.get('unit')}, not {about.get('unit')}"
        if is_variable != bool(about.get("variable")):
            yield f"{key} is {'variable' if is_variable else 'constant'}"
        if isinstance(value, str) and len(value.encode()) > LONGEST:
            yield f"{key} is too long"
    if not is_day(invoice["basic"]["dateSubmitted"]):
        yield f"dateSubmitted is {invoice['basic']['dateSubmitted']!r}"
    for key in set(invoice["custom"]) - set(schema["properties"]["custom"]["properties"]):
        yield f"custom.{key} is not in the schema"
    for about in defined.values():
        if not all(about["name"].get(language) for language in ("ja", "en")):
            yield f"{about} has no name in both languages"


def is_time(text):
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def is_day(text):
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def test_the_facts_come_back_with_their_units(store, folder):
    metadata = read(folder, "meta/metadata.json")
    with Store.read(store) as opened:
        runs = [opened.run(operation.uid) for operation in operations_of(opened, "S-1")]
    assert len(metadata["variable"]) == len(runs) == 4
    for row, run in zip(metadata["variable"], runs, strict=True):
        (told,) = [entry for entry in run_facts(run) if entry.sample == "S-1"]
        for fact in told.facts:
            if fact.unit == "UTC":
                assert abs(datetime.fromisoformat(row[fact.key]["value"]).timestamp() - fact.value) < 1e-3
            elif fact.key != "sample":
                assert (row[fact.key]["value"], row[fact.key].get("unit", "")) == (fact.value, fact.unit)
        assert row["lab"]["value"] == run.start["lab"]
        assert len(row) == len(told.facts)  # without the sample, with the lab
    assert metadata["constant"]["sample.name"] == {"value": "S-1"}
    assert list(problems(folder)) == []


def test_the_invoice_names_sample_owner_and_policy_and_leaves_ids_to_the_server(folder):
    invoice = read(folder, "invoice/invoice.json")
    assert invoice["sample"]["names"] == ["S-1"] and invoice["sample"]["sampleId"] == ""
    assert invoice["custom"]["owner"] == "example laboratory" and invoice["custom"]["licence"] == "CC-BY-4.0"
    assert invoice["custom"]["simulated"] == "true" and invoice["custom"]["operators"] == "night shift"
    assert set(invoice["basic"]["dataOwnerId"] + invoice["sample"]["ownerId"]) == {"0"}


def test_traces_and_documents_lie_beside(store, folder):
    with Store.read(store) as opened:
        for operation in operations_of(opened, "S-1"):
            lines = (folder / "data/raw" / f"{operation.uid}.jsonl").read_text().splitlines()
            assert [json.loads(line) for line in lines] == [
                list(item) for item in opened.run(operation.uid).documents()
            ]
            for stream, traces in (("process", operation.traces), ("primary", operation.readings)):
                if traces:
                    path = folder / "data/structured" / f"{operation.uid}-{stream}.csv"
                    table = pd.read_csv(path, header=[0, 1], float_precision="round_trip")
                    for key, trace in traces.items():
                        np.testing.assert_array_equal(table[key].iloc[:, 0], trace.values)
                        assert trace.unit == "" or table[key].columns[0] == trace.unit


@pytest.mark.slow
def test_the_authors_library_takes_every_tile_and_what_it_overlooks_is_seen(store, tmp_path, oracle):
    photograph = tmp_path / "crack.png"
    photograph.write_bytes(b"\x89PNG")
    with SampleRegistry(store, "K. Sato") as registry:
        registry.attach("S-1", photograph, kind="photograph")
        registry.attach("S-1", tmp_path / "store" / "journal" / next((store / "journal").glob("*.jsonl")).name)
        registry.split("S-1", ["S-1-a"])
    folder = export(gather_dossier(store, "S-1-a"), "rde", tmp_path / "rde", role="owner")
    assert oracle("oracle_rde.py", folder).split() == ["data", "data/divided/0001"]
    assert [list(problems(folder, tile)) for tile in (".", "divided/0001")] == [[], []]
    (picture,) = (folder / "data/main_image").iterdir()
    assert picture.name.endswith("-crack.png") and len(list((folder / "data/attachment").iterdir())) == 1
    assert read(folder, "divided/0001/invoice/invoice.json")["custom"]["parents"] == "S-1"
    spoilt = read(folder, "meta/metadata.json")
    spoilt["constant"] |= {"nonsense": {"value": 1}, "sample.name": {"value": 7, "unit": "K"}}
    spoilt["variable"][0] |= {"duration": {"value": "long", "unit": "h"}, "time": {"value": "yesterday"}}
    (folder / "data/meta/metadata.json").write_text(json.dumps(spoilt))
    invoice = read(folder, "invoice/invoice.json")
    invoice["basic"]["dateSubmitted"] = "2026-02-30"
    (folder / "data/invoice/invoice.json").write_text(json.dumps(invoice))
    assert oracle("oracle_rde.py", folder).split() == ["data", "data/divided/0001"]
    assert sorted(problems(folder)) == [
        "dateSubmitted is '2026-02-30'",
        "duration is 'long', no number",
        "duration is in h, not s",
        "nonsense is not defined",
        "sample.name is 7, no string",
        "sample.name is in K, not None",
        "time is 'yesterday', no time",
    ]


@pytest.mark.slow
def test_the_authors_library_refuses_an_invoice_without_its_owner(folder, oracle):
    invoice = read(folder, "invoice/invoice.json")
    del invoice["custom"]["owner"]
    (folder / "data/invoice/invoice.json").write_text(json.dumps(invoice))
    with pytest.raises(AssertionError, match="'owner' is a required property"):
        oracle("oracle_rde.py", folder)


def test_numbers_of_one_key_are_in_its_unit_and_mixed_ones_are_text():
    rows = [
        {"x": Fact("x", 20.0, "degC")},
        {"x": Fact("x", 300.0, "K"), "y": Fact("y", 1.5, "s")},
        {"y": Fact("y", "no")},
    ]
    defined = definitions((row, True) for row in rows)
    assert values(rows[1], defined) == {"x": {"value": 26.85, "unit": "degC"}, "y": {"value": "1.5"}}


def test_a_long_text_is_cut_where_a_character_ends():
    assert cut("a" * LONGEST) == "a" * LONGEST
    shorter = cut("é" * LONGEST)
    assert len(shorter.encode()) <= LONGEST and shorter.endswith("é...")
