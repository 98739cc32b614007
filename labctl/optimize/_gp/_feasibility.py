"""How probable it is that a trial completes, learnt from those that failed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from labctl.optimize._axes import Floats
from labctl.optimize._gp._kernel import Prior, fit
from labctl.optimize._gp._process import Process

_PRIOR = Prior(length=(0.0, 0.7), nominal=(0.8, 0.7), noise=(-3.0, 0.3), signal=(0.0, 0.15))
"""Labels of +1 and -1 have a variance near 1, and a failure is no noise: with wider priors the likeliest model of
few failures is often that they were chance, and corners where nothing was tried are called safe."""
_LABEL_VARIANCE = 0.35  # with less, of what is called 95 % certain one in seven fails on the mixed problem
_LEAST = -4.0
_N_FAILED, _N_COMPLETED = 80, 120


@dataclass(frozen=True)
class Feasibility:
    """How probable it is that a trial completes.

    Gaussian-process regression on +1 for completed and -1 for failed, squashed by a probit (Rasmussen and
    Williams 2006, section 6.5); never below Phi(-4), so that a hopeless region still has an order.
    """

    process: Process

    @classmethod
    def of(cls, features: Floats, is_completed: NDArray[np.bool_], groups: NDArray[np.intp]) -> Feasibility:
        """Return the model after these trials; scales are fitted on the last 80 failed and 120 completed ones."""
        labels = np.where(is_completed, 1.0, -1.0)
        failed, completed = np.flatnonzero(~is_completed), np.flatnonzero(is_completed)
        recent = np.sort(np.concatenate([failed[-_N_FAILED:], completed[-_N_COMPLETED:]]))
        seen = _with_line(features[:, : len(groups)])  # what is expected of an outcome says nothing about failure
        kernel = fit(seen[recent], labels[recent], groups, _PRIOR, 30)
        return cls(Process.of(kernel, seen, labels))

    @property
    def _n_columns(self) -> int:
        return len(self.process.kernel.groups)

    def log_probability(self, features: Floats) -> Floats:
        """Return the logarithm of the probability at model columns of shape (n, n_columns)."""
        mean, deviation = self.process.predict(_with_line(features[:, : self._n_columns]))
        result: Floats = log_ndtr(np.maximum(mean / np.sqrt(deviation**2 + _LABEL_VARIANCE), _LEAST))
        return result

    def slopes(self, feature: Floats) -> tuple[float, Floats]:
        """Return the logarithm of the probability at one point and its derivatives by the columns."""
        n_columns = self._n_columns
        seen = self.process.slopes(_with_line(feature[None, :n_columns])[0])
        mean, deviation = seen[:2]
        by_mean, by_deviation = (each[:n_columns] + each[n_columns:] for each in seen[2:])
        spread = np.sqrt(deviation**2 + _LABEL_VARIANCE)
        z = mean / spread
        value = float(log_ndtr(max(z, _LEAST)))
        if z <= _LEAST:
            return value, np.zeros_like(feature)
        density = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - value)
        slopes = np.zeros_like(feature)
        slopes[:n_columns] = density * (by_mean / spread - mean * deviation * by_deviation / spread**3)
        return value, slopes


def _with_line(plain: Floats) -> Floats:
    """Return columns with themselves, about the middle, as trends: failure mostly lies to one side."""
    return np.hstack([plain, plain - 0.5])
