"""An engine that asks another library, which is told everything anew each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from labctl.optimize._axes import Axis, Floats, GridAxis, NominalAxis
from labctl.optimize._domain import Box, Pool
from labctl.optimize._history import Known
from labctl.optimize._uninformed import RandomEngine, SobolEngine

_MIN_COMPLETED = 2


@dataclass(frozen=True)
class Told:
    """What another library is told."""

    codes: Floats
    """Finished trials, shape (n, n_inputs)."""
    gains: Floats
    """Their objectives, larger is better, shape (n, n_objectives); where a trial failed, the worst that was seen."""
    pending: Floats
    """Trials on their way, shape (n_pending, n_inputs)."""


def placed(axes: Sequence[Axis], code: Floats) -> list[float | int]:
    """Return a code as most libraries take it: a number in 0..1, or the place of a level or category."""
    return [_place(axis, value) for axis, value in zip(axes, code.tolist(), strict=True)]


def coded(axes: Sequence[Axis], places: Iterable[float]) -> Floats:
    """Return the code of places; the inverse of `placed`."""
    return np.array(
        [
            axis.levels()[round(place)] if isinstance(axis, GridAxis | NominalAxis) else place
            for axis, place in zip(axes, places, strict=True)
        ]
    )


def _place(axis: Axis, code: float) -> float | int:
    if isinstance(axis, GridAxis | NominalAxis):
        return int(np.abs(axis.levels() - code).argmin())
    return min(max(code, 0.0), 1.0)


Choose: TypeAlias = Callable[[Sequence[Axis], Told, int], Floats]
"""Takes axes, trials and a seed; returns one code, shape (n_inputs,)."""


class PeerEngine:
    """Lets another library choose the next recipe, in codes.

    The library is made anew for every suggestion and told all trials in their order, so that a suggestion is a
    function of what is recorded, whatever the library remembers or forgets. A failed trial counts as the worst
    that was seen (floor padding; Wakabayashi 2022, doi:10.1038/s41524-022-00859-8): told of failures as such, some
    libraries suggest the same recipe again and again, and others end.

    Args:
        choose: asks the library.
        seed: of the campaign; scrambles the start.
        n_start: Sobol points before the library is asked; by default one more than inputs.
    """

    def __init__(self, choose: Choose, seed: int, n_start: int | None = None) -> None:
        self._choose, self._start, self._n_start = choose, SobolEngine(seed), n_start

    def in_box(self, box: Box, known: Known, rng: Generator) -> Floats:
        """Return what the library chooses, and random codes where that is nearly a failed recipe."""
        if self._is_starting(box.n_inputs, known):
            return self._start.in_box(box, known, rng)
        code = self._choose(box.axes, _told(known), int(rng.integers(2**31)))
        return np.vstack([box.snap(code[None]), RandomEngine().in_box(box, known, rng)])

    def in_pool(self, pool: Pool, known: Known, free: NDArray[np.intp], rng: Generator) -> int:
        """Return the free row nearest to what the library chooses, in a model's columns."""
        if self._is_starting(pool.n_inputs, known):
            return RandomEngine().in_pool(pool, known, free, rng)
        wanted = pool.features(self._choose(pool.axes, _told(known), int(rng.integers(2**31)))[None])
        distances = ((pool.features(pool.rows[free]) - wanted) ** 2).sum(axis=1)
        return int(free[np.argmin(distances)])

    def _is_starting(self, n_inputs: int, known: Known) -> bool:
        n_start = n_inputs + 1 if self._n_start is None else self._n_start
        return known.n_trials < n_start or int(known.is_completed.sum()) < _MIN_COMPLETED


def _told(known: Known) -> Told:
    floor = known.gains[known.is_completed].min(axis=0)
    return Told(known.codes, np.where(known.is_completed[:, None], known.gains, floor), known.pending)
