"""The metadata stands where the reference page says: files are read by the documented places."""

from __future__ import annotations

import json
import shutil

import h5py
import numpy as np
import pytest

from labctl.exchange import PLACES, export, gather_dossier
from labctl.exchange._gemd_values import read_values
from labctl.exchange._places import said_of
from labctl.metadata import OperationMetadata

IN_CAMPAIGN = {
    "operation_id": "op00007",
    "continues": "6f1c",
    "substrates": {"S-1": {"glass": "EXG", "roughness_nm": 0.3, "cleaned": True}},
    "campaign": "night",
    "trials": ["t-3", "t-4"],
    "operation_names": ["heat", ""],
    "recipe_digests": ["d1", "d2"],
    "recipes": {"d1": {"recipe": 1}, "d2": {}},
    "suggestions": {"t-3": {"x": 1.0}},
    "left_out": {"S-1": ["etch", "clean"]},
    "made_from": {"S-1-x": ["S-1"]},
    "locations": ["furnace_a.1", "furnace_a.2"],
}


@pytest.fixture(scope="module")
def given(recorded, tmp_path_factory):
    """The anneal of S-1 as if in a campaign: its start document, and the sample in three formats."""
    folder = tmp_path_factory.mktemp("places")
    made_anew = shutil.ignore_patterns("registry.db*", "facts.db*")
    store = shutil.copytree(recorded, folder / "store", ignore=made_anew)
    for file in (store / "journal").glob("*.jsonl"):
        first, rest = file.read_text().split("\n", 1)
        name, start = json.loads(first)
        if start["operation"] == "anneal":
            file.write_text(json.dumps([name, {**start, **IN_CAMPAIGN}]) + "\n" + rest)
    dossier = gather_dossier(store, "S-1-x")
    for format in ("gemd", "rde", "nexus"):
        export(dossier, format, folder / format, role="owner")
    (run,) = [run for run in dossier.runs.values() if run.start["operation"] == "anneal"]
    return folder, run.start


def test_every_key_has_its_places_or_is_known_to_have_none():
    assert list(PLACES) == list(OperationMetadata.model_fields)
    nowhere = {key for key, place in PLACES.items() if not place.gemd and not place.rde and not place.nexus}
    assert nowhere == {"suggestions", "recipes"}


@pytest.mark.parametrize("key", [key for key, place in PLACES.items() if place.nexus])
def test_nexus_has_a_key_where_it_is_said_to_be(given, key):
    folder, start = given
    if key == "made_from":
        with h5py.File(folder / "nexus") as file:
            sample = file["dossier/sample_2"]
            assert {plain(sample["name"]): [plain(sample["identifier_parent_1"])]} == start["made_from"]
        return
    with h5py.File(folder / "nexus") as file:
        (entry,) = [
            e
            for e in file.values()
            if "entry_identifier_uuid" in e and plain(e["entry_identifier_uuid"]) == start["uid"]
        ]
        path, _, attribute = PLACES[key].nexus.partition("@")
        if path.endswith("/*"):
            items = {item.attrs.get("key", name): item for name, item in entry[path[:-2]].items()}
            found = {k: i.attrs.get(attribute) if attribute else plain(i) for k, i in items.items()}
            found = {name: value for name, value in found.items() if value is not None}
        else:
            found = plain(entry[path]) if not attribute else entry[path].attrs[attribute]
    expected = {"substrates": start["substrates"]["S-1"], "left_out": {"S-1": "etch, clean"}}
    assert found == expected.get(key, start[key])


@pytest.mark.parametrize("key", [key for key, place in PLACES.items() if place.rde])
def test_rde_has_a_key_where_it_is_said_to_be(given, key):
    folder, start = given
    metadata = json.loads((folder / "rde/data/meta/metadata.json").read_text())
    (row,) = [row for row in metadata["variable"] if row["run"]["value"] == start["uid"]]
    place, _, is_unit = PLACES[key].rde.replace("NAME", "heat").partition(", ")
    row |= metadata["constant"]
    if key == "made_from":
        piece = json.loads((folder / "rde/data/divided/0001/meta/metadata.json").read_text())["constant"]
        assert {piece["sample.name"]["value"]: [piece[place]["value"]]} == start["made_from"]
        return
    if place.endswith(".*"):
        told = {name.removeprefix(place[:-1]): entry for name, entry in row.items() if name.startswith(place[:-1])}
        found = {name: entry.get("unit") if is_unit else entry["value"] for name, entry in told.items()}
        if key == "fittings":  # a number is written there with its unit
            found = {n: f"{e['value']:g} {e['unit']}" if "unit" in e else e["value"] for n, e in told.items()}
        found = {name: value for name, value in found.items() if value is not None}
        expected = start["substrates"]["S-1"] if key == "substrates" else start[key]
        assert found == {name: as_fact(value) for name, value in expected.items() if value != ""}
        assert found
    else:
        assert row[place]["value"] == as_fact(said_of(start, "S-1", key))


@pytest.mark.parametrize("key", [key for key, place in PLACES.items() if place.gemd])
def test_gemd_has_a_key_where_it_is_said_to_be(given, key):
    folder, start = given
    entities = json.loads((folder / "gemd").read_text())["context"]
    by_id = {(entity["type"], entity["uids"]["labctl"]): entity for entity in entities}
    (run,) = [entity for entity in entities if f"run::{start['uid']}" in entity["tags"]]
    spec = by_id["process_spec", run["spec"]["id"]]
    asked, place = dict(read_values(spec["parameters"])), PLACES[key].gemd
    if place.startswith("tags "):
        name, told = place.removeprefix("tags "), [tag.split("::", 1) for tag in run["tags"]]
        if "*" in name:
            expected = {name.replace("*", part): str(value) for part, value in start[key].items() if value != ""}
            assert expected.items() <= dict(told).items()
        else:
            assert [text for tag, text in told if tag == name] == [str(said_of(start, "S-1", key))]
        return
    found, expected = {
        "source.performed_by": lambda: (run["source"]["performed_by"], start[key]),
        "name": lambda: (run["name"], "heat"),
        "material_run.name": lambda: ({e["name"] for e in entities if e["type"] == "material_run"}, {"S-1", "S-1-x"}),
        "ingredient_run": lambda: (by_id["ingredient_spec", "ingredient_spec:S-1-x/0/received/S-1"]["name"], "S-1"),
        "material_spec.properties": lambda: (properties(entities), start["substrates"]["S-1"]),
        "spec.parameters": lambda: ({name: value.value for name, value in asked.items()}, start[key]),
        "spec.parameters, units": lambda: ({n: v.unit for n, v in asked.items() if v.unit}, start["parameter_units"]),
    }[place]()
    assert found == expected


def properties(entities):
    specs = [entity for entity in entities if entity["type"] == "material_spec"]
    told = [dict(read_values([entry["property"] for entry in spec["properties"]])) for spec in specs]
    return {name: value.value for row in told for name, value in row.items()}


def plain(dataset):
    value = dataset.asstr()[()] if h5py.check_string_dtype(dataset.dtype) else dataset[()]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def as_fact(value):
    """Return a value as facts have it: text, or a number without the unit that is written with it."""
    if isinstance(value, bool):
        return str(value).lower()
    return float(value) if isinstance(value, int | float) else value
