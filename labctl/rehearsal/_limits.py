"""How near signals came to their limits, and which quantities left their tolerance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from labctl.records import deviations_of
from labctl.store import RecordedRun, Stream


@dataclass(frozen=True)
class Approach:
    """How near a signal came to its limits."""

    key: str
    unit: str
    low: float
    """Lowest value allowed [unit]."""
    high: float
    """Highest value allowed [unit]."""
    lowest: float
    """Lowest value that was set or read [unit]."""
    highest: float
    """Highest value that was set or read [unit]."""

    @property
    def margin(self) -> float:
        """What was left to the nearer limit, as a share of the allowed range; negative beyond it.

        A low limit of about 0 (within 1 % of the range) means off; nothing comes dangerously near it.
        """
        span = self.high - self.low
        above, below = (self.high - self.highest) / span, (self.lowest - self.low) / span
        return above if abs(self.low) <= 0.01 * span else min(above, below)


@dataclass(frozen=True)
class Departure:
    """A process quantity that left the tolerance around its set point."""

    key: str
    unit: str
    tolerance: float
    """[unit]."""
    n_runs: int
    """In how many runs."""
    largest: float
    """Largest difference, with its sign [unit]."""
    longest_s: float
    """Longest time outside in one run [s]."""


@dataclass
class _Seen:
    unit: str
    limits: tuple[float, float]
    rest: float
    values: list[float] = field(default_factory=list)


def approaches(runs: Iterable[RecordedRun]) -> tuple[Approach, ...]:
    """Return how near each number with limits came to them, the nearest first.

    What a signal reads before anything was set (and 0, which is off) says nothing about the campaign and is left out.

    Args:
        runs: in the order they were done.
    """
    seen: dict[str, _Seen] = {}
    for run in runs:
        for name in ("baseline", "process"):
            if (stream := run.streams.get(name)) is not None:
                _look(stream, seen)
    found = [
        Approach(key, one.unit, *one.limits, min(one.values), max(one.values))
        for key, one in seen.items()
        if one.values
    ]
    return tuple(sorted(found, key=lambda approach: (approach.margin, approach.key)))


def _look(stream: Stream, seen: dict[str, _Seen]) -> None:
    for key, column in stream.columns.items():
        about = stream.description.get(key, {})
        low, high = about.get("lower_ctrl_limit"), about.get("upper_ctrl_limit")
        if about.get("dtype") != "number" or low is None or high is None or not len(column) or not low < high:
            continue
        values = column.astype(float)
        one = seen.setdefault(key, _Seen(stream.units.get(key, ""), (low, high), float(values[0])))
        counted = values[np.isfinite(values) & (values != one.rest) & (values != 0.0)]
        if len(counted):
            one.values += [float(counted.min()), float(counted.max())]


def departures(runs: Iterable[RecordedRun]) -> tuple[Departure, ...]:
    """Return the quantities that were out of tolerance, that in most runs first."""
    found: dict[str, list[Departure]] = {}
    for run in runs:
        for one in deviations_of(run):
            single = Departure(one.key, one.unit, one.tolerance, 1, one.largest, one.duration_s)
            found.setdefault(one.key, []).append(single)
    return tuple(sorted(map(_together, found.values()), key=lambda departure: (-departure.n_runs, departure.key)))


def _together(parts: Sequence[Departure]) -> Departure:
    worst = max(parts, key=lambda part: abs(part.largest))
    longest_s = max(part.longest_s for part in parts)
    return Departure(worst.key, worst.unit, worst.tolerance, len(parts), worst.largest, longest_s)
