"""What a trial costs: lab hours, learnt from those that were made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.optimize._axes import Floats
from labctl.optimize._gp._kernel import Prior, fit
from labctl.optimize._gp._process import Process

_PRIOR = Prior(length=(0.5, 1.0))
_N_FIT = 200
_FEWEST = 3


@dataclass(frozen=True)
class Hours:
    """A Gaussian process of the logarithm of the hours."""

    process: Process
    middle: float
    width: float

    @classmethod
    def of(cls, features: Floats, hours: Floats, groups: NDArray[np.intp]) -> Hours | None:
        """Return the model of trials whose hours are known, shape (n,), NaN where not; None after fewer than three."""
        known = np.flatnonzero(hours > 0)[-_N_FIT:]
        logarithms = np.log(hours[known])
        if len(known) < _FEWEST or np.ptp(logarithms) < 1e-6:
            return None
        middle, width = float(logarithms.mean()), float(logarithms.std())
        plain, outcomes = features[known][:, : len(groups)], (logarithms - middle) / width
        return cls(Process.of(fit(plain, outcomes, groups, _PRIOR, 30), plain, outcomes), middle, width)

    def logarithm(self, features: Floats) -> Floats:
        """Return the expected logarithm of the hours, shape (n,)."""
        return self.middle + self.width * self.process.mean_at(features[:, : self.process.features.shape[1]])

    def slopes(self, feature: Floats) -> tuple[float, Floats]:
        """Return the expected logarithm at one point and its derivatives by the columns."""
        n_columns = self.process.features.shape[1]
        mean, _, by_mean, _ = self.process.slopes(feature[:n_columns])
        slopes = np.zeros(len(feature))
        slopes[:n_columns] = self.width * by_mean
        return self.middle + self.width * mean, slopes
