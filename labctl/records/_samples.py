"""The history of a sample: everything that was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labctl.errors import StoreError
from labctl.store import Store


@dataclass(frozen=True)
class SampleSummary:
    """A sample in one line."""

    sample: str
    trial: str
    campaign: str
    n_runs: int
    last_operation: str
    last_status: str
    last_time: float
    """[s since 1970-01-01 UTC]."""


@dataclass(frozen=True)
class Deed:
    """One thing that was done to a sample, moves included."""

    time: float
    """[s since 1970-01-01 UTC]."""
    duration_s: float | None
    operation: str
    station: str
    location: str
    """Where the sample lay when it began."""
    together_with: tuple[str, ...]
    """The other samples in the load."""
    parameters: Mapping[str, str]
    """Set points, with units."""
    ambient: Mapping[str, float]
    """What the room's sensors showed at the beginning."""
    process: Mapping[str, tuple[float, float]]
    """Lowest and highest reading of each process quantity."""
    results: Mapping[str, float]
    status: str
    reason: str
    operator: str
    uid: str


def samples_of(store: Store, campaign: str | None = None) -> list[SampleSummary]:
    """Return every sample there is, in the order of names."""
    runs: dict[str, list[Any]] = {}
    for summary in reversed(store.runs(campaign=campaign)):
        for index, sample in enumerate(summary.samples):
            trial = summary.trials[index] if index < len(summary.trials) else ""
            runs.setdefault(sample, []).append((trial, summary))
    return [
        SampleSummary(
            sample,
            next((trial for trial, _ in found if trial), ""),
            found[-1][1].campaign,
            len(found),
            found[-1][1].operation,
            found[-1][1].status,
            found[-1][1].time,
        )
        for sample, found in sorted(runs.items())
    ]


def sample_history(store: Store, sample: str) -> list[Deed]:
    """Return everything that was done to a sample, the first thing first.

    Raises:
        StoreError: nothing was ever done to it.
    """
    summaries = store.runs(sample=sample)
    if not summaries:
        raise StoreError(f"no run names sample {sample!r} in {store.directory}")
    return [_deed(store, summary, sample) for summary in reversed(summaries)]


def _deed(store: Store, summary: Any, sample: str) -> Deed:  # a RunSummary
    run = store.run(summary.uid)
    start, streams = run.start, run.streams
    units = start.get("parameter_units", {})
    index = list(start["samples"]).index(sample)
    locations = start.get("locations") or [""] * len(start["samples"])
    result, process, baseline = streams.get("result"), streams.get("process"), streams.get("baseline")

    def last(stream: Any) -> dict[str, float]:
        return {k: float(v[-1]) for k, v in stream.columns.items()} if stream is not None and len(stream.times) else {}

    room = {}
    if baseline is not None and len(baseline.times):
        room = {
            name: float(column[0])
            for name, column in baseline.columns.items()
            if name.startswith("room") and column.dtype.kind in "fiu"
        }
    spans = {}
    if process is not None and len(process.times):
        spans = {
            name: (float(column.min()), float(column.max()))
            for name, column in process.columns.items()
            if column.dtype.kind in "fiu"
        }
    return Deed(
        summary.time,
        summary.duration_s,
        start["operation"],
        start["station"],
        locations[index],
        tuple(name for name in start["samples"] if name != sample),
        {name: f"{value} {units.get(name, '')}".strip() for name, value in start["parameters"].items()},
        room,
        spans,
        last(result),
        summary.status,
        summary.reason,
        start["operator"],
        summary.uid,
    )
