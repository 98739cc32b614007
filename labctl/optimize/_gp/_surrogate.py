"""Gaussian processes of one objective, asked in the objective's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotri, dpotrs
from typing_extensions import override

from labctl.optimize._axes import Floats
from labctl.optimize._beliefs import Beliefs
from labctl.optimize._domain import Domain
from labctl.optimize._gp._feasibility import Feasibility
from labctl.optimize._gp._process import Process
from labctl.optimize._gp._warp import Warp


@dataclass(frozen=True)
class GaussianSurrogate:
    """Processes that each hold the same outcomes; their mixture is taken as normal before the way back."""

    domain: Domain
    models: Sequence[Process]
    warp: Warp
    unit: float = 1.0
    """Gain for each unit of what the warp takes."""

    @property
    def lengths(self) -> Floats:
        """Geometric mean of the models' length scales, in parts of each input's range."""
        mean: Floats = np.exp(np.mean([np.log(model.kernel.lengths) for model in self.models], axis=0))
        return mean

    @property
    def noise(self) -> float:
        """Standard deviation of the gain when one recipe is repeated, at the middle of what was seen."""
        deviation = float(np.sqrt(np.mean([model.kernel.noise for model in self.models])))
        low, high = self._back(np.array([-deviation, deviation]))
        return float(high - low) / 2.0

    @property
    def best(self) -> float:
        """Highest gain expected at a completed trial."""
        seen = np.mean([model.seen for model in self.models], axis=0)
        return float(self._back(seen.max()[None])[0])

    def gains(self, codes: Floats, z: Floats) -> Floats:
        """Return quantiles of the gain without noise, shape (n, n_z)."""
        features = self.domain.features(codes)
        return self._quantiles([model.predict(features) for model in self.models], z)

    def left_out(self, z: Floats) -> Floats:
        """Return quantiles of what each completed trial measured, as the others foretell it, shape (n_completed, n_z).

        The scales are those of all trials (Rasmussen and Williams 2006, eqs. 5.10 to 5.12), the mean is not.
        """
        return self._quantiles([_left_out(model) for model in self.models], z)

    def shares(self, codes: Floats) -> Floats:
        """Return each completed trial's weight in the expected mean, shape (n, n_completed)."""
        features = self.domain.features(codes)
        mean: Floats = np.mean([_weights(model, features) for model in self.models], axis=0)
        return mean

    def _quantiles(self, predicted: Sequence[tuple[Floats, Floats]], z: Floats) -> Floats:
        means, deviations = np.array(predicted).swapaxes(0, 1)
        mean = means.mean(axis=0)
        deviation = np.sqrt((deviations**2 + (means - mean) ** 2).mean(axis=0))
        return self._back(mean[:, None] + deviation[:, None] * z)

    def _back(self, seen: Floats) -> Floats:
        return self.unit * self.warp.backward(seen)


@dataclass(frozen=True)
class GaussianBeliefs(Beliefs):
    """Beliefs with a model of failure."""

    domain: Domain
    failures: Feasibility | None = None

    @override
    def feasibility(self, codes: Floats) -> Floats:
        """Return how probable it is that trials complete, shape (n,)."""
        if self.failures is None:
            return np.ones(len(codes))
        return np.exp(self.failures.log_probability(self.domain.features(codes)))


def _left_out(model: Process) -> tuple[Floats, Floats]:
    lower = np.tril(dpotri(model.factor, lower=1)[0])
    inverse = lower + np.tril(lower, -1).T
    ones = inverse.sum(axis=0)
    precision = np.maximum(inverse.diagonal() - ones**2 / ones.sum(), 1e-12)  # the mean is learnt, too
    return model.outcomes - model.weights / precision, precision**-0.5


def _weights(model: Process, features: Floats) -> Floats:
    covariance = model.kernel.between(model.features, features)
    ones = dpotrs(model.factor, np.ones((len(model.outcomes), 1)), lower=1)[0]
    solved: Floats = dpotrs(model.factor, covariance, lower=1)[0]
    return (solved + ones / ones.sum() * (1.0 - solved.sum(axis=0))).T
