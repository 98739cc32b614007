"""A recorded quantity against what the physics makes of the other ones."""

from __future__ import annotations

from dataclasses import dataclass

from labctl.errors import LabError

COVERAGE = 5.0
"""Standard deviations that a tolerance covers: one false alarm in two million checks."""


class CannotReplay(LabError):  # noqa: N818  (reads as what happened)
    """The documents lack something without which the sample cannot be computed again."""


@dataclass(frozen=True)
class Check:
    """One comparison."""

    quantity: str
    """What was recorded, e.g. ``supply.voltage``, and over which part of the operation."""
    predicted: float
    """By the physics, from other recorded quantities [unit]."""
    recorded: float
    """[unit]."""
    tolerance: float
    """Largest difference that noise and resolution of the readings allow [unit]."""
    unit: str
    basis: str
    """What the prediction was made from."""

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance; a number that is none agrees with nothing."""
        return abs(self.recorded - self.predicted) <= self.tolerance
