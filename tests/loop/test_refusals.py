"""Suggestions that people refuse although nobody asked them, before anything was done."""

import json
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from labctl.app._campaign_folder import FILES, keep_files
from labctl.app._control import Control
from labctl.app._reading import told_if_refused
from labctl.app._report import write_report
from labctl.app._showing_beliefs import show_beliefs
from labctl.app._status import print_status, show_status
from labctl.campaign import Campaign, Ending, check_campaign, retold, run_side_by_side
from labctl.errors import RegistryError
from labctl.optimize import HOURS_KEY
from labctl.records import sample_history
from labctl.store import Store, verify
from tests.deaths import killed_while_writing
from tests.laboratory import SCHEMAS, shared

pytestmark = pytest.mark.slow
TABLES = Path(__file__).parents[2] / "examples/table"
RECIPES = {n: {"n": 6, "theta": 0, "r": 1.5, "t": t, "_row": n} for n, t in enumerate((0.7, 1.05, 1.4))}
WHEN_S = 900.0
"""T0001 is done by then, T0002 under way; T0003 and T0004 wait for the only station."""


@dataclass
class Went:
    """What came of campaigns that ran side by side."""

    campaigns: dict[str, Campaign]
    endings: dict[str, Ending] = field(default_factory=dict)
    said: list[dict[str, str]] = field(default_factory=list)
    """Replies to what a person asked."""
    now: dict[str, object] = field(default_factory=dict)
    """Status just before the first refusal."""

    def decisions(self, kind, name="one"):
        lines = (self.campaigns[name].store.directory / "decisions.jsonl").read_text().splitlines()
        return [entry for entry in map(json.loads, lines) if entry["decision"] == kind]

    def points(self, name="one"):
        """Return what was suggested, in order."""
        return [entry["point"] for entry in self.decisions("suggested", name)]


def write_files(folder, names):
    """Write a table, a laboratory with one station for it, and campaigns of five trials."""
    folder.mkdir()
    for file in TABLES.iterdir():
        shutil.copy(file, folder)
    lab = yaml.safe_load((folder / "lab.yaml").read_text())
    lab["stations"] = {"bench_a": lab["stations"]["bench_a"]}
    lab["devices"] = {"table_a": lab["devices"]["table_a"]}
    (folder / "lab.yaml").write_text(yaml.safe_dump(lab))
    rows = [(n, theta, r, t) for n in (6, 8) for theta in (0, 75, 150) for r in (1.5, 2.5) for t in (0.7, 1.05, 1.4)]
    lines = [f"{n},{theta},{r},{t},{n * t / r + theta / 100:.3f}" for n, theta, r, t in rows]
    (folder / "table.csv").write_text("\n".join(["n,theta,r,t,toughness", *lines]))
    text = (folder / "crossed_barrel.yaml").read_text().replace("trials: 40", "trials: 5")
    for name in names:
        (folder / f"{name}.yaml").write_text(text.replace("campaign: crossed-barrel", f"campaign: {name}"))


def run(folder, names=("one",), asks=(), before=None):
    """Run campaigns side by side, or go on with them; a person asks something of the first of them at `WHEN_S`."""
    if not folder.exists():
        write_files(folder, names)
    went = Went({})
    each = {name: check_campaign(folder / f"{name}.yaml", SCHEMAS, folder / "table.csv") for name in names}

    def add():
        for name, campaign in went.campaigns.items():
            for point in RECIPES.values() if len(campaign.before.points) < 2 else ():
                campaign.operator.suggest(point, "K. Sato", name)

    def person():
        campaign = went.campaigns[names[0]]
        clock.sleep(max(60.0, WHEN_S - campaign.lab_s))
        with clock.outside(60.0):
            control = Control(campaign)
            went.now.update(control.status())
            went.said += [
                control.reply(json.dumps({"by": "K. Sato", **asked}).encode()) for asked in asks or [ask("T0003")]
            ]

    with shared(each, folder) as laboratory:
        clock = laboratory.clock
        for name in names:
            if not (folder / name / FILES).exists():
                keep_files(each[name], folder / name)
            went.campaigns[name] = laboratory.campaign(name, each[name])
        first = went.campaigns[names[0]]
        first.tell(add)
        clock.spawn(person, "person")
        if before is not None:
            before(first)
        went.endings = dict(zip(names, run_side_by_side(list(went.campaigns.values())), strict=True))
        return went


def ask(trial, reason="no beads left"):
    return {"do": "refuse", "trial": trial, "reason": reason}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A campaign in which one suggestion is refused, after much that cannot be."""
    asks = [ask("T0099"), ask("T0001"), ask("T0002"), ask("T0003", " "), ask("T0003"), ask("T0003")]
    return run(tmp_path_factory.mktemp("refused") / "folder", asks=asks)


def test_what_was_not_begun_is_refused_and_another_takes_its_place(refused):
    assert list(refused.now["waiting_to_begin"]) == ["T0003", "T0004"]
    assert refused.said == [
        {"error": "no trial 'T0099'; did you mean 'T0004'?"},
        {"error": "T0001 has ended"},
        {"error": "T0002 was begun: one-0002 goes on to its end, or until labctl campaign stop ends the campaign"},
        {"error": "T0003 is not refused without a reason"},
        {"said": "T0003 is not made"},
        {"error": "T0003 was refused by K. Sato: no beads left"},
    ]
    ending = refused.endings["one"]
    assert (ending.reason, ending.n_trials, ending.n_completed) == ("budget", 5, 5)
    assert [outcome.trial for outcome in refused.campaigns["one"].outcomes] == [f"T000{n}" for n in (1, 2, 4, 5, 6)]
    (entry,) = refused.decisions("refused")
    assert (entry["trial"], entry["by"], entry["reason"], entry["time"]) == (
        "T0003",
        "K. Sato",
        "no beads left",
        1.7e9 + 900,
    )
    assert refused.campaigns["one"].dispatcher.whereabouts["one-0005"] == "rack.3"
    store = refused.campaigns["one"].store.directory
    assert verify(store).ok
    with Store.read(store) as opened:
        assert opened.runs(sample="one-0003") == []
        assert list(retold(refused.campaigns["one"].checked, opened, []).refused) == ["T0003"]


def told(campaign):
    """Return what the optimizer was told, in order, without how long anything took: T0002 was measured twice."""
    calls = campaign.optimizer.checkpoint()["history"]
    return [(each["call"], [{**point, HOURS_KEY: 0.0} for point in each["points"]]) for each in calls]


def dies_before_it_is_written(campaign):
    """Let the process die when the sample is taken back and nothing tells yet why."""
    take_back = campaign.dispatcher.take_back
    campaign.dispatcher.take_back = lambda sample, _: take_back(
        sample, lambda found: os.kill(os.getpid(), signal.SIGKILL)
    )


@pytest.mark.parametrize("when", ["before it is written", "when it is written"])
def test_a_refusal_holds_once_whenever_the_controller_dies(refused, tmp_path, when):
    folder = tmp_path / "killed"
    is_written = when == "when it is written"
    before = None if is_written else dies_before_it_is_written
    killed_while_writing(lambda line: b'"refused"' in line, lambda: run(folder, before=before))
    again = run(folder)
    assert again.said == [refused.said[-1] if is_written else {"said": "T0003 is not made"}]
    assert [entry["trial"] for entry in again.decisions("refused")] == ["T0003"]
    assert again.points() == refused.points()
    campaign, whole = again.campaigns["one"], refused.campaigns["one"]
    assert told(campaign) == told(whole)
    assert campaign.dispatcher.whereabouts == whole.dispatcher.whereabouts
    assert again.endings["one"].n_trials == again.endings["one"].n_completed == 5


def test_the_refusal_is_told_with_its_reason(refused, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    store = refused.campaigns["one"].store.directory
    why = "by K. Sato, 2023-11-14 22:28:20: no beads left"
    show_status(store)
    status = capsys.readouterr().out
    assert "5 of 5 trials started: 5 completed; 1 refused" in status and why in status
    print_status(store)
    last = json.loads(capsys.readouterr().out)["trials"][-1]
    assert (last["trial"], last["sample"], last["status"], last["reason"]) == ("T0003", "one-0003", "refused", why)
    show_beliefs(store, "T0003")
    assert why in capsys.readouterr().out
    page = write_report(store, None).read_text()
    assert "<h2>Refused</h2>" in page and why in page
    with (
        Store.read(store) as opened,
        pytest.raises(RegistryError, match=f"one-0003 was never made: T0003 was refused {why}"),
        told_if_refused(store, "one-0003"),
    ):
        sample_history(opened, "one-0003")


def test_a_refusal_in_one_of_two_campaigns_is_its_own(tmp_path):
    went = run(tmp_path / "both", names=("one", "two"))
    assert went.said == [{"said": "T0003 is not made"}]
    assert [len(went.decisions("refused", name)) for name in ("one", "two")] == [1, 0]
    assert {name: (e.reason, e.n_completed) for name, e in went.endings.items()} == dict.fromkeys(
        ("one", "two"), ("budget", 5)
    )
    assert [outcome.trial for outcome in went.campaigns["two"].outcomes] == [f"T000{n}" for n in range(1, 6)]
