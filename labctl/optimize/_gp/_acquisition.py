"""How much a recipe is worth trying, given models of the outcome, of failure and of what a trial costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from labctl.optimize._axes import Floats
from labctl.optimize._gp._feasibility import Feasibility
from labctl.optimize._gp._hours import Hours
from labctl.optimize._gp._improvement import log_improvement, log_improvement_slopes
from labctl.optimize._gp._process import Process

FAILURE_COUNTS = 3.0
"""Power of the probability to complete that multiplies an improvement: what is expected stays high where trials fail
and tell nothing, and draws a search there with 1."""
HOURS_COUNT = 0.6
"""Power of the hours that divides an improvement: with 1, a search stays where trials are cheap."""
WORTH_SAVING = 3.0
"""A recipe is made in place of one that promises at most this many times as much when it takes less time."""


class Worth(Protocol):
    """What a search makes large."""

    @property
    def about(self) -> Circumstances:
        """Return what counts besides the outcome."""
        ...

    def log_improvement(self, features: Floats) -> Floats:
        """Return the log of what trials are worth, shape (n,), at model columns of shape (n, n_columns)."""
        ...


@dataclass(frozen=True)
class Circumstances:
    """What counts besides the outcome."""

    feasibility: Feasibility | None = None
    """None while no trial has failed."""
    hours: Hours | None = None
    """None where time does not count."""

    def log_factor(self, features: Floats) -> Floats:
        """Return the logs of the probability to complete and of the hours, as far as they count."""
        factor = FAILURE_COUNTS * self.log_probability(features)
        return factor if self.hours is None else factor - HOURS_COUNT * self.hours.logarithm(features)

    def log_probability(self, features: Floats) -> Floats:
        """Return the log of the probability to complete."""
        return np.zeros(len(features)) if self.feasibility is None else self.feasibility.log_probability(features)

    def slopes(self, feature: Floats) -> tuple[float, Floats]:
        """Return `log_factor` at one point and its derivatives by the columns."""
        factor, by_column = 0.0, np.zeros(len(feature))
        if self.feasibility is not None:
            value, slopes = self.feasibility.slopes(feature)
            factor, by_column = factor + FAILURE_COUNTS * value, by_column + FAILURE_COUNTS * slopes
        if self.hours is not None:
            value, slopes = self.hours.slopes(feature)
            factor, by_column = factor - HOURS_COUNT * value, by_column - HOURS_COUNT * slopes
        return factor, by_column

    def order(self, features: Floats, worth: Floats) -> NDArray[np.intp]:
        """Return places of recipes, those with the highest worth, a logarithm of shape (n,), first.

        Where hours count, the briefest of those worth at least a third of the most are first.
        """
        if self.hours is None:
            return np.argsort(-worth, kind="stable")
        is_good = worth >= worth.max() - np.log(WORTH_SAVING)
        return np.lexsort((-worth, np.where(is_good, self.hours.logarithm(features), np.inf)))

    def is_probable(self, features: Floats) -> NDArray[np.bool_]:
        """Return which recipes are more likely to complete than to fail."""
        if self.feasibility is None:
            return np.ones(len(features), dtype=bool)
        return self.feasibility.log_probability(features) > np.log(0.5)


@dataclass(frozen=True)
class Acquisition:
    """Worth of recipes: improvement as a rule, or a high upper limit when the search has stalled."""

    models: Sequence[Process]
    about: Circumstances = field(default_factory=Circumstances)
    told: Floats = field(default_factory=lambda: np.empty(0))
    """Outcomes of the completed trials as they came, shape (n_completed,)."""

    def believing(self, features: Floats) -> Self:
        """Return the worth when trials on their way, model columns of shape (n, n_columns), give what is expected."""
        models = self.models
        for feature in features:
            models = [model.believing(feature) for model in models]
        return replace(self, models=models)

    def log_improvement(self, features: Floats) -> Floats:
        """Return the log of the models' average expected improvement times what the circumstances say."""
        parts = [log_improvement(*model.predict(features), model.best) for model in self.models]
        # Not scipy's logsumexp: it looks at dask, which the store may be importing on another thread.
        worth: Floats = np.logaddexp.reduce(parts, axis=0)
        return worth + self.about.log_factor(features)

    @property
    def noise(self) -> float:
        """Highest noise variance of the models."""
        return max(model.kernel.noise for model in self.models)

    def upper_limit(self, features: Floats, kappa: float) -> Floats:
        """Return mean plus `kappa` standard deviations of the models' mixture, with what the circumstances say."""
        means, deviations = np.array([model.predict(features) for model in self.models]).swapaxes(0, 1)
        mean = means.mean(axis=0)
        worth: Floats = mean + kappa * np.sqrt((deviations**2 + (means - mean) ** 2).mean(axis=0))
        return worth + self.about.log_factor(features)

    def alike(self, features: Floats, other: Floats) -> Floats:
        """Return how much outcomes at model columns go with that at one other, 0 to 1, the models' mean."""
        return np.mean([model.kernel.alike(features, other[None])[:, 0] for model in self.models], axis=0)

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
        factor, by_column = self.about.slopes(feature)
        return worth + factor, slopes + by_column
