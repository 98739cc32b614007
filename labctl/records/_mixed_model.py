"""The statistics of an explanation: a smooth unknown function of some quantities, and tests of others on top of it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.gaussian_process import GaussianProcessRegressor

Array = NDArray[np.float64]
_SHORTEST, _LONGEST = 3.0, 100.0
"""Length scales of the smooth function [standard deviations of the quantity]."""
_LEAST_NOISE = 1e-3
"""Share of the variance of a property that no recorded quantity explains, at least."""
_N_SHUFFLES = 4999


@dataclass(frozen=True)
class Tested:
    """What a test says of each quantity, (n_quantities,)."""

    t: Array
    """The larger of the statistics of the straight and of the bent term, with the sign of the straight one."""
    p: Array
    """Chance that the largest of all statistics would be so large if none mattered: adjusted for their number."""
    p_alone: Array
    """The same chance for this quantity alone."""


class SmoothModel:
    """A property as an unknown smooth function of quantities, with noise: a Gaussian process.

    The function is the sum of a straight line in each quantity and a smooth rest, which has a length scale for each
    quantity, so that it can leave one out. Scales, and the noise, are those of the highest marginal likelihood:
    Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), ch. 5.

    Args:
        x: (n_samples, n_quantities) standardised; may have no columns.
        y: (n_samples,) standardised property.
    """

    def __init__(self, x: Array, y: Array) -> None:
        self.x, self.y = x, y
        self._process = _fitted(x, y) if x.shape[1] else None
        covariance = np.eye(len(y)) if self._process is None else self._process.kernel_(x)
        self._factor = np.linalg.cholesky(covariance)
        self._level = self._white(np.ones((len(y), 1)))
        self.rest = self._apart(y[:, None])[:, 0]
        """(n_samples,) The property as the model cannot foresee it from the samples before: independent noise."""

    @property
    def evidence(self) -> float:
        """Return the logarithm of the marginal likelihood."""
        return 0.0 if self._process is None else float(self._process.log_marginal_likelihood_value_)

    @property
    def noise(self) -> float:
        """Return the standard deviation of the noise, in those of the property."""
        if self._process is None:
            return 1.0
        return float(np.sqrt(np.exp(self._process.kernel_.theta[-1])))

    def _white(self, columns: Array) -> Array:
        from scipy.linalg import solve_triangular

        return np.asarray(solve_triangular(self._factor, columns, lower=True))

    def _apart(self, columns: Array) -> Array:
        """Return whitened columns without what a constant level explains."""
        white = self._white(columns)
        level = self._level / np.linalg.norm(self._level)
        return white - level @ (level.T @ white)

    def unforeseen(self, columns: Array) -> Array:
        """Return (n_samples, n_columns) what is left of quantities once the model's own are taken out, of length 1."""
        apart = self._apart(columns)
        length = np.linalg.norm(apart, axis=0)
        return apart / np.where(length > 1e-9, length, np.inf)

    def test(self, columns: Array, rng: np.random.Generator) -> Tested:
        """Test whether quantities explain what the model does not.

        The straight and the bent (squared) term of each quantity is estimated by generalised least squares, one at a
        time, given the smooth function: the test of association in a linear mixed model. The rest of the property is
        shuffled among the samples, and the largest statistic of all terms compared: Westfall and Young,
        Resampling-Based Multiple Testing (1993); Freedman and Lane, J. Business Econ. Stat. 1 (1983) 292.

        Args:
            columns: (n_samples, n_quantities) standardised.
            rng: shuffles.
        """
        bent = bent_terms(columns)
        terms = [self.unforeseen(columns), self.unforeseen(bent)]
        found = np.array([_statistic(term, self.rest[:, None])[:, 0] for term in terms])
        shuffled = np.array([rng.permutation(self.rest) for _ in range(_N_SHUFFLES)]).T
        chance = np.maximum(*(np.abs(_statistic(term, shuffled)) for term in terms))
        strongest = np.abs(found).max(axis=0)
        best = np.where(np.abs(found[0]) >= np.abs(found[1]), found[0], np.sign(found[0]) * np.abs(found[1]))
        largest = chance.max(axis=0)
        n = _N_SHUFFLES + 1
        adjusted = (1 + np.count_nonzero(largest[None, :] >= strongest[:, None], axis=1)) / n
        alone = (1 + np.count_nonzero(chance >= strongest[:, None], axis=1)) / n
        return Tested(best, adjusted, alone)

    def slope(self, column: Array) -> tuple[float, float]:
        """Return by how much the property changes with a standardised quantity, and its standard error.

        Both are in standard deviations, by generalised least squares given the smooth function of the others.
        """
        apart = self._apart(column[:, None])[:, 0]
        square = float(apart @ apart)
        slope = float(apart @ self.rest) / square
        left = self.rest - slope * apart
        return slope, float(np.sqrt(left @ left / (len(left) - 2) / square))

    def fit_of(self, columns: Array) -> Array:
        """Return (n_quantities,) the log-likelihood that each quantity adds, straight and bent together."""
        straight, bent = self.unforeseen(columns), self.unforeseen(bent_terms(columns))
        bent = bent - straight * np.sum(straight * bent, axis=0)
        bent = bent / np.maximum(np.linalg.norm(bent, axis=0), 1e-9)
        square = float(self.rest @ self.rest)
        share = ((straight.T @ self.rest) ** 2 + (bent.T @ self.rest) ** 2) / square
        return np.asarray(-0.5 * len(self.rest) * np.log1p(-np.minimum(share, 1 - 1e-12)))

    def dependence(self, column: int, at: Array) -> tuple[Array, Array]:
        """Return how the property depends on one of the model's quantities, on the mean over all samples.

        Args:
            column: of the quantity in `x`.
            at: (n,) standardised values of it.

        Returns:
            (n,) mean and (n, n) covariance of the function, averaged over the samples with the quantity at each value.
        """
        kernel = self._kernel()
        n = len(self.y)
        there = np.repeat(self.x[None, :, :], len(at), axis=0)
        there[:, :, column] = at[:, None]
        flat = there.reshape(-1, self.x.shape[1])
        across = kernel(flat, self.x).reshape(len(at), n, n).mean(axis=1)
        own = kernel(flat).reshape(len(at), n, len(at), n).mean(axis=(1, 3))
        white = self._white(across.T)
        return white.T @ self._white(self.y[:, None])[:, 0], own - white.T @ white

    @property
    def residuals(self) -> Array:
        """Return (n_samples,) what the property has besides the function, in its standard deviations."""
        if self._process is None:
            return self.y - self.y.mean()
        return np.asarray(self.y - self._process.predict(self.x))

    def drift(self, times: Array, rng: np.random.Generator) -> float:
        """Return the chance that what is left is as alike from one sample to the next if it came in random order."""
        rest = self.rest[np.argsort(times, kind="stable")]
        found = float(rest[1:] @ rest[:-1])
        shuffled = np.array([rng.permutation(rest) for _ in range(999)])
        return float((1 + np.count_nonzero(np.sum(shuffled[:, 1:] * shuffled[:, :-1], axis=1) >= found)) / 1000)

    def _kernel(self) -> Any:  # a kernel of scikit-learn, which has no types
        assert self._process is not None
        return self._process.kernel_.k1  # without the noise


def bent_terms(columns: Array) -> Array:
    """Return the squares of quantities, without what a straight line explains; outliers count as 2.5 deviations."""
    square = np.square(np.clip(columns, -2.5, 2.5))
    square = square - square.mean(axis=0)
    centred = columns - columns.mean(axis=0)
    slope = (centred * square).sum(axis=0) / np.maximum((centred**2).sum(axis=0), 1e-12)
    return square - slope * centred


def _statistic(terms: Array, rest: Array) -> Array:
    """Return (n_terms, n_rests) Student's t of each term alone."""
    share = np.clip((terms.T @ rest) / np.linalg.norm(rest, axis=0), -1 + 1e-12, 1 - 1e-12)
    return share * np.sqrt((len(rest) - 2) / (1.0 - share**2))


def _fitted(x: Array, y: Array) -> GaussianProcessRegressor:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    smooth = ConstantKernel(0.5, (1e-4, 20.0)) * RBF(np.full(x.shape[1], 3.0), (_SHORTEST, _LONGEST))
    straight = ConstantKernel(0.3, (1e-4, 10.0)) * DotProduct(1.0, "fixed")
    process = GaussianProcessRegressor(smooth + straight + WhiteKernel(0.05, (_LEAST_NOISE, 1.0)), alpha=1e-8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a scale at its bound is a quantity that does not matter
        process.fit(x, y)
    return process


__all__ = ["SmoothModel", "Tested", "bent_terms"]
