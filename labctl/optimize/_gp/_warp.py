"""Make outcomes look normal before a Gaussian process sees them."""

from __future__ import annotations

import numpy as np

from labctl.optimize._axes import Floats

_LAMBDAS = np.linspace(-1.0, 3.0, 33)
_PRIOR_WIDTH = 0.5
_MIN_OUTCOMES = 5


def standardised(outcomes: Floats) -> Floats:
    """Return outcomes, shape (n,), with mean 0 and variance 1, their order kept and their skew taken out.

    From five outcomes on they go through the transformation of Yeo and Johnson (2000, Biometrika 87:954),
    with its lambda at the maximum over a grid of the profile likelihood times a normal prior at 1, which is
    the identity.
    """
    if np.ptp(outcomes) <= 1e-12 * np.abs(outcomes).max():
        return np.zeros(len(outcomes))
    scaled = outcomes
    if len(outcomes) >= _MIN_OUTCOMES:
        scaled = (outcomes - np.median(outcomes)) / outcomes.std()
        scaled = max((yeo_johnson(scaled, power) for power in _LAMBDAS), key=lambda pair: pair[1])[0]
    return (scaled - scaled.mean()) / scaled.std()


def yeo_johnson(values: Floats, power: float) -> tuple[Floats, float]:
    """Return the transformed values and the logarithm of the posterior of lambda = `power`."""
    positive, negative = np.maximum(values, 0.0), np.maximum(-values, 0.0)
    moved = _box_cox(positive, power) - _box_cox(negative, 2.0 - power)
    jacobian = (power - 1.0) * (np.log1p(positive) - np.log1p(negative)).sum()
    prior = -0.5 * ((power - 1.0) / _PRIOR_WIDTH) ** 2
    return moved, float(-0.5 * len(values) * np.log(moved.var() + 1e-12) + jacobian + prior)


def _box_cox(values: Floats, power: float) -> Floats:
    return np.log1p(values) if abs(power) < 1e-9 else ((1.0 + values) ** power - 1.0) / power
