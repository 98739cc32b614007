"""How far a campaign is: what is done, what goes on, when it will be done."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from labctl.app._control import ask
from labctl.app._progress import clock_text
from labctl.app._reading import hours_per_trial, open_campaign
from labctl.app._showing import console_of_rows, refusal_text, table_of, when
from labctl.app._showing_beliefs import outlook, print_rows
from labctl.app._use import USES, shares, use_of
from labctl.app._values import values_text
from labctl.campaign import CheckedCampaign, read_refused, retold
from labctl.errors import LabError
from labctl.store import Store

_STATES = ("completed", "failed", "lost", "under way")


def show_status(directory: Path) -> None:
    """Say how far a campaign is; raises StoreError, or an ExceptionGroup of FileError."""
    console = console_of_rows()
    checked, trials = open_campaign(directory)
    counts = {status: sum(t.status == status for t in trials) for status in _STATES}
    refused = read_refused(directory)
    told = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    told = f": {told}" if told else ""
    told += f"; {len(refused)} refused" if refused else ""
    console.print(f"[b]{checked.file.campaign}[/b]: {len(trials)} of {checked.file.budget.trials} trials started{told}")
    now, to_come = _asked(directory, "status"), _asked(directory, "completion")
    done_at = {} if to_come is None else to_come["samples"]
    objectives = [objective.name for objective in checked.objectives]
    table = table_of("trial", "sample", "status", "operations", *objectives, "done at" if done_at else "", "reason")
    for trial in trials:
        figures = trial.outcome.objectives if trial.outcome is not None else {}
        cells = [f"{figures[name]:.5g}" if name in figures else "" for name in objectives]
        done = sum(operation.status == "success" for operation in trial.operations)
        at = _time(to_come, trial.sample)
        row = (trial.trial, trial.sample, trial.status, f"{done}/{len(trial.recipe['operations'])}", *cells)
        table.add_row(*row, at, trial.reason)
    for sample, (name, refusal) in refused.items():
        table.add_row(name, sample, "refused", *[""] * (len(table.columns) - 4), refusal_text(refusal))
    console.print(table)
    with Store.read(directory) as store:
        rows = outlook(retold(checked, store, trials), hours_per_trial(trials))
        used = use_of([store.run(run.uid) for run in store.runs(campaign=checked.file.campaign)], checked.lab)
    print_rows(console, rows)
    stations = table_of("station", *USES, "operations")
    for use in used:
        stations.add_row(use.station, *shares(use), str(use.n_operations))
    console.print(stations)
    if now is not None:
        _show_now(now, checked, console)
    if to_come is not None and to_come["samples"]:
        _show_completion(to_come, console)


def print_status(directory: Path) -> None:
    """Print how far a campaign is as JSON, with every operation that was done and, while it runs, that is expected."""
    checked, trials = open_campaign(directory)
    with Store.read(directory) as store:
        runs = [store.run(run.uid) for run in reversed(store.runs(campaign=checked.file.campaign))]
    done = [
        {
            "station": run.start["station"],
            "operation": run.start["operation"],
            "samples": list(run.start["samples"]),
            "begin": run.start["time"],
            "end": None if run.stop is None else run.stop["time"],
            "status": "running" if run.stop is None else run.stop["exit_status"],
            "run": run.uid,
        }
        for run in runs
    ]
    value = {
        "campaign": checked.file.campaign,
        "budget": checked.file.budget.trials,
        "trials": [
            {
                "trial": trial.trial,
                "sample": trial.sample,
                "status": trial.status,
                "reason": trial.reason,
                "objectives": dict(trial.outcome.objectives) if trial.outcome is not None else {},
            }
            for trial in trials
        ]
        + [
            {"trial": name, "sample": sample, "status": "refused", "reason": refusal_text(refusal), "objectives": {}}
            for sample, (name, refusal) in read_refused(directory).items()
        ],
        "use": [dataclasses.asdict(use) for use in use_of(runs, checked.lab)],
        "done": done,
        "now": _asked(directory, "status"),
        "completion": _asked(directory, "completion"),
    }
    console_of_rows().print_json(json.dumps(value))


def _asked(directory: Path, what: str) -> dict[str, Any] | None:
    """Return what a campaign that runs answers; None where none runs."""
    try:
        answer: dict[str, Any] = json.loads(ask(directory, do=what))
    except LabError:
        return None
    return answer


def _time(to_come: Mapping[str, Any] | None, sample: str) -> str:
    if to_come is None or sample not in to_come["samples"] or sample in to_come["lost"]:
        return ""
    return when(to_come["began"] + to_come["samples"][sample])


def _show_now(now: Mapping[str, Any], checked: CheckedCampaign, console: Console) -> None:
    """Say what a campaign does now."""
    state = (
        f"stopping: {now['stopping']}" if now["stopping"] else f"paused {now['paused']}" if now["paused"] else "runs"
    )
    console.print(f"{state}, {clock_text(now['lab_s'])} of lab time")
    stations = table_of("station", "state", "operation", "samples", "reason")
    for name, at in now["stations"].items():
        reason = f"waits for an answer: {at['failure']}" if at["failure"] else at["reason"]
        stations.add_row(name, at["state"], at["operation"], ", ".join(at["samples"]), reason)
    console.print(stations)
    for name, alarm in now["alarms"].items():
        taken = f"acknowledged by {alarm['by']}" if alarm["by"] else "not acknowledged"
        console.print(f"[b]alarm[/b] {name}: {alarm['message']} ({alarm['action']}), {taken}")
    for trial, values in now["waiting_to_begin"].items():
        told = values_text({name: values[name] for name in checked.space.names}, checked.space, 4)
        console.print(f"[b]{trial}[/b] waits for its turn, and nothing was done to it yet: {told}")
    for trial, about in now["waiting_for_approval"].items():
        console.print(f"[b]{trial}[/b] waits for approval, {clock_text(about['lab_s_left'])} left: {about['reason']}")


def _spare(spare_s: float) -> str:
    return f"{clock_text(spare_s)} to spare" if spare_s >= 0 else f"late by {clock_text(-spare_s)}"


def _show_completion(to_come: Mapping[str, Any], console: Console) -> None:
    """Say when the campaign will be done, and what it waits for."""
    began = to_come["began"]
    end, late = when(began + to_come["campaign"]), when(began + to_come["campaign_late"])
    console.print(f"the budget's last trial is expected to be done at {end}, hardly later than {late} (UTC)")
    if (deadline := to_come["deadline"]) is not None:
        console.print(f"the deadline is {when(began + deadline)}: {_spare(deadline - to_come['campaign'])}")
    if to_come["bottleneck"]:
        console.print(f"it waits most for {to_come['bottleneck']}")
    for sample, deadline in to_come["deadlines"].items():
        if (spare_s := deadline - to_come["samples"].get(sample, deadline)) < 0:
            console.print(f"{sample} is expected to be {_spare(spare_s)}")
    for sample, reason in to_come["lost"].items():
        console.print(f"{sample} will not be finished: {reason}")
