"""Campaigns that share a laboratory: each has its own records and its own end."""

import os
import signal
import threading
from collections import Counter
from dataclasses import replace

import pytest
import yaml

from labctl.app._campaign_folder import campaigns_in, keep_files
from labctl.campaign import Ending, check_campaign, check_together, is_closed, run_side_by_side
from labctl.errors import FileError
from labctl.records import trials_of
from labctl.store import Store, verify
from tests.laboratory import EXAMPLE, SCHEMAS, example_lab, shared

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def checked_campaign(name, n_trials):
    checked = check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS, seed=1)
    budget = checked.file.budget.model_copy(update={"trials": n_trials})
    return replace(
        checked, file=checked.file.model_copy(update={"budget": budget, "campaign": name}), lab=example_lab()
    )


def run(folder, budgets, before=lambda campaigns: None):
    """Run campaigns side by side, or go on with them; return them and how they ended."""
    chosen = {name: checked_campaign(name, n_trials) for name, n_trials in budgets.items()}
    with shared(chosen, folder) as laboratory:
        campaigns = {name: laboratory.campaign(name, each) for name, each in chosen.items()}
        before(campaigns)
        return campaigns, dict(zip(campaigns, run_side_by_side(list(campaigns.values())), strict=True))


def runs_of(folder):
    with Store.read(folder) as store:
        return [store.run(summary.uid) for summary in reversed(store.runs())]


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """One campaign that ends by its budget, beside one that a person stops and one that fails."""
    folder = tmp_path_factory.mktemp("three")

    def disturb(campaigns):
        def fail():
            raise RuntimeError("its disk is gone")

        def disturb_others(happening):
            if happening.kind == "trial":
                campaigns["stopped"].stop("by K. Sato")
                campaigns["broken"].tell(fail)

        campaigns["steady"].on_happening = disturb_others

    return folder, *run(folder, {"steady": 2, "stopped": 3, "broken": 3}, disturb)


def test_one_campaign_goes_on_when_others_stop_and_fail(three):
    _, campaigns, endings = three
    assert (endings["steady"].reason, endings["steady"].n_trials, endings["steady"].n_lost) == ("budget", 2, 0)
    assert endings["stopped"].reason == "stopped: by K. Sato"
    assert endings["stopped"].n_lost > 0
    assert isinstance(endings["broken"], RuntimeError)
    assert endings["steady"].quarantined == {}
    line = campaigns["steady"].dispatcher.line
    assert line.travellers == []
    assert all(where.startswith("rack.") for where in line.left.values())


def test_each_campaign_has_its_own_records(three):
    folder, *_ = three
    for name in ("steady", "stopped", "broken"):
        runs = runs_of(folder / name)
        assert {run.start["campaign"] for run in runs} == {name}
        assert all(sample.startswith(f"{name}-") for run in runs for sample in run.start["samples"])
        assert sorted(run.start["scan_id"] for run in runs) == list(range(1, len(runs) + 1))
        assert verify(folder / name).ok
    assert [is_closed(folder / name) for name in ("steady", "stopped", "broken")] == [True, True, False]


def test_samples_of_all_campaigns_are_in_flight_together(three):
    folder, *_ = three
    times = {
        name: (min(run.start["time"] for run in runs), max(run.stop["time"] for run in runs))
        for name in ("steady", "stopped")
        for runs in [runs_of(folder / name)]
    }
    assert times["stopped"][0] < times["steady"][0] + 3600.0 < times["stopped"][1]


def test_a_folder_of_campaigns_is_looked_at_campaign_by_campaign(three):
    folder, campaigns, _ = three
    for name, campaign in campaigns.items():
        keep_files(campaign.checked, folder / name)
    assert [path.name for path in campaigns_in(folder)] == ["broken", "steady", "stopped"]
    assert campaigns_in(folder / "steady") == [folder / "steady"]


def killed(folder, budgets, seconds):
    """Run them in a process that is killed some real seconds after all have begun."""
    pid = os.fork()
    if pid == 0:
        try:
            run(folder, budgets)
        finally:
            os._exit(0)
    wait = threading.Event().wait
    while not all((folder / name / "decisions.jsonl").exists() for name in budgets):
        wait(0.01)
    wait(seconds)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_campaigns_whose_controller_died_go_on_together(tmp_path):
    budgets = {"one": 2, "two": 3}
    assert killed(tmp_path, budgets, 1.0)
    campaigns, endings = run(tmp_path, budgets)
    for name, n_trials in budgets.items():
        ending = endings[name]
        assert isinstance(ending, Ending)
        assert (ending.reason, ending.n_trials) == ("budget", n_trials)
        assert ending.n_lost <= 1, campaigns[name].lost  # a deposition that nobody watched
        runs = runs_of(tmp_path / name)
        whole_s = max(run.stop["time"] for run in runs) - min(run.start["time"] for run in runs)
        assert ending.lab_s > whole_s - 1.0, "counted from its beginning, before the crash"
        with Store.read(tmp_path / name) as store:
            for trial in trials_of(store, name, campaigns[name].checked.objectives, "suspect"):
                done = Counter(operation.name for operation in trial.operations if operation.status == "success")
                assert max(done.values(), default=1) == 1, f"{trial.trial}: {done}"
    ids = [run.start["operation_id"] for name in budgets for run in runs_of(tmp_path / name)]
    assert len(set(ids)) == len(ids)


def written(folder, name, **changes):
    content = yaml.safe_load((EXAMPLE / "campaign.yaml").read_text()) | {"campaign": name} | changes
    for key in ("lab", "recipe"):
        content[key] = str((EXAMPLE / content[key]).absolute()) if key not in changes else changes[key]
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return check_campaign(folder / f"{name}.yaml", SCHEMAS)


def test_what_cannot_share_a_laboratory_is_refused(tmp_path):
    lab = yaml.safe_load((EXAMPLE / "lab.yaml").read_text())
    lab |= {"description": "another", "substrates": str(EXAMPLE / "substrates.csv")}
    (tmp_path / "another_lab.yaml").write_text(yaml.safe_dump(lab))
    one = written(tmp_path, "one")
    other = written(tmp_path, "other", lab="another_lab.yaml", dispatch={"policy": "first come"}, budget={"trials": 40})
    same = replace(one, paths={**one.paths, "campaign": tmp_path / "same.yaml"})
    check_together([one])
    with pytest.raises(ExceptionGroup) as caught:
        check_together([one, same, other])
    text = "\n".join(str(error) for error in caught.value.exceptions if isinstance(error, FileError))
    places = sum(one.lab.racks.values())
    for line in (
        f"same.yaml: campaign: 'one' is also the name of the campaign in {tmp_path}/one.yaml: samples are named after",
        f"other.yaml: lab: is not the laboratory of {tmp_path}/one.yaml: {one.paths['lab']}",
        f"dispatch.policy: is 'first come', and 'greedy' in {tmp_path}/one.yaml: one line has one policy",
        f"budget.trials: 32 + 32 + 40 trials need as many rack places; {one.paths['lab']} has {places}",
    ):
        assert line in text
