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
    nominal: tuple[float, float] | None = None
    """The same of inputs without an order; None: as the others."""
    noise: tuple[float, float] = (-5.0, 3.0)
    """Of the noise variance; wide, for there are exact functions and rough measurements."""
    signal: tuple[float, float] = (0.0, 1.0)
    """Of the signal variance."""
    trend: tuple[float, float] | None = (0.0, 1.0)
    """Of the variance of the weight that a trend has; None: trends are left aside."""


@dataclass(frozen=True)
class Kernel:
    """Matern-5/2 with one length scale for each input, and a line in each trend.

    Columns after those of the inputs are trends: what a simulation or an earlier campaign leads to expect. A
    trend's weight is a normal variable, so that outcomes decide how much is believed (Rasmussen and Williams 2006,
    section 2.7).
    """

    groups: NDArray[np.intp]
    """Input of each model column."""
    lengths: Floats
    """Length scale of each input, in codes."""
    signal: float
    """Signal variance."""
    noise: float
    """Noise variance, jitter included."""
    trend: float = 0.0
    """Variance of the weight of each trend; 0: trends are left aside."""

    def between(self, left: Floats, right: Floats) -> Floats:
        """Return covariances, shape (n_left, n_right), of model columns, shapes (n, n_columns)."""
        covariance = self.signal * self.alike(left, right)
        if self.trend:
            n_columns = len(self.groups)
            covariance += self.trend * (left[:, n_columns:] @ right[:, n_columns:].T)
        return covariance

    def alike(self, left: Floats, right: Floats) -> Floats:
        """Return correlations, 0 to 1 and trends left aside, shape (n_left, n_right)."""
        n_columns, scale = len(self.groups), 1.0 / self.lengths[self.groups]
        a, b = left[:, :n_columns] * scale, right[:, :n_columns] * scale
        squared = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2.0 * (a @ b.T)
        distance = np.sqrt(np.maximum(squared, 0.0))
        correlation: Floats = (1.0 + ROOT_5 * distance + 5.0 / 3.0 * distance**2) * np.exp(-ROOT_5 * distance)
        return correlation

    def variance(self, features: Floats) -> Floats:
        """Return the variance without noise before anything is seen, shape (n,)."""
        trends = features[:, len(self.groups) :]
        return self.signal + self.trend * (trends * trends).sum(axis=1)

    def variance_slopes(self, point: Floats) -> Floats:
        """Return the derivatives of `variance` at a point, shape (n_columns,), by its columns."""
        slopes = np.zeros(len(point))
        slopes[len(self.groups) :] = 2.0 * self.trend * point[len(self.groups) :]
        return slopes

    def slopes(self, point: Floats, others: Floats) -> tuple[Floats, Floats]:
        """Return covariances of one point, shape (n_columns,), with others, and their derivatives by its columns."""
        n_columns, inverse = len(self.groups), self.lengths[self.groups] ** -2.0
        difference = point[:n_columns] - others[:, :n_columns]
        distance = np.sqrt((difference * difference) @ inverse)
        decay = self.signal * np.exp(-ROOT_5 * distance)
        values = (1.0 + ROOT_5 * distance + 5.0 / 3.0 * distance**2) * decay
        by_column = (-5.0 / 3.0 * (1.0 + ROOT_5 * distance) * decay)[:, None] * difference * inverse
        if others.shape[1] == n_columns:
            return values, by_column
        trends = self.trend * others[:, n_columns:]
        return values + trends @ point[n_columns:], np.hstack([by_column, trends])


def fit(features: Floats, outcomes: Floats, groups: NDArray[np.intp], prior: Prior, max_iterations: int) -> Kernel:
    """Return the most probable kernel, searched from one fixed start.

    Args:
        features: model columns, shape (n, n_columns); those after the groups are trends.
        outcomes: standardised, shape (n,).
        groups: input of each column.
        prior: of the hyperparameters.
        max_iterations: of L-BFGS.
    """
    posterior = _Posterior(features, outcomes, groups, prior)
    start = np.concatenate([np.full(posterior.n_inputs, np.log(0.5)), [0.0] * posterior.n_trends, [0.0, -4.0]])
    bounds = [(-4.0, 5.0)] * posterior.n_inputs + [(-8.0, 4.0)] * posterior.n_trends + [(-4.0, 4.0), (-14.0, 1.0)]
    found = minimize(
        posterior.negative_log, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": max_iterations}
    ).x
    lengths, rest = found[: posterior.n_inputs], np.exp(found[posterior.n_inputs :])
    trend = float(rest[0]) if posterior.n_trends else 0.0
    return Kernel(groups, np.exp(lengths), float(rest[-2]), float(rest[-1]) + JITTER, trend)


class _Posterior:
    """Marginal likelihood times prior (Rasmussen and Williams 2006, eqs. 5.8 and 5.9); the mean is the likeliest."""

    def __init__(self, features: Floats, outcomes: Floats, groups: NDArray[np.intp], prior: Prior) -> None:
        self.n_inputs = int(groups.max()) + 1
        self._right_sides = np.asfortranarray(np.stack([np.ones(len(outcomes)), outcomes], axis=1))
        columns = [features[:, np.flatnonzero(groups == group)] for group in range(self.n_inputs)]
        self._squared = np.stack([pdist(column, "sqeuclidean") for column in columns])
        upper_rows, upper_columns = np.triu_indices(len(outcomes), 1)
        self._pairs = upper_columns, upper_rows  # pdist's order, as places in the lower triangle
        nominal = prior.nominal or prior.length
        means, widths = np.where(np.bincount(groups)[:, None] > 1, nominal, prior.length).T
        trends = features[:, len(groups) :]
        self.n_trends = int(trends.shape[1] > 0 and prior.trend is not None)  # variances: one for all trends
        self._trend_pairs = (trends @ trends.T)[self._pairs]
        self._trend_squares = (trends * trends).sum(axis=1)
        others = [prior.trend or (0.0, 1.0)] * self.n_trends + [prior.signal, prior.noise]
        self._means = np.append(means + 0.5 * np.log(self.n_inputs), [mean for mean, _ in others])
        self._widths = np.append(widths, [width for _, width in others])

    def negative_log(self, logarithms: Floats) -> tuple[float, Floats]:
        """Return minus the log posterior and its gradient by [log lengths, log trend, log signal, log noise]."""
        lengths = logarithms[: self.n_inputs]
        weights, signal, noise = np.exp(-2.0 * lengths), np.exp(logarithms[-2]), np.exp(logarithms[-1])
        n = len(self._right_sides)
        distance = np.sqrt(weights @ self._squared)
        decay, line = np.exp(-ROOT_5 * distance), 1.0 + ROOT_5 * distance
        shape = (line + 5.0 / 3.0 * distance**2) * decay
        covariance = np.zeros((n, n), order="F")
        covariance[self._pairs] = signal * shape
        covariance.flat[:: n + 1] = signal + noise + JITTER
        if self.n_trends:
            trend = np.exp(logarithms[-3])
            covariance[self._pairs] += trend * self._trend_pairs
            covariance.flat[:: n + 1] += trend * self._trend_squares
        factor, failed = dpotrf(covariance, lower=1, overwrite_a=1)
        if failed:
            return 1e10, np.zeros_like(logarithms)
        ones, solved = dpotrs(factor, self._right_sides, lower=1)[0].T
        solved = solved - solved.sum() / ones.sum() * ones
        value = 0.5 * float(self._right_sides[:, 1] @ solved) + float(np.log(factor.diagonal()).sum())
        inverse = dpotri(factor, lower=1)[0]
        off_diagonal = solved[self._pairs[0]] * solved[self._pairs[1]] - inverse[self._pairs]
        on_diagonal = solved**2 - inverse.diagonal()
        diagonal = float(on_diagonal.sum())
        gradient = np.empty_like(logarithms)
        gradient[: self.n_inputs] = -signal * weights * (self._squared @ (off_diagonal * (5.0 / 3.0 * line * decay)))
        if self.n_trends:
            pairs = 2.0 * float(off_diagonal @ self._trend_pairs) + float(on_diagonal @ self._trend_squares)
            gradient[-3] = -0.5 * np.exp(logarithms[-3]) * pairs
        gradient[-2] = -0.5 * signal * (2.0 * float(off_diagonal @ shape) + diagonal)
        gradient[-1] = -0.5 * noise * diagonal
        away = (logarithms - self._means) / self._widths
        return value + 0.5 * float(away @ away), gradient + away / self._widths
