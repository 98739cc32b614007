"""Nothing leaves that may not, and everything that leaves or would have left is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labctl.errors import FileError, StoreError
from labctl.exchange import audit_entries, export, gather_dossier, permit, refusals, take_in
from labctl.metadata import AccessPolicy
from labctl.records import SampleRegistry

NOW = 1_790_000_000.0  # 2026-09-21


def test_open_data_goes_to_the_public_and_is_written_down(store, tmp_path):
    made = export(gather_dossier(store, "S-2"), "gemd", tmp_path / "s2.json", by="K. Sato", now=NOW)
    assert made.exists()
    (entry,) = audit_entries(store)
    assert (entry.time, entry.by, entry.role, entry.what, entry.format) == (NOW, "K. Sato", "public", "S-2", "gemd")
    assert (entry.verdict, entry.reasons, entry.samples, entry.n_runs) == ("granted", (), ("S-2",), 1)
    assert entry.out == str(made)
    assert entry.policies[0]["licence"] == "CC-BY-4.0"


CASES = [
    pytest.param({"access": "closed"}, "public", "closed, and public may have open data only", id="closed to public"),
    pytest.param(
        {"access": "closed"},
        "consortium",
        "closed, and consortium may have open or consortium data only",
        id="closed to consortium",
    ),
    pytest.param({"access": "closed"}, "owner", "", id="closed to its owner"),
    pytest.param({"access": "consortium"}, "consortium", "", id="consortium to consortium"),
    pytest.param(
        {"access": "consortium"}, "public", "consortium, and public may have open data only", id="consortium to public"
    ),
    pytest.param({"embargo_until": "2026-09-22"}, "public", "under embargo until 2026-09-22", id="embargo"),
    pytest.param({"embargo_until": "2026-09-21"}, "public", "", id="embargo that ended"),
    pytest.param({"export_control": "9A004"}, "consortium", "under export control (9A004)", id="export control"),
    pytest.param({"export_control": "9A004"}, "owner", "", id="export control to its owner"),
]


@pytest.mark.parametrize(("policy", "role", "reason"), CASES)
def test_one_run_decides_for_all_of_it(store, with_policy, tmp_path, policy, role, reason):
    (uid,) = with_policy("measure_sheet_resistance", **policy)
    out = tmp_path / "s1.json"
    if not reason:
        assert export(gather_dossier(store, "S-1"), "gemd", out, role=role, now=NOW).exists()
        return
    with pytest.raises(FileError) as caught:
        export(gather_dossier(store, "S-1"), "gemd", out, role=role, now=NOW)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"S-1: is refused to {role}: ")
    assert f"run {uid[:8]}" in line and line.endswith(reason)
    assert list(tmp_path.glob("*s1*")) == []
    (entry,) = audit_entries(store)
    assert entry.verdict == "refused"
    assert len(entry.reasons) == 1 and entry.reasons[0].endswith(reason)
    assert {item["access"] for item in entry.policies} >= {"open"}


def test_another_sample_of_the_load_does_not_change_what_may_leave(store, with_policy):
    with_policy("sputter", access="closed")
    assert refusals(gather_dossier(store, "S-1"), "public", now=NOW)
    assert refusals(gather_dossier(store, "S-2"), "public", now=NOW) == ()


def test_every_reason_is_told_at_once(store, with_policy):
    with_policy("sputter", access="closed")
    with_policy("anneal", embargo_until="2030-01-01")
    reasons = refusals(gather_dossier(store, "S-1"), "public", now=NOW)
    assert [reason.rpartition(": ")[2] for reason in reasons] == [
        "closed, and public may have open data only",
        "under embargo until 2030-01-01",
    ]


def test_a_derived_sample_has_the_strictest_policy_of_its_runs(store, with_policy):
    with_policy("sputter", access="closed", licence="CC-BY-NC-4.0")
    policy = gather_dossier(store, "S-1").policy
    assert policy.access == "closed"
    assert sorted(policy.licence.split(" AND ")) == ["CC-BY-4.0", "CC-BY-NC-4.0"]


def test_an_attachment_can_be_closed_while_the_sample_is_open(store, tmp_path):
    given = export(gather_dossier(store, "S-2"), "gemd", tmp_path / "from-elsewhere.json")
    take_in(given, store, "S-2")
    with pytest.raises(FileError, match=r"attachment from-elsewhere\.json of S-2, .*: closed"):
        permit(gather_dossier(store, "S-2"), "gemd", tmp_path / "x", role="public")


def test_a_policy_that_a_person_gave_holds_for_the_sample_its_pieces_and_its_load(store):
    with SampleRegistry(store, "K. Sato") as registry:
        registry.set_policy("S-1", AccessPolicy(owner="Foundry", access="closed"))
        registry.split("S-1", ["S-1-a"])
    expected = "closed, and public may have open data only"
    assert refusals(gather_dossier(store, "S-1"), "public") == (f"sample S-1: {expected}",)
    assert refusals(gather_dossier(store, "S-1-a"), "public") == (f"sample S-1: {expected}",)
    assert refusals(gather_dossier(store, "S-2"), "public") == (f"sample S-1 in the same load: {expected}",)


def test_what_people_doubt_counts_for_quality(store):
    with SampleRegistry(store, "K. Sato") as registry:
        uid = gather_dossier(store, "S-2").samples[0].operations[0].uid
        assert refusals(gather_dossier(store, "S-2"), "public", "good") == ()
        registry.flag(uid, "tube cracked", "bad")
    (reason,) = refusals(gather_dossier(store, "S-2"), "public", "suspect")
    assert reason == f"run {uid[:8]} (anneal): bad, and no worse than suspect is asked"


def test_a_sample_without_runs_has_nothing_to_give(store):
    with SampleRegistry(store) as registry:
        registry.add("blank-1")
    with pytest.raises(StoreError, match="nothing was done to sample 'blank-1' yet"):
        gather_dossier(store, "blank-1")


def test_quality_can_be_asked_for(store, tmp_path):
    dossier = gather_dossier(store, "S-1")
    worst = {dossier.quality(operation) for operation in dossier.samples[0].operations}
    assert "good" in worst and worst & {"suspect", "bad"}
    with pytest.raises(FileError, match="no worse than good is asked"):
        export(dossier, "gemd", tmp_path / "s1.json", quality="good")
    assert export(dossier, "gemd", tmp_path / "s1.json", quality="bad").exists()
    assert [entry.verdict for entry in audit_entries(store)] == ["refused", "granted"]


def test_nothing_leaves_when_it_cannot_be_written_down(store, tmp_path):
    (store / "audit.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"audit\.jsonl cannot be written, so nothing is given away"):
        export(gather_dossier(store, "S-2"), "gemd", tmp_path / "s2.json")
    assert not (tmp_path / "s2.json").exists()


def test_the_audit_file_outlives_a_torn_line(store, tmp_path):
    dossier = gather_dossier(store, "S-2")
    permit(dossier, "gemd", tmp_path / "a", role="owner")
    with (store / "audit.jsonl").open("a") as file:
        file.write('{"time": 12')
    permit(dossier, "gemd", tmp_path / "b", role="owner")
    assert [Path(entry.out).name for entry in audit_entries(store)] == ["a", "b"]
    assert len((store / "audit.jsonl").read_text().splitlines()) == 3


def test_what_failed_half_way_does_not_have_the_name(store, tmp_path, with_policy):
    dossier = gather_dossier(store, "S-1")
    uid = dossier.samples[0].operations[-1].uid
    (store / "journal" / f"{uid}.jsonl").unlink()
    with pytest.raises(StoreError, match="journal file is gone"):
        export(dossier, "rocrate", tmp_path / "crate")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_wrong_names_are_told_and_nothing_is_written_down(store, tmp_path):
    with pytest.raises(StoreError, match="has no sample and no campaign 'S-3'; did you mean 'S-"):
        gather_dossier(store, "S-3")
    dossier = gather_dossier(store, "S-2")
    with pytest.raises(FileError, match="unknown format 'rocrat'; did you mean 'rocrate'"):
        export(dossier, "rocrat", tmp_path / "crate")
    (tmp_path / "there").write_text("mine")
    with pytest.raises(FileError, match="exists already; nothing is overwritten"):
        export(dossier, "gemd", tmp_path / "there")
    with pytest.raises(FileError, match="there is no folder"):
        export(dossier, "gemd", tmp_path / "no" / "where")
    assert (tmp_path / "there").read_text() == "mine"
    assert audit_entries(store) == []


def test_a_run_dated_outside_the_calendar_is_told(store, tmp_path):
    for file in (store / "journal").glob("*.jsonl"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        lines[0][1]["time"] = 4e11
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(StoreError, match="is no date"):
        export(gather_dossier(store, "S-2"), "datacite", tmp_path / "s2.json", role="owner")


def test_a_sample_that_a_person_judged_failed_is_of_no_better_quality_than_its_runs(store):
    with SampleRegistry(store) as registry:
        registry.set_quality("S-2", "failed", "scratched")
    dossier = gather_dossier(store, "S-2")
    assert refusals(dossier, "owner", "suspect", NOW) == ("sample S-2: bad, and no worse than suspect is asked",)
    assert refusals(dossier, "owner", "bad", NOW) == ()
