"""Metadata for a DOI."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime

import pytest

from labctl.errors import StoreError
from labctl.exchange import export, gather_dossier
from labctl.exchange._datacite import check_record, datacite_record
from labctl.records import SampleRegistry


@pytest.fixture
def record(recorded):
    return datacite_record(gather_dossier(recorded, "S-1"))


def test_the_record_holds_to_the_schema_and_names_everybody(store, tmp_path):
    made = export(gather_dossier(store, "S-1"), "datacite", tmp_path / "s1.json")
    record = json.loads(made.read_text())
    check_record(record)
    assert [entry["name"] for entry in record["creators"]] == ["example laboratory"]
    roles = {entry["contributorType"]: entry["name"] for entry in record["contributors"]}
    assert roles == {
        "DataCollector": "night shift",
        "RightsHolder": "example laboratory",
        "HostingInstitution": "ito-line",
    }
    assert record["publisher"] == {"name": "ito-line"}
    assert record["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    assert record["rightsList"][0]["rightsIdentifierScheme"] == "SPDX"
    assert record["rightsList"][1]["rightsUri"] == "info:eu-repo/semantics/openAccess"
    assert "simulated" in record["descriptions"][0]["description"]


def test_who_is_to_be_asked_and_who_judged_are_named_with_their_roles(store, with_policy, tmp_path):
    with_policy("sputter", contact="M. Abe <data@example.org>")
    with SampleRegistry(store, "K. Sato") as registry:
        registry.set_quality("S-1", "suspect", "scratched")
    dossier = gather_dossier(store, "S-1")
    record = datacite_record(dossier)
    check_record(record)
    assert {(entry["name"], entry["contributorType"]) for entry in record["contributors"]} == {
        ("M. Abe <data@example.org>", "ContactPerson"),
        ("night shift", "DataCollector"),
        ("K. Sato", "DataCurator"),
        ("example laboratory", "RightsHolder"),
        ("ito-line", "HostingInstitution"),
    }
    crate = export(dossier, "rocrate", tmp_path / "crate")
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    roles = {entry["roleName"] for entry in graph if entry["@type"] == "Role"}
    assert roles == {"ContactPerson", "DataCollector", "DataCurator"}


def test_the_dates_are_those_of_the_runs(recorded, record):
    operations = gather_dossier(recorded, "S-1").samples[0].operations
    dates = {entry["dateType"]: entry["date"] for entry in record["dates"]}
    begin, end = (datetime.fromisoformat(text) for text in dates["Collected"].split("/"))
    assert abs(begin.timestamp() - operations[0].time) < 1e-3
    assert abs(end.timestamp() - operations[-1].end) < 1e-3
    assert dates["Issued"] == datetime.now(UTC).date().isoformat()
    assert record["publicationYear"] == dates["Issued"][:4]


def test_an_embargo_and_several_policies_are_told(store, with_policy):
    with_policy("sputter", access="consortium", embargo_until="2099-01-01", licence="CC0-1.0", owner="Foundry, Inc.")
    record = datacite_record(gather_dossier(store, "S-1"))
    check_record(record)
    assert {"date": "2099-01-01", "dateType": "Available", "dateInformation": "end of the embargo"} in record["dates"]
    rights = [entry.get("rightsIdentifier") or entry["rightsUri"] for entry in record["rightsList"]]
    assert set(rights) == {"CC0-1.0", "CC-BY-4.0", "info:eu-repo/semantics/embargoedAccess"}
    assert {entry["name"] for entry in record["creators"]} == {"Foundry, Inc.", "example laboratory"}


@pytest.mark.parametrize(
    "date", ["2026-02-30", "yesterday", "", "2026", "2026-05-02/2026-05-01", "2026-05-01/2026-05-02/2026-05-03", "99"]
)
def test_a_date_that_is_none_is_refused_although_the_schema_takes_it(record, date):
    from datacite import schema45

    wrong = copy.deepcopy(record)
    wrong["dates"][0]["date"] = date
    with pytest.raises(StoreError, match="is no date"):
        check_record(wrong)
    if date == "2026-02-30":
        assert schema45.validator.is_valid(wrong)


@pytest.mark.parametrize("key", ["creators", "titles", "publisher", "publicationYear", "types"])
def test_a_record_without_what_is_required_is_refused(record, key):
    wrong = {name: value for name, value in record.items() if name != key}
    with pytest.raises(StoreError, match=key):
        check_record(wrong)
