"""The Matern-5/2 kernel and the most probable scales of its inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.optimize import minimize
from scipy.spatial.distance import pdist

from labctl.optimize._axes import Floats

ROOT_5 = float(np.sqrt(5.0))
JITTER = 1e-5
"""Added to the noise variance so that equal recipes leave the covariance invertible."""


@dataclass(frozen=True)
class Prior:
    """Normal priors of the logarithms of the hyperparameters; outcomes are standardised."""

    length: tuple[float, float]
    """Mean and width of the length scales' logarithms, before log(n_inputs) / 2 is added to the mean: distances
    grow with the root of the number of inputs (Hvarfner 2024, arXiv:2402.02229)."""
    noise: tuple[float, float] = (-5.0, 1.5)
    """Of the noise variance."""
    signal: tuple[float, float] = (0.0, 1.0)
    """Of the signal variance."""


@dataclass(frozen=True)
class Kernel:
    """Matern-5/2 with one length scale for each input."""

    groups: NDArray[np.intp]
    """Input of each model column."""
    lengths: Floats
    """Length scale of each input, in codes."""
    signal: float
    """Signal variance."""
    noise: float
    """Noise variance, jitter included."""

    def between(self, left: Floats, right: Floats) -> Floats:
        """Return covariances, shape (n_left, n_right), of model columns, shapes (n, n_columns)."""
        scale = 1.0 / self.lengths[self.groups]
        a, b = left * scale, right * scale
        squared = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2.0 * (a @ b.T)
        distance = np.sqrt(np.maximum(squared, 0.0))
        return self.signal * (1.0 + ROOT_5 * distance + 5.0 / 3.0 * distance**2) * np.exp(-ROOT_5 * distance)

    def slopes(self, point: Floats, others: Floats) -> tuple[Floats, Floats]:
        """Return covariances of one point, shape (n_columns,), with others, and their derivatives by its columns."""
        inverse = self.lengths[self.groups] ** -2.0
        difference = point - others
        distance = np.sqrt((difference * difference) @ inverse)
        decay = self.signal * np.exp(-ROOT_5 * distance)
        values = (1.0 + ROOT_5 * distance + 5.0 / 3.0 * distance**2) * decay
        return values, (-5.0 / 3.0 * (1.0 + ROOT_5 * distance) * decay)[:, None] * difference * inverse


def fit(features: Floats, outcomes: Floats, groups: NDArray[np.intp], prior: Prior, max_iterations: int) -> Kernel:
    """Return the most probable kernel, searched from one fixed start.

    Args:
        features: model columns, shape (n, n_columns).
        outcomes: standardised, shape (n,).
        groups: input of each column.
        prior: of the hyperparameters.
        max_iterations: of L-BFGS.
    """
    posterior = _Posterior(features, outcomes, groups, prior)
    start = np.concatenate([np.full(posterior.n_inputs, np.log(0.5)), [0.0, -4.0]])
    bounds = [(-4.0, 5.0)] * posterior.n_inputs + [(-4.0, 4.0), (-14.0, 1.0)]
    found = minimize(
        posterior.negative_log, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": max_iterations}
    ).x
    return Kernel(groups, np.exp(found[:-2]), float(np.exp(found[-2])), float(np.exp(found[-1])) + JITTER)


class _Posterior:
    """Marginal likelihood times prior (Rasmussen and Williams 2006, eqs. 5.8 and 5.9); the mean is the likeliest."""

    def __init__(self, features: Floats, outcomes: Floats, groups: NDArray[np.intp], prior: Prior) -> None:
        self.n_inputs = int(groups.max()) + 1
        self._right_sides = np.asfortranarray(np.stack([np.ones(len(outcomes)), outcomes], axis=1))
        columns = [features[:, groups == group] for group in range(self.n_inputs)]
        self._squared = np.stack([pdist(column, "sqeuclidean") for column in columns])
        upper_rows, upper_columns = np.triu_indices(len(outcomes), 1)
        self._pairs = upper_columns, upper_rows  # pdist's order, as places in the lower triangle
        lengths = prior.length[0] + 0.5 * np.log(self.n_inputs)
        self._means = np.array([lengths] * self.n_inputs + [prior.signal[0], prior.noise[0]])
        self._widths = np.array([prior.length[1]] * self.n_inputs + [prior.signal[1], prior.noise[1]])

    def negative_log(self, logarithms: Floats) -> tuple[float, Floats]:
        """Return minus the log posterior and its gradient by [log lengths, log signal, log noise]."""
        weights, signal, noise = np.exp(-2.0 * logarithms[:-2]), np.exp(logarithms[-2]), np.exp(logarithms[-1])
        n = len(self._right_sides)
        distance = np.sqrt(weights @ self._squared)
        decay, line = np.exp(-ROOT_5 * distance), 1.0 + ROOT_5 * distance
        shape = (line + 5.0 / 3.0 * distance**2) * decay
        covariance = np.zeros((n, n), order="F")
        covariance[self._pairs] = signal * shape
        covariance.flat[:: n + 1] = signal + noise + JITTER
        factor, failed = dpotrf(covariance, lower=1, overwrite_a=1)
        if failed:
            return 1e10, np.zeros_like(logarithms)
        ones, solved = dpotrs(factor, self._right_sides, lower=1)[0].T
        solved = solved - solved.sum() / ones.sum() * ones
        value = 0.5 * float(self._right_sides[:, 1] @ solved) + float(np.log(factor.diagonal()).sum())
        inverse = dpotri(factor, lower=1)[0]
        off_diagonal = solved[self._pairs[0]] * solved[self._pairs[1]] - inverse[self._pairs]
        diagonal = float((solved**2 - inverse.diagonal()).sum())
        gradient = np.empty_like(logarithms)
        gradient[:-2] = -signal * weights * (self._squared @ (off_diagonal * (5.0 / 3.0 * line * decay)))
        gradient[-2] = -0.5 * signal * (2.0 * float(off_diagonal @ shape) + diagonal)
        gradient[-1] = -0.5 * noise * diagonal
        away = (logarithms - self._means) / self._widths
        return value + 0.5 * float(away @ away), gradient + away / self._widths
