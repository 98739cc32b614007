"""Alarms, as the runs' event streams have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from labctl.store import RecordedRun


def events_of(runs: Iterable[RecordedRun], kind: str) -> Mapping[str, int]:
    """Return how often each event happened, by who told it and what.

    Args:
        runs: recorded runs.
        kind: such as ``alarm``.
    """
    told: Counter[str] = Counter()
    for run in runs:
        stream = run.streams.get("events")
        if stream is None:
            continue
        columns = (stream.columns[f"event_{name}"] for name in ("kind", "severity", "source", "message"))
        for of_kind, severity, source, message in zip(*columns, strict=True):
            if of_kind == kind and severity != "info":
                told[f"{source}: {message}"] += 1
    return dict(sorted(told.items()))
