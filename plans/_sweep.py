"""A range gone through in even steps, and the straight line through what was read on it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


def levels(start: float, stop: float, n_steps: int, n_legs: int = 1) -> Iterator[float]:
    """Yield the ends of even steps from `start` to `stop`, every other leg on the way back.

    Args:
        start: first level.
        stop: last level of the first leg.
        n_steps: of a leg, at least 1.
        n_legs: how often the range is gone through, at least 1.
    """
    for leg in range(n_legs):
        for step in range(n_steps + 1):
            share = step / n_steps if leg % 2 == 0 else 1.0 - step / n_steps
            yield start + (stop - start) * share


@dataclass(frozen=True)
class StraightLine:
    """A line of least squares (unweighted): ``y = offset + slope x``."""

    slope: float
    slope_error: float
    """Standard error of the slope; 0 for two points, which are always on a line."""
    offset: float
    departure: float
    """Farthest that a point is from the line, as a share of the span of the y; 0 where all are on it."""

    @classmethod
    def through(cls, x: Sequence[float], y: Sequence[float]) -> StraightLine | None:
        """Return the line through points; None where fewer than two of the x differ."""
        n = len(x)
        mean_x, mean_y = sum(x) / max(n, 1), sum(y) / max(n, 1)
        spread = sum((value - mean_x) ** 2 for value in x)
        if spread == 0.0:
            return None
        slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
        offset = mean_y - slope * mean_x
        residues = [b - offset - slope * a for a, b in zip(x, y, strict=True)]
        error = math.sqrt(sum(value**2 for value in residues) / (n - 2) / spread) if n > 2 else 0.0
        span = max(y) - min(y)
        return cls(slope, error, offset, max(map(abs, residues)) / span if span else 0.0)
