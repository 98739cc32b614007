"""Campaigns whose controller is killed again and again: what they lose, repeat or suggest otherwise."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from figures import Report, main

EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"
N_TRIALS = 4
N_KILLS, N_QUICK = int(os.environ.get("LABCTL_KILLS", "200")), 3
NOBODY_WATCHED = "was under way when the controller died"
FIRST_LOOK = {"device": "photometer_meter", "kind": "lost", "start": "1400 s", "duration": "2000 s"}
KINDS: Mapping[str, tuple[list[Any], dict[str, Any]]] = {
    "plain": ([], {}),
    "retry": ([FIRST_LOOK], {"measure_transmittance": {"retries": 3, "after": "20 min"}}),
    "wait": ([FIRST_LOOK], {"measure_transmittance": {"then": "wait", "wait": "1 h", "otherwise": "go on"}}),
    "approve": ([], {}),
    "refuse": ([], {}),
}
"""Faults and rules of each kind of campaign; in "approve" a person approves every suggestion after half an hour, in
"refuse" one has a recipe made after a minute and refuses it after ten, while another sample is deposited."""
OWN = {"power": 120.0, "oxygen": 0.2, "thickness": 140.0, "temperature": 420.0, "ramp": 5.0, "dwell": "30 min"}


@dataclass
class Found:
    """What came of one campaign."""

    kind: str
    n_kills: int
    n_lost: int
    """Trials given up by the declared rule: a deposition that nobody watched."""
    problems: list[str]
    """What makes it less than whole, in words."""
    n_silent: int
    """Operations that were done again to a sample and that nothing announces."""
    n_missing: int
    """Documents that were in a journal when the process died and are not there at the end."""
    suggestions: list[Any]


def measure(report: Report, quick: bool) -> None:
    import labctl.app._running  # noqa: F401  once, and not in every child
    import plans  # noqa: F401

    logging.getLogger().addHandler(logging.NullHandler())
    wanted, found, seed = N_QUICK if quick else N_KILLS, [], 0
    with tempfile.TemporaryDirectory() as name:
        whole = {}
        while sum(one.n_kills for one in found) < wanted:
            kind = list(KINDS)[seed % len(KINDS)]
            if kind not in whole:
                whole[kind] = undisturbed(Path(name) / kind, kind)
            found.append(disturbed(Path(name) / str(seed), kind, seed, whole[kind].n_writes))
            seed += 1
    unlost = [one for one in found if not one.n_lost]
    as_ever = [one for one in unlost if one.suggestions == whole[one.kind].suggestions]
    for one in found:
        for problem in one.problems:
            print(f"{one.kind}: {problem}")
    report.add(f"campaigns of {N_TRIALS} trials", len(found), "")
    report.add("kills", sum(one.n_kills for one in found), "", f">= {wanted}")
    report.add("campaigns whole at the end", sum(not one.problems for one in found), "", f"= {len(found)}")
    report.add("trials lost by rule: depositions nobody watched", sum(one.n_lost for one in found), "")
    report.add("operations repeated silently", sum(one.n_silent for one in found), "", "= 0")
    report.add("documents missing that were in the journal", sum(one.n_missing for one in found), "", "= 0")
    report.add("campaigns that lost no trial", len(unlost), "")
    report.add("of them: every suggestion as undisturbed", len(as_ever), "", f"= {len(unlost)}")


@dataclass
class Undisturbed:
    """A campaign in which nothing was killed."""

    n_writes: int
    suggestions: list[Any]


def undisturbed(folder: Path, kind: str) -> Undisturbed:
    """Run a campaign whole in a process of its own."""
    counted = folder.parent / f"{kind}.count"

    def run_and_count() -> None:
        count, write = 0, os.write

        def counting(file: int, data: bytes) -> int:
            nonlocal count
            count += 1
            return write(file, data)

        os.write = counting
        run(folder, kind)
        os.write = write
        counted.write_text(str(count))

    assert not in_child(run_and_count)
    return Undisturbed(int(counted.read_text()), suggestions(folder))


def disturbed(folder: Path, kind: str, seed: int, n_writes: int) -> Found:
    """Run a campaign that is killed one to three times, then to its end."""
    chance, n_kills, there = random.Random(seed), 0, {}
    for _ in range(chance.choice((1, 2, 3))):
        if chance.random() < 0.75:
            n, share = chance.randrange(1, n_writes), chance.choice((0.0, 0.5, 1.0))
            n_kills += in_child(lambda n=n, share=share: (dies_writing(n, share), run(folder, kind)))
        else:
            n_kills += in_child(lambda: run(folder, kind), after_s=8.0 * chance.random())
        there |= documents(folder)
    result = folder.parent / f"{seed}.json"
    problems = []

    def finish() -> None:
        campaign, ending = run(folder, kind)
        result.write_text(json.dumps([campaign.lost, ending.n_completed + ending.n_failed, ending.n_trials]))

    if in_child(finish, limit_s=300.0) or not result.exists():
        return Found(kind, n_kills, 0, [f"seed {seed}: it did not end; see {keep(folder)}"], 0, 0, [])
    lost, n_outcomes, n_trials = json.loads(result.read_text())
    by_rule = [trial for trial, reason in lost.items() if NOBODY_WATCHED in reason]
    if (n_trials, n_outcomes + len(lost)) != (N_TRIALS, N_TRIALS):
        problems.append(f"{n_trials} trials began, {n_outcomes} have outcomes, {len(lost)} are lost")
    problems += [f"{trial} lost: {reason}" for trial, reason in lost.items() if trial not in by_rule]
    silent = repeated(folder)
    now = documents(folder)
    missing = sum(line not in set(now.get(file, ())) for file, lines in there.items() for line in lines)
    problems += [*differences(folder), *silent]
    found = Found(kind, n_kills, len(by_rule), problems, len(silent), missing, suggestions(folder))
    if problems or missing:
        found.problems.append(f"seed {seed}, kept in {keep(folder)}")
    shutil.rmtree(folder)
    return found


def keep(folder: Path) -> str:
    """Copy a campaign to where a person can look at it."""
    return str(shutil.copytree(folder, Path(tempfile.mkdtemp(prefix="kills-")) / "store"))


def in_child(call: Callable[[], object], after_s: float | None = None, limit_s: float = 300.0) -> bool:
    """Do something in a process of its own; return whether a signal ended it.

    Args:
        call: is done there.
        after_s: when the process is killed from outside [s]; never when omitted.
        limit_s: when it is killed in any case.
    """
    pid = os.fork()
    if pid == 0:
        try:
            call()
        finally:
            os._exit(0)
    timer = threading.Timer(limit_s if after_s is None else after_s, os.kill, (pid, signal.SIGKILL))
    timer.start()
    try:
        return os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    finally:
        timer.cancel()


def dies_writing(n: int, share: float) -> None:
    """Let this process die at its n-th write to a file, when a share of the bytes is written."""
    write, left = os.write, n

    def write_or_die(file: int, data: bytes) -> int:
        nonlocal left
        left -= 1
        if left <= 0:
            write(file, bytes(data)[: int(share * len(data))])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(file, data)

    os.write = write_or_die


def run(folder: Path, kind: str) -> tuple[Any, Any]:
    """Run the example's campaign in a folder, or go on with it; return it and its ending."""
    from labctl.app._running import catch_up, check, schemas
    from labctl.campaign import Campaign
    from labctl.campaign._file import ApprovalEntry
    from labctl.clock import VirtualClock
    from labctl.dispatch import FailureRule
    from labctl.lab import build_lab
    from labctl.lab._file import FaultEntry
    from labctl.store import Store
    from plans import OPERATIONS

    faults, rules = KINDS[kind]
    checked = check(EXAMPLE / "campaign.yaml")
    changes: dict[str, Any] = {"budget": checked.file.budget.model_copy(update={"trials": N_TRIALS})}
    changes["on_failure"] = {name: FailureRule.model_validate(rule) for name, rule in rules.items()}
    if kind == "approve":
        changes["approve"] = ApprovalEntry.model_validate({"when": "always"})
    simulated = checked.lab.simulated.model_copy(update={"faults": [FaultEntry.model_validate(f) for f in faults]})
    lab_file = checked.lab.model_copy(update={"simulated": simulated})
    checked = replace(checked, file=checked.file.model_copy(update=changes), lab=lab_file)
    clock = VirtualClock()
    with Store.open(folder) as store:
        lab = build_lab(checked.lab, clock, schemas(), seed=checked.file.seed, plant_memory=folder / "plant.log")
        catch_up(clock, store)
        campaign = Campaign(checked, lab, store, OPERATIONS, lambda happening: approve(campaign, happening.trial))
        for trial in campaign.approvals.pending:
            approve(campaign, trial)
        if kind == "refuse":
            clock.spawn(lambda: change_mind(campaign), "person")
        try:
            return campaign, campaign.run()
        finally:
            clock.close()
            lab.close()


def approve(campaign: Any, trial: str) -> None:
    """Approve a suggestion that waits, after half an hour of lab time."""

    def later() -> None:
        campaign.lab.clock.sleep(1800.0)
        campaign.tell(lambda: trial in campaign.approvals.pending and campaign.operator.approve(trial, "K. Sato"))

    if trial in campaign.approvals.pending:
        campaign.lab.clock.spawn(later, f"approves-{trial}")


def change_mind(campaign: Any) -> None:
    """Have a recipe made and refuse it before anything is done, unless both were done before the process died."""

    def add() -> None:
        if "T0002" not in campaign.before.points:
            campaign.operator.suggest(OWN, "K. Sato", "as last year")

    def refuse() -> None:
        if "T0002" not in campaign.approvals.refused:
            campaign.operator.refuse("T0002", "K. Sato", "it was tried elsewhere")

    for at_s, call in ((60.0, add), (600.0, refuse)):
        campaign.lab.clock.sleep(max(0.0, at_s - campaign.lab_s))
        campaign.tell(call)


def suggestions(folder: Path) -> list[Any]:
    """Return what was suggested, in order."""
    lines = (folder / "decisions.jsonl").read_bytes().splitlines()
    return [entry["point"] for entry in map(json.loads, lines) if entry["decision"] == "suggested"]


def documents(folder: Path) -> dict[str, list[bytes]]:
    """Return every line that is whole, by journal file."""
    files = (folder / "journal").glob("*.jsonl")
    return {file.name: file.read_bytes().rpartition(b"\n")[0].splitlines() for file in files}


def repeated(folder: Path) -> list[str]:
    """Return in words what was done again to a sample, although it had succeeded or without anything that tells."""
    from labctl.store import Store

    lines = map(json.loads, (folder / "decisions.jsonl").read_bytes().splitlines())
    told = {entry["run"] for entry in lines if entry["decision"] == "handled"}
    done: Counter[tuple[str, str]] = Counter()
    begun: dict[tuple[str, str], str] = {}
    wrong = []
    with Store.read(folder) as store:
        runs = [store.run(summary.uid) for summary in reversed(store.runs())]
    for run in (run for run in runs if run.start["operation"] != "transfer"):
        for sample, name in zip(run.start["samples"], run.start["operation_names"], strict=True):
            what = (sample, name)
            done[what] += run.stop is not None and run.stop["exit_status"] == "success"
            if done[what] > 1:
                wrong.append(f"{name} of {sample} succeeded {done[what]} times")
            before = begun.get(what)
            is_announced = before in told or before in (None, run.start.get("continues"))
            if run.start["operation"] in ("sputter", "anneal") and not is_announced:
                wrong.append(f"{name} of {sample} was begun again in {run.uid}")
            begun[what] = run.uid
    return wrong


def differences(folder: Path) -> tuple[str, ...]:
    """Return in what journal and catalog differ."""
    from labctl.store import verify

    return verify(folder).problems


if __name__ == "__main__":
    main(measure, __doc__)
