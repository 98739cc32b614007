"""How much of a night each station works, waits or is idle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from labctl.store import RecordedRun

Span: TypeAlias = tuple[float, float]
"""Begin and end [s]."""


@dataclass(frozen=True)
class StationLoad:
    """Shares of a night, together 1."""

    station: str
    busy: float
    """An operation runs."""
    waiting: float
    """Samples are inside and nothing is done to them: the load is not full yet, or the mover has not come."""
    idle: float
    n_operations: int


def station_loads(runs: Sequence[RecordedRun], stations: Iterable[str]) -> tuple[StationLoad, ...]:
    """Return the load of each station between the first run's begin and the last one's end.

    Args:
        runs: all finished runs of the night.
        stations: all there are, also those that did nothing.
    """
    ended = [run for run in runs if run.stop is not None]
    begin, end = min((_span(run)[0] for run in ended), default=0.0), max((_span(run)[1] for run in ended), default=0.0)
    whole = max(end - begin, 1e-9)
    occupied = _occupied(ended, end)
    loads = []
    for station in stations:
        mine = [_span(run) for run in ended if run.start["station"] == station]
        busy = _covered(mine)
        waiting = _covered([*mine, *occupied.get(station, ())]) - busy
        loads.append(
            StationLoad(station, busy / whole, waiting / whole, max(0.0, whole - busy - waiting) / whole, len(mine))
        )
    return tuple(loads)


def _span(run: RecordedRun) -> Span:
    assert run.stop is not None
    return float(run.start["time"]), float(run.stop["time"])


def _occupied(runs: Iterable[RecordedRun], end: float) -> dict[str, list[Span]]:
    """Return when each station held a sample, by what the mover was told."""
    since: dict[str, float] = {}
    spans: dict[str, list[Span]] = {}
    moves = [run for run in runs if run.start["operation"] == "transfer" and run.stop["exit_status"] == "success"]  # type: ignore[index]  # ended
    for run in sorted(moves, key=lambda run: _span(run)[1]):
        source, destination = run.start["parameters"]["source"], run.start["parameters"]["destination"]
        if source in since:
            spans.setdefault(source.rpartition(".")[0], []).append((since.pop(source), _span(run)[1]))
        since[destination] = _span(run)[1]
    for place, from_s in since.items():
        spans.setdefault(place.rpartition(".")[0], []).append((from_s, end))
    return spans


def _covered(spans: Iterable[Span]) -> float:
    """Return how much time spans cover together [s]."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
