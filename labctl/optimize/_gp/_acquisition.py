"""How much a recipe is worth trying, given two models of the outcome and one of failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from labctl.optimize._axes import Floats
from labctl.optimize._gp._improvement import log_improvement, log_improvement_slopes
from labctl.optimize._gp._kernel import Prior, fit
from labctl.optimize._gp._process import Process

_PRIOR = Prior(length=(np.sqrt(2.0) - 1.0, 1.0), noise=(-4.0, 1.0))
_LABEL_VARIANCE = 0.04
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
        kernel = fit(features[recent], labels[recent], groups, _PRIOR, 30)
        return cls(Process.of(kernel, features, labels))

    def log_probability(self, features: Floats) -> Floats:
        """Return the logarithm of the probability at model columns of shape (n, n_columns)."""
        mean, deviation = self.process.predict(features)
        result: Floats = log_ndtr(np.maximum(mean / np.sqrt(deviation**2 + _LABEL_VARIANCE), _LEAST))
        return result

    def slopes(self, feature: Floats) -> tuple[float, Floats]:
        """Return the logarithm of the probability at one point and its derivatives by the columns."""
        mean, deviation, by_mean, by_deviation = self.process.slopes(feature)
        spread = np.sqrt(deviation**2 + _LABEL_VARIANCE)
        z = mean / spread
        value = float(log_ndtr(max(z, _LEAST)))
        if z <= _LEAST:
            return value, np.zeros_like(feature)
        density = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - value)
        return value, density * (by_mean / spread - mean * deviation * by_deviation / spread**3)


@dataclass(frozen=True)
class Acquisition:
    """Worth of recipes: improvement as a rule, or a high upper limit when the search has stalled."""

    models: Sequence[Process]
    feasibility: Feasibility | None
    """None while no trial has failed."""

    def believing(self, features: Floats) -> Acquisition:
        """Return the worth when trials on their way, model columns of shape (n, n_columns), give what is expected."""
        models = self.models
        for feature in features:
            models = [model.believing(feature) for model in models]
        return Acquisition(models, self.feasibility)

    def log_improvement(self, features: Floats) -> Floats:
        """Return the log of the models' average expected improvement times the probability to complete."""
        parts = [log_improvement(*model.predict(features), model.best) for model in self.models]
        # Not scipy's logsumexp: it looks at dask, which the store may be importing on another thread.
        worth: Floats = np.logaddexp.reduce(parts, axis=0)
        return worth if self.feasibility is None else worth + self.feasibility.log_probability(features)

    def upper_limit(self, features: Floats, kappa: float) -> Floats:
        """Return mean plus `kappa` standard deviations of the models' mixture, less where failure is probable."""
        means, deviations = np.array([model.predict(features) for model in self.models]).swapaxes(0, 1)
        mean = means.mean(axis=0)
        worth = mean + kappa * np.sqrt((deviations**2 + (means - mean) ** 2).mean(axis=0))
        return worth if self.feasibility is None else worth + 0.5 * self.feasibility.log_probability(features)

    def is_probable(self, features: Floats) -> NDArray[np.bool_]:
        """Return which recipes are more likely to complete than to fail."""
        if self.feasibility is None:
            return np.ones(len(features), dtype=bool)
        return self.feasibility.log_probability(features) > np.log(0.5)

    def slopes(self, feature: Floats) -> tuple[float, Floats]:
        """Return `log_improvement` at one point and its derivatives by the columns."""
        seen = [model.slopes(feature) for model in self.models]
        best = np.array([model.best for model in self.models])
        mean, deviation = np.array([entry[:2] for entry in seen]).T
        parts, by_mean, by_deviation = log_improvement_slopes(mean, deviation, best)
        worth = float(np.logaddexp.reduce(parts))
        shares = np.exp(parts - worth)
        slopes = (shares * by_mean) @ np.array([entry[2] for entry in seen])
        slopes += (shares * by_deviation) @ np.array([entry[3] for entry in seen])
        if self.feasibility is None:
            return worth, slopes
        log_probability, by_column = self.feasibility.slopes(feature)
        return worth + log_probability, slopes + by_column
