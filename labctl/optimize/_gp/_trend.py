"""What a simulation or an earlier campaign leads to expect, before anything was tried here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.optimize._axes import Floats
from labctl.optimize._gp._kernel import Prior, fit
from labctl.optimize._gp._process import Process
from labctl.optimize._gp._warp import standardised

_N_FIT, _N_KEPT = 200, 1000


@dataclass(frozen=True)
class Trend:
    """A Gaussian process of each objective in other data; its mean is a column that models may lean on."""

    processes: tuple[Process, ...]

    @classmethod
    def of(cls, features: Floats, gains: Floats, groups: NDArray[np.intp]) -> Trend:
        """Return the trend in other data.

        Args:
            features: model columns, shape (n, n_columns); of more than 1000 rows an even choice is kept.
            gains: shape (n, n_objectives), larger is better.
            groups: input of each column.
        """
        kept = _even(len(features), _N_KEPT)
        fitted, processes = _even(len(kept), _N_FIT), []
        for column in gains[kept].T:
            outcomes = standardised(column)
            kernel = fit(features[kept][fitted], outcomes[fitted], groups, Prior(length=(0.0, 1.0)), 50)
            processes.append(Process.of(kernel, features[kept], outcomes))
        return cls(tuple(processes))

    def columns(self, features: Floats) -> Floats:
        """Return what is expected, shape (n, n_objectives), in standard deviations of the other data."""
        return np.stack([process.mean_at(features) for process in self.processes], axis=1)

    def slopes(self, feature: Floats) -> Floats:
        """Return the derivatives of `columns` at one point by its columns, shape (n_objectives, n_columns)."""
        return np.stack([process.slopes(feature)[2] for process in self.processes])


def _even(n: int, most: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.intp))
