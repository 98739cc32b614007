"""A campaign whose controller died goes on: nothing lost, nothing counted or done twice."""

import functools
import os
import random
import signal
import sys
import threading
from collections import Counter
from dataclasses import replace

import pytest

from labctl.app._running import catch_up
from labctl.campaign import Campaign, check_campaign
from labctl.clock import VirtualClock
from labctl.lab import build_lab
from labctl.records import trials_of
from labctl.store import RECOVERED, Store, verify
from plans import OPERATIONS
from tests.deaths import killed_while_writing, reads, under_way
from tests.laboratory import EXAMPLE, SCHEMAS, example_lab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
N_TRIALS = 4
CAMPAIGN = "ito-night"


def checked_campaign(n_trials):
    checked = check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS, seed=1)
    budget = checked.file.budget.model_copy(update={"trials": n_trials})
    return replace(checked, file=checked.file.model_copy(update={"budget": budget}), lab=example_lab())


def run(folder, n_trials=N_TRIALS):
    """Run the example's campaign in a folder, or go on with it; return it and its ending."""
    checked = checked_campaign(n_trials)
    clock = VirtualClock(stall_s=30)
    with Store.open(folder) as store:
        lab = build_lab(checked.lab, clock, SCHEMAS, seed=1, plant_memory=folder / "plant.log")
        catch_up(clock, store)
        campaign = Campaign(checked, lab, store, OPERATIONS)
        try:
            return campaign, campaign.run()
        finally:
            clock.close()
            lab.close()


def killed(folder, seconds):
    """Run it in a process that is killed after real seconds since its first run; return whether it was still going."""
    pid = os.fork()
    if pid == 0:
        try:
            run(folder)
        finally:
            os._exit(0)
    wait = threading.Event().wait
    while not (folder / "decisions.jsonl").exists():
        wait(0.01)
    wait(seconds)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1] == signal.SIGKILL


def begins_carrying(source):
    """Return what tells the start document of a move out of a station."""
    return lambda line: line.startswith(b'["start"') and f'"source":"{source}.1"'.encode() in line


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, *run(folder)


def assert_whole(folder, campaign, ending, n_trials=N_TRIALS):
    """Every trial has one end, and no operation was done twice to a sample."""
    assert ending.n_trials == n_trials
    assert ending.n_completed + ending.n_failed + ending.n_lost == n_trials
    assert verify(folder).ok
    with Store.read(folder) as store:
        trials = trials_of(store, CAMPAIGN, campaign.checked.objectives, "suspect")
        assert [trial.trial for trial in trials] == [f"T{n:04d}" for n in range(1, n_trials + 1)]
        for trial in trials:
            done = Counter(operation.name for operation in trial.operations if operation.status == "success")
            assert max(done.values(), default=1) == 1, f"{trial.trial}: {done}"
        assert {t.trial for t in trials if t.outcome is not None} == {o.trial for o in campaign.outcomes}
        numbers = [summary.scan_id for summary in store.runs()]
        assert len(set(numbers)) == len(numbers)
        runs = [store.run(summary.uid) for summary in reversed(store.runs())]
    ids = [run.start["operation_id"] for run in runs]
    assert len(set(ids)) == len(ids)
    continued = {run.start["continues"] for run in runs if run.start.get("continues")}
    recovered = {run.uid for run in runs if run.stop["reason"] == RECOVERED} if runs else set()
    assert continued <= recovered


def test_a_campaign_killed_at_any_instant_goes_on(tmp_path, undisturbed):
    _, _, whole = undisturbed
    chance = random.Random(4)
    n_killed = 0
    for number in range(3):
        folder = tmp_path / str(number)
        n_killed += killed(folder, 2.0 * chance.random())
        campaign, ending = run(folder)
        assert_whole(folder, campaign, ending)
        assert ending.n_lost <= 1, campaign.lost  # only a deposition that nobody watched is given up
        assert whole.n_trials == ending.n_trials
    assert n_killed >= 2


def test_a_campaign_killed_again_and_again_goes_on(tmp_path):
    for seconds in (0.6, 0.5):
        killed(tmp_path, seconds)
    campaign, ending = run(tmp_path)
    assert_whole(tmp_path, campaign, ending)


def test_what_was_done_is_not_repeated_when_the_sample_was_being_carried_away(tmp_path):
    killed_while_writing(begins_carrying("photometer"), lambda: run(tmp_path, 1))
    campaign, ending = run(tmp_path, 1)
    assert_whole(tmp_path, campaign, ending, 1)
    assert "T0001" not in campaign.lost


def test_a_sample_that_was_set_aside_stays_aside(tmp_path):
    """The controller dies during a deposition, and again while the spoilt sample is carried home."""
    depositing = lambda line: b'"name":"process"' in line and b'"quartz_rate"' in line  # noqa: E731  one expression
    killed_while_writing(depositing, lambda: run(tmp_path, 1))
    killed_while_writing(begins_carrying("sputter"), lambda: run(tmp_path, 1))
    campaign, ending = run(tmp_path, 1)
    assert_whole(tmp_path, campaign, ending, 1)
    assert list(campaign.lost) == ["T0001"]
    with Store.read(tmp_path) as store:
        depositions = store.runs(sample=f"{CAMPAIGN}-0001", operation="sputter")
    assert len(depositions) == 1


def test_the_optimizer_goes_on_as_it_would_have(tmp_path, undisturbed):
    """A campaign that ended and is given more trials suggests what it would have suggested."""
    _, longer, _ = undisturbed
    run(tmp_path, 3)
    campaign, _ = run(tmp_path)
    first = [point for step in campaign.optimizer.checkpoint()["history"] for point in step["points"]][:3]
    assert first == [point for step in longer.optimizer.checkpoint()["history"] for point in step["points"]][:3]
    assert campaign.n_started == N_TRIALS


def test_a_clock_that_was_set_back_confuses_nothing(tmp_path, monkeypatch):
    """The controller dies during an anneal, its clock is set back by a day, and it dies again."""
    killed_while_writing(reads("furnace_a_control_temperature", 50.0), lambda: run(tmp_path, 1))
    here = sys.modules[__name__]
    monkeypatch.setattr(here, "VirtualClock", functools.partial(VirtualClock, epoch=1_700_000_000.0 - 86400.0))
    monkeypatch.setattr(here, "catch_up", lambda clock, store: None)
    killed_while_writing(under_way("probe_meter"), lambda: run(tmp_path, 1))
    campaign, ending = run(tmp_path, 1)
    assert_whole(tmp_path, campaign, ending, 1)
    assert (ending.n_completed, ending.n_lost) == (1, 0)
