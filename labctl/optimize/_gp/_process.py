"""A Gaussian process that has seen some outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotrs

from labctl.optimize._axes import Floats
from labctl.optimize._gp._kernel import Kernel

_MIN_VARIANCE = 1e-12


@dataclass(frozen=True)
class Process:
    """Prediction from outcomes (Rasmussen and Williams 2006, algorithm 2.1); the mean is the likeliest constant."""

    kernel: Kernel
    features: Floats
    """Model columns of what was seen, shape (n, n_columns)."""
    outcomes: Floats
    """Shape (n,)."""
    factor: Floats
    """Lower Cholesky factor of the covariance, shape (n, n)."""
    mean: float
    weights: Floats
    """Inverse covariance times outcomes less the mean, shape (n,)."""
    seen: Floats
    """Mean predicted at what was seen, shape (n,): the outcome less the noise's share."""
    best: float
    """Highest of these, also before anything was believed."""

    @classmethod
    def of(cls, kernel: Kernel, features: Floats, outcomes: Floats) -> Process:
        """Return the process after these outcomes."""
        covariance = np.asfortranarray(kernel.between(features, features))
        covariance.flat[:: len(outcomes) + 1] = kernel.variance(features) + kernel.noise
        factor = np.asfortranarray(np.tril(dpotrf(covariance, lower=1)[0]))
        return cls._solved(kernel, features, outcomes, factor, -np.inf)

    @classmethod
    def _solved(cls, kernel: Kernel, features: Floats, outcomes: Floats, factor: Floats, best: float) -> Process:
        right_sides = np.stack([np.ones(len(outcomes)), outcomes], axis=1)
        ones, solved = dpotrs(factor, right_sides, lower=1)[0].T
        mean = float(solved.sum() / ones.sum())
        weights = solved - mean * ones
        seen = outcomes - kernel.noise * weights
        return cls(kernel, features, outcomes, factor, mean, weights, seen, max(best, float(seen.max())))

    def believing(self, feature: Floats) -> Process:
        """Return the process as if the mean predicted at a point had been seen there.

        This is the kriging believer for trials on their way (Ginsbourger 2010, doi:10.1007/978-3-642-10701-6_6).
        """
        believed = float(self.predict(feature[None])[0][0])
        covariance = self.kernel.between(self.features, feature[None])[:, 0]
        row = solve_triangular(self.factor, covariance, lower=True, check_finite=False)
        n = len(self.outcomes)
        factor = np.zeros((n + 1, n + 1), order="F")
        factor[:n, :n], factor[n, :n] = self.factor, row
        variance = float(self.kernel.variance(feature[None])[0]) + self.kernel.noise
        factor[n, n] = np.sqrt(max(variance - float(row @ row), 1e-10))
        features, outcomes = np.vstack([self.features, feature]), np.append(self.outcomes, believed)
        return self._solved(self.kernel, features, outcomes, factor, self.best)

    def predict(self, features: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, without noise, at model columns of shape (n, n_columns)."""
        covariance = self.kernel.between(self.features, features)
        explained = solve_triangular(self.factor, covariance, lower=True, check_finite=False)
        variance = self.kernel.variance(features) - (explained**2).sum(axis=0)
        return self.mean + self.weights @ covariance, np.sqrt(np.maximum(variance, _MIN_VARIANCE))

    def mean_at(self, features: Floats) -> Floats:
        """Return the mean alone, which costs less, at model columns of shape (n, n_columns)."""
        means: Floats = self.mean + self.weights @ self.kernel.between(self.features, features)
        return means

    def slopes(self, feature: Floats) -> tuple[float, float, Floats, Floats]:
        """Return mean, standard deviation and their derivatives by the columns of one point."""
        covariance, by_column = self.kernel.slopes(feature, self.features)
        solved = dpotrs(self.factor, covariance, lower=1)[0]
        variance = float(self.kernel.variance(feature[None])[0])
        deviation = float(np.sqrt(max(variance - covariance @ solved, _MIN_VARIANCE)))
        mean = self.mean + float(covariance @ self.weights)
        own = self.kernel.variance_slopes(feature)
        return mean, deviation, self.weights @ by_column, (0.5 * own - solved @ by_column) / deviation
