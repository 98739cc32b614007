"""What was asked against what was done: deviations of process quantities from their set points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.store import RecordedRun, Stream


@dataclass(frozen=True)
class Deviation:
    """A process quantity that left the tolerance around its set point."""

    key: str
    """The quantity."""
    setpoint: str
    """Key of its set point."""
    unit: str
    tolerance: float
    """[unit]."""
    largest: float
    """Largest difference from the set point, with its sign [unit]."""
    at_s: float
    """When that was, since the operation began [s]."""
    duration_s: float
    """How long it was outside the tolerance, all together [s]."""
    area: float
    """Integral over time of what exceeded the tolerance [unit s]."""


def deviations_of(run: RecordedRun) -> tuple[Deviation, ...]:
    """Return the deviations of a run's process quantities, that with the largest share of its tolerance first.

    What a quantity should follow, and how closely, stands in the descriptor beside the quantity (``setpoint``,
    ``tolerance``; ``gate`` names a quantity that is not 0 while the set point counts).
    """
    stream = run.streams.get("process")
    if stream is None or len(stream.times) < 2:
        return ()
    found = [_deviation(stream, key, float(run.start["time"])) for key in stream.columns]
    told = [deviation for deviation in found if deviation is not None]
    return tuple(sorted(told, key=lambda deviation: -abs(deviation.largest) / deviation.tolerance))


def _deviation(stream: Stream, key: str, begin: float) -> Deviation | None:
    about = stream.description.get(key, {})
    setpoint, tolerance = str(about.get("setpoint", "")), float(about.get("tolerance", 0.0))
    if setpoint not in stream.columns or tolerance <= 0:
        return None
    gate = stream.columns.get(str(about.get("gate", "")))
    difference = difference_of(stream.columns[key], stream.columns[setpoint], gate)
    excess = np.nan_to_num(np.maximum(np.abs(difference) - tolerance, 0.0))
    if not np.any(excess > 0):
        return None
    steps = np.diff(stream.times)
    outside = (excess[:-1] > 0) | (excess[1:] > 0)
    worst = int(np.nanargmax(np.abs(difference)))
    return Deviation(
        key,
        setpoint,
        stream.units.get(key, ""),
        tolerance,
        float(difference[worst]),
        float(stream.times[worst] - begin),
        float(steps[outside].sum()),
        float(np.sum(steps * (excess[:-1] + excess[1:]) / 2)),
    )


def difference_of(values: NDArray[Any], asked: NDArray[Any], gate: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Return how far readings were from their set point; not a number where it does not count.

    Args:
        values: (n,) readings.
        asked: (n,) set points, in the same unit.
        gate: (n,) readings of a quantity that is not 0 while the set point counts.

    Returns:
        (n,) differences, in the readings' unit.
    """
    difference = values.astype(float) - asked.astype(float)
    return difference if gate is None else np.where(_counts(gate), difference, np.nan)


def _counts(gate: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where the set point counts: the gate is open, and was at the reading before."""
    is_open = gate.astype(float) != 0
    return is_open & np.concatenate(([False], is_open[:-1]))
