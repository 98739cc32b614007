"""Whole campaigns on the simulated line, seeded."""

import copy
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from event_model import DocumentNames, schema_validators

from labctl.campaign import Campaign, check_campaign, retold
from labctl.clock import VirtualClock
from labctl.errors import StoreError
from labctl.lab import build_lab
from labctl.records import SampleRegistry, read_outcome, sample_history, trials_of
from labctl.store import Store, verify
from plans import OPERATIONS
from tests.laboratory import EXAMPLE, SCHEMAS, example_lab

pytestmark = pytest.mark.slow


def run_campaign(folder, n_trials=4, seed=1, faults=(), before=None, **changes):
    """Run the example's campaign; return it, its ending and everything that was recorded."""
    checked = check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS, seed=seed)
    budget = checked.file.budget.model_copy(update={"trials": n_trials})
    file = checked.file.model_copy(update={"budget": budget, **changes})
    checked = replace(checked, file=file, lab=example_lab(faults))
    clock = VirtualClock(stall_s=30)
    with Store.open(folder) as store:
        lab = build_lab(checked.lab, clock, SCHEMAS, seed=seed)
        campaign = Campaign(checked, lab, store, OPERATIONS)
        try:
            if before is not None:
                before(campaign)
            ending = campaign.run()
        finally:
            clock.close()
            lab.close()
    return campaign, ending


def journals(folder):
    """Return the documents of each run in the order of scan_id."""
    runs = []
    for file in (folder / "journal").glob("*.jsonl"):
        runs.append([json.loads(line) for line in file.read_text().splitlines()])
    return sorted(runs, key=lambda run: run[0][1]["scan_id"])


def fingerprint(folder):
    """Return a hash of everything recorded, without uids."""
    text = json.dumps(journals(folder), sort_keys=True)
    assert " at 0x" not in text, "an address differs from process to process"
    uids = {}
    text = re.sub(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda m: f"uid{uids.setdefault(m[0], len(uids))}", text
    )
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A campaign of six trials."""
    folder = tmp_path_factory.mktemp("campaign")
    campaign, ending = run_campaign(folder, 6)
    return folder, campaign, ending


def test_a_campaign_ends_by_its_budget_and_every_trial_has_an_outcome(recorded):
    _, campaign, ending = recorded
    assert ending.reason == "budget"
    assert ending.n_trials == 6
    assert ending.n_completed + ending.n_failed == 6
    assert ending.n_lost == 0
    assert ending.whereabouts == {}
    assert campaign.best is not None


def test_what_the_optimizer_knew_is_told_again_from_the_store(recorded):
    folder, campaign, _ = recorded
    checked = campaign.checked
    with Store.read(folder) as store:
        trials = trials_of(store, checked.file.campaign, checked.objectives, checked.file.quality)
        told, earlier = (retold(checked, store, trials, before) for before in ("", "T0006"))
    assert told.optimizer.checkpoint() == campaign.optimizer.checkpoint()
    assert told.best == campaign.best
    assert earlier.optimizer.suggest(1) == [dict(told.points["T0006"])]


def test_what_was_done_and_how_long_it_took_is_what_the_optimizer_learns_from(tmp_path):
    checked = check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS)
    space = [
        entry.model_copy(update={"as_run": "furnace.temperature"}) if entry.name == "temperature" else entry
        for entry in checked.file.space
    ]
    campaign, _ = run_campaign(tmp_path, 3, space=space, learn_from="as_run")
    asked = {}
    for call in campaign.optimizer.checkpoint()["history"]:
        for point in call["points"]:
            if call["call"] == "register_suggestions":
                asked[point["_id"]] = point
            elif call["call"] == "ingest":
                assert 0 < abs(point["temperature"] - asked[point["_id"]]["temperature"]) < 10
                assert point["power"] == asked[point["_id"]]["power"]
                assert 1 < point["_hours"] < 24
    checked = campaign.checked
    with Store.read(tmp_path) as store:
        about = checked.objectives, checked.file.quality, checked.as_run
        trials = trials_of(store, checked.file.campaign, *about)
        assert retold(checked, store, trials, "").optimizer.checkpoint() == campaign.optimizer.checkpoint()
    trial = next(trial for trial in trials if trial.status == "completed")
    broken = [replace(each, results={**each.results, "valid": 0.0}) for each in trial.operations]
    failed = read_outcome(
        trial.trial, asked[trial.trial], broken, len(broken), checked.objectives, as_run=checked.as_run
    )
    assert failed.status == "failed"
    assert failed.values["temperature"] == trial.outcome.values["temperature"]


def test_all_documents_validate_and_times_go_on(recorded):
    folder, _, _ = recorded
    scans = Counter()
    for run in journals(folder):
        names = [name for name, _ in run]
        assert names[0] == "start" and names[-1] == "stop"
        assert names.count("start") == names.count("stop") == 1
        scans[run[0][1]["scan_id"]] += 1
        last = 0.0
        for name, document in run:
            schema_validators[DocumentNames[name]].validate(document)
            if "time" in document:
                assert document["time"] >= last
                last = document["time"]
                assert 1_700_000_000 <= last < 1_700_000_000 + 10 * 86400
    assert set(scans.values()) == {1}


def test_several_samples_are_in_flight_and_no_two_share_a_place(recorded):
    folder, _, _ = recorded
    spans, where = {}, {}
    for run in journals(folder):
        start, stop = run[0][1], run[-1][1]
        for sample, location in zip(start["samples"], start["locations"], strict=True):
            spans.setdefault(sample, []).extend([start["time"], stop["time"]])
            if start["operation"] != "transfer":
                where.setdefault(location, []).append((start["time"], stop["time"]))
    lives = [(min(times), max(times)) for times in spans.values()]
    assert max(sum(begin <= t < end for begin, end in lives) for t, _ in lives) >= 2
    for occupied in where.values():
        ordered = sorted(occupied)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(ordered))


def test_start_documents_carry_all_that_is_declared(recorded):
    folder, _, _ = recorded
    for run in journals(folder):
        start = run[0][1]
        assert start["campaign"] == "ito-night"
        assert start["operator"] == "night shift"
        assert start["lab"] == "ito-line"
        assert start["simulated"] is True
        assert start["policy"]["access"] == "open"
        assert {"labctl", "bluesky", "ophyd", "python"} <= set(start["versions"])
        assert start["source_revision"]
        assert set(start["recipe_digests"]) <= set(start["recipes"])
        assert set(start["trials"]) == set(start["suggestions"])


def test_the_records_alone_give_the_outcomes_that_the_optimizer_learned_from(recorded):
    folder, campaign, _ = recorded
    with Store.read(folder) as store:
        trials = trials_of(store, "ito-night", campaign.checked.objectives)
    read = {trial.trial: trial.outcome for trial in trials}
    assert read == {outcome.trial: outcome for outcome in campaign.outcomes}


def test_a_new_optimizer_that_is_told_the_same_suggests_the_same_next_trial(recorded):
    _, campaign, _ = recorded
    again = campaign.checked.make_optimizer()
    for step in json.loads(json.dumps(campaign.optimizer.checkpoint()))["history"]:
        getattr(again, step["call"])(step["points"])
    assert again.suggest(1) == copy.deepcopy(campaign.optimizer).suggest(1)


def test_the_history_of_a_sample_names_every_operation_in_order(recorded):
    folder, _, _ = recorded
    with Store.read(folder) as store:
        history = sample_history(store, "ito-night-0001")
    operations = [operation.kind for operation in history.operations if operation.kind != "transfer"]
    assert operations == [
        "sputter",
        "measure_transmittance",
        "anneal",
        "measure_sheet_resistance",
        "measure_transmittance",
    ]
    assert all(operation.ambient for operation in history.operations)


def test_the_registry_knows_where_each_sample_was_and_is(recorded, tmp_path):
    folder, _, _ = recorded
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with SampleRegistry(copy) as registry:
        entry = registry.sample("ito-night-0001")
    places = [stay.place for stay in entry.stays]
    assert places[0] == places[-1] == entry.location == "rack.1"
    assert {"sputter.1", "probe.1", "photometer.1"} < set(places)
    assert (entry.substrate, entry.lot, entry.trial) == ("G26-001", "L2023-07", "T0001")


def test_journal_and_catalog_agree(recorded):
    folder, _, _ = recorded
    report = verify(folder)
    assert report.ok, report.problems


def test_the_same_seed_gives_identical_data_and_another_seed_differs(tmp_path):
    run_campaign(tmp_path / "a", 3)
    run_campaign(tmp_path / "b", 3)
    run_campaign(tmp_path / "c", 3, seed=2)
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "c")


def test_a_furnace_that_goes_mute_mid_ramp_loses_only_its_load(tmp_path):
    faults = [{"device": "furnace_a_control", "kind": "lost", "start": 5400.0, "duration": 30.0}]
    campaign, ending = run_campaign(tmp_path, 6, faults=faults)
    assert "furnace_a" in ending.quarantined
    failed = [r for r in journals(tmp_path) if r[-1][1]["exit_status"] == "fail"]
    assert len(failed) == 1
    load = failed[0][0][1]["samples"]
    assert ending.n_lost == len(load)
    assert set(ending.whereabouts) == set(load)
    assert ending.n_completed + ending.n_failed == 6 - len(load)
    furnace = campaign.lab.plant.instruments["furnace_a_control"]
    assert furnace.read_register(273) == 2, "the controller is off"
    assert furnace.read_register(4) == 0, "the heater gets no power"


def test_a_failed_mover_stops_the_campaign_and_says_where_samples_are(tmp_path):
    faults = [{"device": "robot", "kind": "dropped", "start": 3000.0, "duration": 60.0}]
    _, ending = run_campaign(tmp_path, 6, faults=faults)
    assert ending.reason.startswith("stopped: the mover failed")
    assert any(place.endswith("?") for place in ending.whereabouts.values())


def test_a_stop_brings_every_station_to_its_safe_state_with_stop_documents(tmp_path):
    def stop_later(campaign):
        def stop():
            campaign.lab.clock.sleep(7000)
            campaign.stop("a person asked")

        campaign.lab.clock.spawn(stop, "person")

    campaign, ending = run_campaign(tmp_path, 6, before=stop_later)
    assert ending.reason == "stopped: a person asked"
    assert ending.whereabouts
    statuses = Counter(run[-1][1]["exit_status"] for run in journals(tmp_path))
    assert statuses["abort"] >= 1
    assert all(run[-1][0] == "stop" for run in journals(tmp_path))
    for name in ("furnace_a_control", "furnace_b_control"):
        assert campaign.lab.plant.instruments[name].read_register(4) == 0


@pytest.mark.parametrize("at", [7003.017, 12345.678, 13860.69])
def test_a_stop_at_any_instant_ends_the_campaign(tmp_path, at):
    def stop_later(campaign):
        def stop():
            campaign.lab.clock.sleep_until(at)
            campaign.stop("a person asked")

        campaign.lab.clock.spawn(stop, "person")

    _, ending = run_campaign(tmp_path, 6, before=stop_later)
    assert ending.reason == "stopped: a person asked"
    assert all(run[-1][0] == "stop" for run in journals(tmp_path))


@pytest.mark.parametrize("at", [7000.0, 11300.0], ids=["before a load", "before a trial's end"])
def test_a_campaign_that_cannot_write_down_what_it_decides_leaves_nothing_on(tmp_path, at):
    labs = []

    def break_later(campaign):
        def break_file():
            campaign.lab.clock.sleep_until(at)
            (tmp_path / "decisions.jsonl").unlink()
            (tmp_path / "decisions.jsonl").mkdir()

        labs.append(campaign.lab)
        campaign.lab.clock.spawn(break_file, "disk")

    with pytest.raises(StoreError, match=r"decisions\.jsonl cannot be written: Is a directory"):
        run_campaign(tmp_path, 6, before=break_later)
    ends = [run[-1] for run in journals(tmp_path)]
    assert all(name == "stop" for name, _ in ends)
    aborted = [stop["reason"] for _, stop in ends if stop["exit_status"] == "abort"]
    assert aborted and all("decisions.jsonl" in reason for reason in aborted)
    for name in ("furnace_a_control", "furnace_b_control"):
        assert labs[0].plant.instruments[name].read_register(4) == 0


def test_a_target_ends_the_campaign(tmp_path):
    checked = check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS)
    objective = checked.file.objectives[0].model_copy(update={"target": 1e-6})
    objectives = tuple(replace(o, target=1e-6) for o in checked.objectives)
    clock = VirtualClock()
    with Store.open(tmp_path) as store:
        lab = build_lab(checked.lab, clock, SCHEMAS)
        changed = replace(
            checked, objectives=objectives, file=checked.file.model_copy(update={"objectives": [objective]})
        )
        ending = Campaign(changed, lab, store, OPERATIONS).run()
        clock.close()
        lab.close()
    assert "reached figure_of_merit" in ending.reason
    assert ending.n_trials < 32


def test_an_instrument_that_does_not_answer_at_the_start_moves_nothing(tmp_path):
    from labctl.errors import LabError

    with pytest.raises(LabError, match="probe_meter"):
        run_campaign(tmp_path, 2, faults=[{"device": "probe_meter", "kind": "disconnected"}])
    assert journals(tmp_path) == []


def labctl(*words, **options):
    return subprocess.Popen([sys.executable, "-c", "from labctl.app import main; main()", *map(str, words)], **options)


def test_ctrl_c_ends_safe_with_exit_code_130(tmp_path):
    lines = []
    with labctl("demo", "--out", tmp_path / "run", stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("T000"):
                process.send_signal(signal.SIGINT)
                break
        lines += process.stdout.readlines()
        assert process.wait(60) == 130, "".join(lines)
    assert "(stopped: Ctrl-C)" in "".join(lines)
    assert all(run[-1][0] == "stop" for run in journals(tmp_path / "run"))
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.timeout(400)
def test_kill_9_at_any_instant_loses_nothing(tmp_path):
    """Twenty campaigns die at twenty instants; a fork of one warm process makes each cheap."""
    import random

    chance = random.Random(9)
    for number in range(20):
        folder = tmp_path / str(number)
        pid = os.fork()
        if pid == 0:
            try:
                run_campaign(folder, 12)
            finally:
                os._exit(0)
        while not (folder / "store.json").exists():
            _wait(0.01)
        _wait(1.5 * chance.random())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        whole = {p.name: p.read_bytes().rpartition(b"\n")[0] for p in (folder / "journal").glob("*.jsonl")}
        before = {name: text for name, text in whole.items() if text}  # without files of no acknowledged document
        report = verify(folder)
        assert report.ok, report.problems
        after = journals(folder)
        assert len(after) == len(before)
        for name, text in before.items():
            assert (folder / "journal" / name).read_bytes().startswith(text), "what was journaled stays"
        assert all(run[-1][0] == "stop" for run in after)


def _wait(seconds):
    import threading

    threading.Event().wait(seconds)


def test_fingerprint_sees_a_changed_value(recorded, tmp_path):
    folder, _, _ = recorded
    (tmp_path / "journal").mkdir()
    file = next(iter((folder / "journal").glob("*.jsonl")))
    (tmp_path / "journal" / file.name).write_text(file.read_text())
    first = fingerprint(tmp_path)
    text = Path(tmp_path / "journal" / file.name).read_text()
    (tmp_path / "journal" / file.name).write_text(text.replace('"operator":"night shift"', '"operator":"day shift"'))
    assert fingerprint(tmp_path) != first


def test_what_people_doubt_is_not_learnt_from(recorded, tmp_path):
    folder, campaign, ending = recorded
    folder = shutil.copytree(folder, tmp_path / "store")
    objectives = campaign.checked.objectives
    with Store.read(folder) as store:
        first, second, *rest = [t for t in trials_of(store, "ito-night", objectives) if t.status == "completed"]
        with SampleRegistry(folder, by="T. Mori") as samples:
            samples.flag(first.operations[-1].uid, "dirty window", "bad")
            samples.set_quality(second.sample, "failed", "fell")
            samples.set_quality(rest[0].sample, "failed", "mixed up")
            samples.set_quality(rest[0].sample, "good", "not mixed up")
        lost = {t.trial: t.reason for t in trials_of(store, "ito-night", objectives, "suspect") if t.status == "lost"}
    assert set(lost) == {first.trial, second.trial}
    assert lost[first.trial].startswith("transmittance on photometer is bad")
    (folder / "decisions.jsonl").write_text(  # as if it had been interrupted before its end
        "".join(line for line in (folder / "decisions.jsonl").read_text().splitlines(True) if '"closed"' not in line)
    )
    again, resumed = run_campaign(folder, 6)
    assert (again.lost, resumed.n_completed) == (lost, ending.n_completed - 2)


def test_results_that_cannot_be_trusted_are_not_learnt_from(tmp_path):
    stuck = {"device": "furnace_a_control", "kind": "stuck_readback", "start": 0.0, "duration": 2700.0}
    also = {**stuck, "device": "furnace_b_control"}
    campaign, ending = run_campaign(tmp_path, 5, faults=[stuck, also])
    assert ending.n_lost > 0
    assert all("heat on furnace_" in reason and "is bad" in reason for reason in campaign.lost.values())
    with Store.read(tmp_path) as store:
        trials = trials_of(store, "ito-night", campaign.checked.objectives, "suspect")
        assert {trial.trial: trial.reason for trial in trials if trial.status == "lost"} == campaign.lost
        anyhow = trials_of(store, "ito-night", campaign.checked.objectives)
        assert sum(trial.status == "completed" for trial in anyhow) == ending.n_completed + ending.n_lost
