"""What an optimizer is told of trials, and in which order: again after a restart, and when somebody asks later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labctl.campaign._approvals import Refusal
from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._decisions import REFUSED, SUGGESTED, Decisions
from labctl.campaign._resumption import Resumption
from labctl.optimize import HOURS_KEY, ID_KEY, ROW_KEY, Optimizer
from labctl.records import TrialRecord
from labctl.store import Store
from labctl.trials import Outcome


def tell_earlier(optimizer: Optimizer, points: Iterable[Mapping[str, Any]], names: Collection[str]) -> None:
    """Tell an optimizer of earlier campaigns' trials; `names` are those of the objectives, which failures lack."""
    completed = [dict(point) for point in points if set(names) <= set(point)]
    failed = [dict(point) for point in points if not set(names) <= set(point)]
    if completed:
        optimizer.ingest(completed)
    if failed:
        optimizer.register_failures(failed)


def tell_outcome(optimizer: Optimizer, outcome: Outcome) -> None:
    """Tell an optimizer what came of a trial."""
    row = {} if outcome.row is None else {ROW_KEY: outcome.row}
    hours = {} if outcome.hours is None else {HOURS_KEY: outcome.hours}
    point = {ID_KEY: outcome.trial, **row, **hours, **outcome.values}
    if outcome.status == "failed":
        optimizer.register_failures([point])
    else:
        optimizer.ingest([{**point, **outcome.objectives}])


@dataclass(frozen=True)
class Told:
    """An optimizer that knows what a campaign's own knew at one moment."""

    optimizer: Optimizer
    best: Outcome | None
    """With the first objective at its best by then."""
    points: Mapping[str, Mapping[str, Any]]
    """Every suggestion of the campaign, by trial."""
    by: Mapping[str, str] = field(default_factory=dict)
    """Who suggested a trial, and why, where it was a person."""
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    """Suggestions that were refused by then, by trial."""


def retold(checked: CheckedCampaign, store: Store, trials: Sequence[TrialRecord], before: str = "") -> Told:
    """Return an optimizer that was told all that a campaign's own was told, in the same order.

    Args:
        checked: the campaign's files.
        store: with its decisions.
        trials: as recorded.
        before: trial before whose suggestion to end; at the newest decision when empty or unknown.

    Raises:
        StoreError: the decisions cannot be read.
    """
    went = Resumption()
    for kind, about in Decisions(store.directory).read():
        went.take(kind, about)
    outcomes = {trial.trial: trial.outcome for trial in trials}
    led = went.started.get("prior", ()) if went.started is not None else ()
    optimizer, best, first = checked.make_optimizer(led), None, checked.objectives[0]
    if went.started is not None:
        tell_earlier(optimizer, went.started["earlier"], [objective.name for objective in checked.objectives])
    for step, trial in went.steps:
        outcome = outcomes.get(trial)
        if step == SUGGESTED:
            if trial == before:
                break
            optimizer.register_suggestions([dict(went.points[trial])])
        elif step == REFUSED:
            optimizer.register_refusals([{ID_KEY: trial}])
        elif outcome is not None:
            tell_outcome(optimizer, outcome)
            if outcome.status == "completed" and (
                best is None or first.gain(outcome.objectives[first.name]) > first.gain(best.objectives[first.name])
            ):
                best = outcome
    return Told(optimizer, best, went.points, went.by, went.refused)
