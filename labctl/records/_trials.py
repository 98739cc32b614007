"""Trials, read back from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from labctl.objectives import Objective
from labctl.optimize import ROW_KEY
from labctl.records._as_run import as_run
from labctl.records._doubts import Doubts, people_doubt
from labctl.records._quality import QUALITIES, automatic_flags, quality_of
from labctl.store import RecordedRun, Store
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
    """Last row of the stream ``result``."""
    quality: str = "good"
    """``good``, ``suspect`` or ``bad``, by what its documents and people tell."""
    as_run: Mapping[str, float] = field(default_factory=dict)
    """What was done of the quantities that were asked for, such as ``furnace.temperature``, where it was recorded."""


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
    untrusted: str = ""
    """Why its results are not learnt from although every operation succeeded; empty when they are."""

    @property
    def status(self) -> str:
        """``completed``, ``failed``, ``lost`` (equipment failed) or ``under way``."""
        if self.outcome is not None:
            return self.outcome.status
        spoilt = self.untrusted or any(operation.status in ("fail", "abort") for operation in self.operations)
        return "lost" if spoilt else "under way"

    @property
    def reason(self) -> str:
        """Why it failed or was lost; empty otherwise."""
        if self.outcome is not None:
            return self.outcome.reason
        return self.untrusted or next(
            (f"{o.name}: {o.reason}" for o in self.operations if o.status in ("fail", "abort")), ""
        )


def operation_record(run: RecordedRun, sample: str, doubts: Doubts, quantities: Sequence[str] = ()) -> OperationRecord:
    """Return what a run did to one of its samples, in short; `quantities` are looked up as they were run."""
    start, stop = run.start, run.stop or {}
    stream = run.streams.get("result")
    rows = stream is not None and len(stream.times) > 0
    results = (
        {name: float(column[-1]) for name, column in stream.columns.items()} if stream is not None and rows else {}
    )
    return OperationRecord(
        start["operation_names"][list(start["samples"]).index(sample)],
        start["operation"],
        start["station"],
        run.uid,
        start["time"],
        stop.get("time"),
        stop.get("exit_status", "running"),
        stop.get("reason") or "",
        results,
        quality_of((*automatic_flags(run), *doubts.of(run.uid, sample))),
        {name: value for name in quantities if (value := as_run(run, name)) is not None},
    )


def distrust(operations: Sequence[OperationRecord], worst: str) -> str:
    """Return which run that succeeded is of a worse quality than `worst`, or an empty text."""
    limit = QUALITIES.index(worst)
    done = [operation for operation in operations if operation.status == "success"]
    found = [operation for operation in done if QUALITIES.index(operation.quality) > limit]
    return f"{found[0].name} on {found[0].station} is {found[0].quality} (run {found[0].uid[:8]})" if found else ""


def read_outcome(
    trial: str,
    suggestion: Mapping[str, Any],
    operations: Sequence[OperationRecord],
    n_operations: int,
    objectives: Sequence[Objective],
    as_run: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> Outcome | None:
    """Return what came of a trial, or None when its operations did not all succeed or an objective needs one left out.

    A measurement that says it is not valid (an open film), or an objective that cannot be computed from
    what was measured, makes a failed trial: the recipe made a bad sample.

    Args:
        trial: its name.
        suggestion: its parameter values.
        operations: that were done.
        n_operations: how many the recipe has, without those that were left out.
        objectives: computed from the operations' results.
        as_run: operation and quantity that tell what was done, by parameter; where one was not recorded, the value is
            that which was asked for.
    """
    values = {name: value for name, value in suggestion.items() if name != ROW_KEY}
    timed = [each.end - each.start for each in operations if each.name and each.end is not None]
    hours = sum(timed) / 3600.0 if sum(timed) > 0 else None
    row = suggestion.get(ROW_KEY)
    done = {operation.name: operation for operation in operations if operation.status == "success"}
    needed = {source.operation for objective in objectives for source in objective.inputs.values()}
    if len(done) < n_operations or not needed <= set(done):
        return None
    told = {name: done[operation].as_run for name, (operation, _) in as_run.items() if operation in done}
    values |= {name: told[name][quantity] for name, (_, quantity) in as_run.items() if quantity in told.get(name, ())}
    for operation in done.values():
        if operation.results.get("valid", 1.0) == 0.0:
            return Outcome(trial, values, {}, "failed", f"{operation.name} is not valid", row, hours)
    reached = {}
    for objective in objectives:
        try:
            read = {name: done[source.operation].results[source.field] for name, source in objective.inputs.items()}
            reached[objective.name] = objective.value(read)
        except (KeyError, ValueError) as error:
            return Outcome(trial, values, reached, "failed", f"{objective.name}: {error}", row, hours)
    return Outcome(trial, values, reached, "completed", "", row, hours)


def trials_of(
    store: Store,
    campaign: str,
    objectives: Sequence[Objective],
    quality: str = "bad",
    as_run: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> list[TrialRecord]:
    """Return every trial of a campaign in the order they were started, from the recorded runs alone.

    Args:
        store: that has the runs.
        campaign: its name.
        objectives: computed from the operations' results.
        quality: worst quality of the runs that a completed trial's results may come from.
        as_run: operation and quantity that tell what was done, by parameter.
    """
    quantities = [quantity for _, quantity in as_run.values()]
    operations: dict[str, list[OperationRecord]] = {}
    about: dict[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {}
    doubts = people_doubt(store.directory)
    n_left_out: dict[str, int] = {}
    for summary in reversed(store.runs(campaign=campaign)):
        run = store.run(summary.uid)
        start = run.start
        for index, trial in enumerate(start["trials"]):
            sample, digest = start["samples"][index], start["recipe_digests"][index]
            about.setdefault(trial, (sample, start["suggestions"][trial], start["recipes"][digest]))
            n_left_out[trial] = len(start.get("left_out", {}).get(sample, ()))
            if start["operation_names"][index]:
                operations.setdefault(trial, []).append(operation_record(run, sample, doubts, quantities))
    trials = []
    for trial in sorted(about):
        sample, suggestion, recipe = about[trial]
        done = sorted(operations.get(trial, []), key=lambda operation: operation.start)
        n_operations = len(recipe["operations"]) - n_left_out[trial]
        outcome = read_outcome(trial, suggestion, done, n_operations, objectives, as_run)
        untrusted = distrust(done, quality) if outcome is not None and outcome.status == "completed" else ""
        values = {name: value for name, value in suggestion.items() if name != ROW_KEY}
        trials.append(
            TrialRecord(trial, sample, values, recipe, tuple(done), None if untrusted else outcome, untrusted)
        )
    return trials
