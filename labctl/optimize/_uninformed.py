"""Engines that learn nothing: what a model has to beat, and how it starts."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from labctl.optimize._axes import Floats
from labctl.optimize._domain import Box, Pool
from labctl.optimize._history import Known

_N_SPARE = 64
_N_SOBOL = 1024


class RandomEngine:
    """Uniform over the box on each parameter's scale; a pool without replacement."""

    def in_box(self, box: Box, known: Known, rng: Generator) -> Floats:
        """Return random codes; the later ones stand in where the first is nearly a failed recipe."""
        return box.draw(_N_SPARE, rng)

    def in_pool(self, pool: Pool, known: Known, free: NDArray[np.intp], rng: Generator) -> int:
        """Return a random free row."""
        return int(rng.choice(free))


class SobolEngine:
    """The points of one scrambled Sobol sequence, in order (Owen 1998, J. Complexity 14:466).

    Args:
        seed: of the campaign; scrambles the sequence.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def in_box(self, box: Box, known: Known, rng: Generator) -> Floats:
        """Return the next point, and random codes where that is nearly a failed recipe."""
        points = box.spread(self._points(box, known))
        return np.vstack([points, RandomEngine().in_box(box, known, rng)])

    def in_pool(self, pool: Pool, known: Known, free: NDArray[np.intp], rng: Generator) -> int:
        """Return the free row nearest to the next point, in a model's columns."""
        wanted = pool.features(self._point(pool.n_inputs, known))
        distances = ((pool.features(pool.rows[free]) - wanted) ** 2).sum(axis=1)
        return int(free[np.argmin(distances)])

    def _points(self, box: Box, known: Known) -> Floats:
        """Return the next point; where there are constraints, of those points that they allow."""
        if box.is_free:
            return self._point(box.n_inputs, known)
        from scipy.stats import qmc

        points = qmc.Sobol(box.n_inputs, rng=np.random.default_rng(self._seed)).random(_N_SOBOL)
        return points[box.allowed(box.spread(points))][known.n_chosen : known.n_chosen + 1]

    def _point(self, n_inputs: int, known: Known) -> Floats:
        from scipy.stats import qmc  # heavy, and only this engine and its users need it

        points = qmc.Sobol(n_inputs, rng=np.random.default_rng(self._seed))
        if known.n_chosen:  # scipy cannot go forward by nothing
            points.fast_forward(known.n_chosen)
        return points.random(1)
