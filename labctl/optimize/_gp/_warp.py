"""Make outcomes look normal before a Gaussian process sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.optimize._axes import Floats

_LAMBDAS = np.linspace(-1.0, 3.0, 33)
_PRIOR_WIDTH = 0.5
_MIN_OUTCOMES = 5
_BEYOND = 3.0


@dataclass(frozen=True)
class Warp:
    """Outcomes with mean 0 and variance 1, their order kept and their skew taken out, and the way back.

    From five outcomes on they go through the transformation of Yeo and Johnson (2000, Biometrika 87:954),
    with its lambda at the maximum over a grid of the profile likelihood times a normal prior at 1, which is
    the identity.
    """

    low: float
    """Lowest outcome."""
    high: float
    """Highest outcome."""
    centre: float = 0.0
    spread: float = 1.0
    power: float | None = None
    """Lambda; None: nothing is transformed."""
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, outcomes: Floats) -> Warp:
        """Return the warp that suits these outcomes, shape (n,)."""
        low, high = float(outcomes.min()), float(outcomes.max())
        if high - low <= 1e-12 * np.abs(outcomes).max():
            return cls(low, high, centre=float(outcomes[0]), deviation=0.0)
        if len(outcomes) < _MIN_OUTCOMES:
            return cls(low, high, mean=float(outcomes.mean()), deviation=float(outcomes.std()))
        centre, spread = float(np.median(outcomes)), float(outcomes.std())
        scaled = (outcomes - centre) / spread
        power = max(_LAMBDAS, key=lambda each: yeo_johnson(scaled, each)[1])
        moved = yeo_johnson(scaled, power)[0]
        return cls(low, high, centre, spread, float(power), float(moved.mean()), float(moved.std()))

    def forward(self, outcomes: Floats) -> Floats:
        """Return what a Gaussian process sees."""
        if self.deviation == 0.0:
            return np.zeros(outcomes.shape)
        scaled = (outcomes - self.centre) / self.spread
        moved = scaled if self.power is None else yeo_johnson(scaled, self.power)[0]
        return (moved - self.mean) / self.deviation

    def backward(self, seen: Floats) -> Floats:
        """Return the outcomes at a Gaussian process's values, at most three times the known range beyond it."""
        moved = self.mean + self.deviation * seen
        if self.power is not None:
            positive, negative = np.maximum(moved, 0.0), np.maximum(-moved, 0.0)
            moved = _inverse(positive, self.power) - _inverse(negative, 2.0 - self.power)
        width = _BEYOND * (self.high - self.low)
        return np.clip(self.centre + self.spread * moved, self.low - width, self.high + width)


def standardised(outcomes: Floats) -> Floats:
    """Return outcomes, shape (n,), as a Gaussian process sees them."""
    return Warp.of(outcomes).forward(outcomes)


def yeo_johnson(values: Floats, power: float) -> tuple[Floats, float]:
    """Return the transformed values and the logarithm of the posterior of lambda = `power`."""
    positive, negative = np.maximum(values, 0.0), np.maximum(-values, 0.0)
    moved = _box_cox(positive, power) - _box_cox(negative, 2.0 - power)
    jacobian = (power - 1.0) * (np.log1p(positive) - np.log1p(negative)).sum()
    prior = -0.5 * ((power - 1.0) / _PRIOR_WIDTH) ** 2
    return moved, float(-0.5 * len(values) * np.log(moved.var() + 1e-12) + jacobian + prior)


def _box_cox(values: Floats, power: float) -> Floats:
    return np.log1p(values) if abs(power) < 1e-9 else ((1.0 + values) ** power - 1.0) / power


def _inverse(moved: Floats, power: float) -> Floats:
    if abs(power) < 1e-9:
        return np.expm1(np.minimum(moved, 50.0))
    inside: Floats = np.maximum(power * moved + 1.0, 1e-9)  # below, a bound that the transformation never reaches
    return inside ** (1.0 / power) - 1.0
