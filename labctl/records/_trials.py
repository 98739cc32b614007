"""Trials, read back from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labctl.objectives import Objective
from labctl.optimize import ROW_KEY
from labctl.store import Store
from labctl.trials import Outcome


@dataclass(frozen=True)
class OperationRecord:
    """One operation that was done to a sample."""

    name: str
    """In the recipe; empty for a move."""
    kind: str
    station: str
    uid: str
    start: float
    """[s since 1970-01-01 UTC]."""
    end: float | None
    """None while it goes on."""
    status: str
    reason: str
    results: Mapping[str, float]


@dataclass(frozen=True)
class TrialRecord:
    """One trial: what was asked, what was done, what came of it."""

    trial: str
    sample: str
    values: Mapping[str, Any]
    recipe: Mapping[str, Any]
    operations: tuple[OperationRecord, ...]
    """In the order they were started, moves left out."""
    outcome: Outcome | None
    """None while it is under way, and when equipment failed: that says nothing about the recipe."""

    @property
    def status(self) -> str:
        """``completed``, ``failed``, ``lost`` (equipment failed) or ``under way``."""
        if self.outcome is not None:
            return self.outcome.status
        return "lost" if any(operation.status in ("fail", "abort") for operation in self.operations) else "under way"

    @property
    def reason(self) -> str:
        """Why it failed or was lost; empty otherwise."""
        if self.outcome is not None:
            return self.outcome.reason
        return next((f"{o.name}: {o.reason}" for o in self.operations if o.status in ("fail", "abort")), "")


def read_results(store: Store, uid: str) -> dict[str, float]:
    """Return the last row of a run's stream ``result``; empty where there is none."""
    stream = store.run(uid).streams.get("result")
    if stream is None or len(stream.times) == 0:
        return {}
    return {name: float(column[-1]) for name, column in stream.columns.items()}


def read_outcome(
    trial: str,
    suggestion: Mapping[str, Any],
    operations: Sequence[OperationRecord],
    n_operations: int,
    objectives: Sequence[Objective],
) -> Outcome | None:
    """Return what came of a trial, or None when its operations did not all succeed.

    A measurement that says it is not valid (an open film), or an objective that cannot be computed from
    what was measured, makes a failed trial: the recipe made a bad sample.

    Args:
        trial: its name.
        suggestion: its parameter values.
        operations: that were done.
        n_operations: how many the recipe has.
        objectives: computed from the operations' results.
    """
    values = {name: value for name, value in suggestion.items() if name != ROW_KEY}
    row = suggestion.get(ROW_KEY)
    done = {operation.name: operation for operation in operations if operation.status == "success"}
    if len(done) < n_operations:
        return None
    for operation in done.values():
        if operation.results.get("valid", 1.0) == 0.0:
            return Outcome(trial, values, {}, "failed", f"{operation.name} is not valid", row)
    reached = {}
    for objective in objectives:
        try:
            read = {name: done[source.operation].results[source.field] for name, source in objective.inputs.items()}
            reached[objective.name] = objective.value(read)
        except (KeyError, ValueError) as error:
            return Outcome(trial, values, reached, "failed", f"{objective.name}: {error}", row)
    return Outcome(trial, values, reached, "completed", "", row)


def trials_of(store: Store, campaign: str, objectives: Sequence[Objective]) -> list[TrialRecord]:
    """Return every trial of a campaign in the order they were started, from the recorded runs alone."""
    operations: dict[str, list[OperationRecord]] = {}
    about: dict[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {}
    for summary in reversed(store.runs(campaign=campaign)):
        run = store.run(summary.uid)
        start = run.start
        stream = run.streams.get("result")
        rows = stream is not None and len(stream.times) > 0
        results = {k: float(v[-1]) for k, v in stream.columns.items()} if stream is not None and rows else {}
        for index, trial in enumerate(start["trials"]):
            digest = start["recipe_digests"][index]
            about.setdefault(trial, (start["samples"][index], start["suggestions"][trial], start["recipes"][digest]))
            name = start["operation_names"][index]
            if name:
                end = None if summary.duration_s is None else summary.time + summary.duration_s
                record = OperationRecord(
                    name,
                    start["operation"],
                    start["station"],
                    summary.uid,
                    summary.time,
                    end,
                    summary.status,
                    summary.reason,
                    results,
                )
                operations.setdefault(trial, []).append(record)
    trials = []
    for trial in sorted(about):
        sample, suggestion, recipe = about[trial]
        done = sorted(operations.get(trial, []), key=lambda operation: operation.start)
        outcome = read_outcome(trial, suggestion, done, len(recipe["operations"]), objectives)
        values = {name: value for name, value in suggestion.items() if name != ROW_KEY}
        trials.append(TrialRecord(trial, sample, values, recipe, tuple(done), outcome))
    return trials
