"""Ranges and areas gone through in even steps, and the straight line through what was read on a range."""

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


def grid(width: float, height: float, n_x: int, n_y: int, *, is_round: bool) -> Iterator[tuple[float, float]]:
    """Yield the points of an even grid around (0, 0), row by row, every other row on the way back.

    Args:
        width: from the first point of a row to the last; where it is below 0 there is no point.
        height: from the first row to the last, likewise.
        n_x: points of a row, at least 1; 1 is the middle.
        n_y: rows, at least 1; 1 is the middle.
        is_round: leaves out points outside the ellipse that touches the four sides.
    """
    if width < 0.0 or height < 0.0:
        return
    for row in range(n_y):
        along = _share(row, n_y)
        for column in range(n_x):
            across = _share(column if row % 2 == 0 else n_x - 1 - column, n_x)
            if not is_round or math.hypot(across, along) <= 0.5 + 1e-9:
                yield width * across, height * along


def _share(index: int, n: int) -> float:
    """Return where a point is from the middle, -0.5 to 0.5."""
    return index / (n - 1) - 0.5 if n > 1 else 0.0


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
