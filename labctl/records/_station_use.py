"""How stations spent their time: at work, waiting, made ready, out of use."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from labctl.samples import station_of
from labctl.store import RecordedRun

Span: TypeAlias = tuple[float, float]
"""Begin and end [s]."""
_MOVE = "transfer"


@dataclass(frozen=True)
class StationUse:
    """Shares of the time from the first run's begin to the last one's end, together 1."""

    station: str
    busy: float
    """An operation runs."""
    waiting: float
    """Samples are inside and nothing is done to them: the load is not full yet, or the mover has not come."""
    set_up: float
    """It is cleaned and got ready between operations of two kinds."""
    down: float
    """It is closed or reserved by the calendar, or its last operation failed and no other has begun."""
    idle: float
    """None of these."""
    n_operations: int


def station_use(
    runs: Sequence[RecordedRun],
    stations: Iterable[str],
    changeover_s: Callable[[str, str, str], float] = lambda station, before, kind: 0.0,
    closed: Callable[[str, float, float], Iterable[Span]] = lambda station, begin, end: (),
) -> tuple[StationUse, ...]:
    """Return how each station spent its time.

    Args:
        runs: all of them; one that goes on lasts until the latest time that is known.
        stations: all there are, also those that did nothing.
        changeover_s: takes a station and two kinds of operation; returns how long it is made ready between them [s].
        closed: takes a station and a span of time [s since 1970-01-01 UTC]; returns when its calendar closes it.
    """
    ordered = sorted(runs, key=lambda run: float(run.start["time"]))
    begin = float(ordered[0].start["time"]) if ordered else 0.0
    known = [float(run.start["time"]) for run in runs]
    end = max([*known, *(float(run.stop["time"]) for run in runs if run.stop is not None)], default=0.0)
    whole, occupied = max(end - begin, 1e-9), _occupied(runs, end)
    found = []
    for station in stations:
        mine = [run for run in ordered if run.start["station"] == station]
        work = [_span(run, end) for run in mine]
        busy = _covered(work)
        inside = [*work, *occupied.get(station, ())]
        waiting = _covered(inside) - busy
        out = [*inside, *_after_failures(mine, end), *closed(station, begin, end)]
        down = _covered(out) - busy - waiting
        idle = max(0.0, whole - busy - waiting - down)
        kinds = [str(run.start["operation"]) for run in mine]
        ready = sum(changeover_s(station, before, kind) for before, kind in itertools.pairwise(kinds))
        set_up = min(idle, ready)
        parts = [part / whole for part in (busy, waiting, set_up, down, idle - set_up)]
        found.append(StationUse(station, parts[0], parts[1], parts[2], parts[3], parts[4], len(mine)))
    return tuple(found)


def _span(run: RecordedRun, end: float) -> Span:
    return float(run.start["time"]), end if run.stop is None else float(run.stop["time"])


def _after_failures(runs: Sequence[RecordedRun], end: float) -> list[Span]:
    """Return the time between each operation that failed and the next one on the station."""
    later = [*(float(run.start["time"]) for run in runs[1:]), end]
    return [
        (_span(run, end)[1], until)
        for run, until in zip(runs, later, strict=False)
        if run.stop is not None and run.stop["exit_status"] != "success"
    ]


def _occupied(runs: Iterable[RecordedRun], end: float) -> dict[str, list[Span]]:
    """Return when each station held a sample, by what the mover was told."""
    since: dict[str, float] = {}
    spans: dict[str, list[Span]] = {}
    moves = [r for r in runs if r.start["operation"] == _MOVE and r.stop is not None]
    moves = [r for r in moves if r.stop is not None and r.stop["exit_status"] == "success"]
    for run in sorted(moves, key=lambda run: _span(run, end)[1]):
        source, destination = run.start["parameters"]["source"], run.start["parameters"]["destination"]
        if source in since:
            spans.setdefault(station_of(source), []).append((since.pop(source), _span(run, end)[1]))
        since[destination] = _span(run, end)[1]
    for place, from_s in since.items():
        spans.setdefault(station_of(place), []).append((from_s, end))
    return spans


def _covered(spans: Iterable[Span]) -> float:
    """Return how much time spans cover together [s]."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
