"""Facts of runs and samples, and the index that holds them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from labctl.records import operation_history, search
from labctl.records._facts import Fact, about_run, about_sample, is_unit
from labctl.records._facts_index import FILE, FactsIndex, ask
from labctl.records._facts_of_samples import RunFacts, run_facts, sample_facts
from labctl.store import Store

Recorded = tuple[Path, list[str]]


@pytest.fixture
def folder(recorded_sample: Recorded, tmp_path: Path) -> Path:
    """A copy of the recorded store, to be written to."""
    copy = tmp_path / "store"
    shutil.copytree(recorded_sample[0], copy)
    (copy / FILE).unlink(missing_ok=True)
    return copy


def facts_of(recorded: Recorded, number: int, sample: str = "S-1") -> dict[str, Fact]:
    with Store.read(recorded[0]) as store:
        history = operation_history(store.run(recorded[1][number]), sample)
    return {fact.key: fact for fact in (*about_run(history), *about_sample(history))}


def told(folder: Path, *, by_run: bool = False) -> dict[str, int]:
    return ask(folder, lambda index: index.counts(by_run=by_run))


def test_a_run_tells_what_was_asked_reached_and_measured_with_units(recorded_sample: Recorded) -> None:
    facts = facts_of(recorded_sample, 1)
    assert facts["asked.anneal.temperature"] == Fact("asked.anneal.temperature", 120.0, "degC")
    assert facts["asked.anneal.ramp_rate"].unit == "K/min"
    peak = facts["asrun.anneal.furnace_a_control_temperature.max"]
    assert 115 < float(peak.value) < 140 and peak.unit == "degC"
    assert facts["asrun.anneal.furnace_a_control_temperature.std"].unit == "K", "a difference of temperatures"
    assert facts["before.anneal.furnace_a_control_heater_power"].value == 0.0
    assert facts["status"].value == "success"
    assert facts["together_with"].value == "S-2"
    assert facts["device.furnace_a_control.maker"].value == "Eurotherm"
    assert facts["role.anneal.furnace"].value == "furnace_a_control"
    assert facts["events.anneal.note"].value == 1.0
    assert "tube looked" in str(facts["events.anneal.messages"].value)
    assert facts["simulated"].value == "true"
    assert facts_of(recorded_sample, 2)["result.measure_sheet_resistance.sheet_resistance"].unit == "ohm"


def test_as_run_statistics_are_those_of_the_recorded_stream(recorded_sample: Recorded) -> None:
    facts = facts_of(recorded_sample, 1)
    with Store.read(recorded_sample[0]) as store:
        column = store.run(recorded_sample[1][1]).streams["process"].columns["furnace_a_control_temperature"]
    expected = {"mean": column.mean(), "min": column.min(), "max": column.max(), "last": column[-1]}
    for statistic, value in expected.items():
        assert facts[f"asrun.anneal.furnace_a_control_temperature.{statistic}"].value == value


def test_a_calibration_that_was_due_makes_the_quality_suspect(recorded_sample: Recorded) -> None:
    facts = facts_of(recorded_sample, 2)
    assert facts["quality"].value == "suspect"
    assert facts["flags"].value == "uncalibrated probe_meter"
    assert facts["device.probe_meter.calibration_overdue"].value == "true"


def test_what_was_fitted_has_numbers_and_the_composition(recorded_sample: Recorded) -> None:
    facts = facts_of(recorded_sample, 0)
    assert facts["fittings.sputter.target_used"] == Fact("fittings.sputter.target_used", 2.0, "kWh")
    assert facts["composition.sputter"].value == facts["fittings.sputter.target"].value


@pytest.mark.parametrize(("text", "expected"), [("nm", True), ("K/min", True), ("inch target", False), ("", False)])
def test_only_units_are_units(text: str, expected: bool) -> None:
    assert is_unit(text) is expected


def run_of(run: str, time: float, kind: str, duration: float = 10.0, **more: str) -> RunFacts:
    facts = {"run": run, "kind": kind, "operation": kind, "status": "success", "quality": "good", **more}
    numbers = (Fact("time", time, "UTC"), Fact("duration", duration, "s"))
    return RunFacts(run, "S-1", (*(Fact(key, text) for key, text in facts.items()), *numbers))


def test_of_a_whole_sample_the_worst_the_first_and_the_last_count() -> None:
    runs = [
        run_of("a", 100.0, "heat", station="furnace_a", quality="bad", location="furnace_a.1"),
        run_of("b", 200.0, "look", station="probe", status="abort", location="probe.1"),
        run_of("c", 300.0, "heat", station="furnace_b", location="furnace_b.1"),
    ]
    facts = {fact.key: fact.value for fact in sample_facts("S-1", runs)}
    assert (facts["status"], facts["quality"], facts["time"], facts["duration"]) == ("abort", "bad", 100.0, 210.0)
    assert (facts["status.heat"], facts["quality.heat"], facts["run.heat"]) == ("success", "good", "c")
    assert (facts["station"], facts["station.heat"]) == ("furnace_a, probe, furnace_b", "furnace_b")
    assert facts["location"] == "furnace_b.1"


def test_waiting_counts_from_the_last_operation_and_a_move_is_none(tmp_path: Path) -> None:
    index = FactsIndex(tmp_path / FILE)
    index.prepare()
    index.add([run_of("c", 500.0, "look"), run_of("b", 200.0, "transfer", 50.0), run_of("a", 100.0, "heat", 20.0)])
    with sqlite3.connect(tmp_path / FILE) as db:
        query = """SELECT run, number FROM facts JOIN subjects ON subject = subjects.id JOIN keys ON keys.id = facts.key
            WHERE keys.key = 'idle_before' ORDER BY time"""
        assert db.execute(query).fetchall() == [("b", 80.0), ("c", 380.0)]
    db.close()
    assert "idle_before.look" in index.counts()


def test_another_unit_of_the_same_kind_is_converted_and_another_kind_is_kept_apart(tmp_path: Path) -> None:
    index = FactsIndex(tmp_path / FILE)
    index.prepare()
    values = {"a": (350.0, "degC"), "b": (673.15, "K"), "c": (5.0, "V")}
    for number, (run, (value, unit)) in enumerate(values.items()):
        entry = run_of(run, float(number), "heat")
        index.add([RunFacts(run, f"S-{run}", (*entry.facts, Fact("asked.heat.limit", value, unit)))])
    with sqlite3.connect(tmp_path / FILE) as db:
        rows = db.execute("""SELECT keys.key, unit, number FROM facts JOIN keys ON keys.id = facts.key
            JOIN subjects ON subject = subjects.id WHERE keys.key LIKE 'asked%' AND run IS NULL ORDER BY number""")
        assert rows.fetchall() == [
            ("asked.heat.limit[V]", "V", 5.0),
            ("asked.heat.limit", "degC", 350.0),
            ("asked.heat.limit", "degC", 400.0),
        ]
    db.close()


def test_the_index_holds_every_run_and_can_be_lost(folder: Path, recorded_sample: Recorded) -> None:
    first = told(folder), told(folder, by_run=True)
    assert ask(folder, lambda index: index.runs()) == set(recorded_sample[1])
    (folder / FILE).unlink()
    assert (told(folder), told(folder, by_run=True)) == first
    (folder / FILE).write_bytes(b"not a database, but long enough to be taken for one" * 100)
    assert (told(folder), told(folder, by_run=True)) == first


def test_an_index_that_is_cut_short_is_made_anew(folder: Path) -> None:
    first = told(folder)
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(whole[: len(whole) // 2])
    assert told(folder) == first
    with sqlite3.connect(folder / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert told(folder) == first


def test_only_new_runs_are_read(folder: Path, recorded_sample: Recorded) -> None:
    held_back = recorded_sample[1][-1]
    journal = folder / "journal" / f"{held_back}.jsonl"
    text = journal.read_text()
    journal.unlink()
    with sqlite3.connect(folder / "index.db") as db:
        db.execute("DELETE FROM runs WHERE uid = ?", [held_back])
    db.close()
    assert ask(folder, lambda index: index.runs()) == set(recorded_sample[1][:-1])
    with sqlite3.connect(folder / FILE) as db:  # a mark that would be gone if the first runs were read again
        db.execute(
            "UPDATE facts SET text = 'marked' WHERE text = 'furnace_a' AND subject IN "
            "(SELECT id FROM subjects WHERE run IS NOT NULL)"
        )
    db.close()
    journal.write_text("\n".join(text.splitlines()[:-1]) + "\n")
    assert ask(folder, lambda index: index.runs()) == set(recorded_sample[1][:-1]), "it still goes on"
    journal.write_text(text)
    assert ask(folder, lambda index: index.runs()) == set(recorded_sample[1])
    assert len(search(folder, "station = marked", by="run")) == 2


def test_a_run_that_cannot_be_read_hides_no_other(folder: Path, recorded_sample: Recorded) -> None:
    journal = folder / "journal" / f"{recorded_sample[1][0]}.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    lines[0][1]["policy"] = {"access": "nobody"}
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    problems = ask(folder, lambda index: index.problems())
    assert set(problems) == {recorded_sample[1][0]} and "access" in problems[recorded_sample[1][0]]
    assert len(search(folder, by="run")) == 4, "two runs of S-1 and one of two samples"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_is_searched_all_the_same(folder: Path) -> None:
    folder.chmod(0o555)
    try:
        assert len(search(folder)) == 2
    finally:
        folder.chmod(0o755)
    assert not (folder / FILE).exists()


def test_an_index_in_memory_answers_too(folder: Path) -> None:
    index = FactsIndex(None)
    index.prepare()
    with Store.read(folder) as store:
        index.add([entry for summary in store.runs() for entry in run_facts(store.run(summary.uid))])
    assert index.counts() == told(folder)


def test_two_who_search_at_once_make_one_index(folder: Path) -> None:
    from labctl.clock import RealClock

    answers: list[dict[str, int]] = []
    clock = RealClock()
    threads = [clock.spawn(lambda: answers.append(told(folder)), f"search-{n}") for n in range(3)]
    for thread in threads:
        thread.join()
    assert answers == [told(folder)] * 3
