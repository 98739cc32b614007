"""Find the recipe in a box that is most worth trying."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import qmc

from labctl.optimize._axes import Axis, Floats, NominalAxis
from labctl.optimize._domain import Box
from labctl.optimize._gp._acquisition import Acquisition, Worth

_N_SPREAD = 1024
_N_AROUND = 128
_MANY_TRIALS = 300  # from here a prediction costs so much that half the codes must do
_WIDTHS = (0.02, 0.06, 0.15)
_N_POLISHED = 4
_CLOSER, _N_WANDER = (0.1, 0.03, 0.01, 0.003), 64
_APART = 0.1
_SMOOTH_LEVELS = 10  # a grid with more points is climbed like a continuous input, then snapped


def candidates(box: Box, best: Floats, n_trials: int, rng: Generator) -> Floats:
    """Return codes to compare: spread over the box, and around the best recipes and their other categories.

    Args:
        box: what may be chosen.
        best: codes of the best trials, best first, shape (n, n_inputs).
        n_trials: how many trials the models hold; with many, fewer codes are compared.
        rng: of the trial.
    """
    thin = 2 if n_trials > _MANY_TRIALS else 1
    n_spread = _N_SPREAD // thin
    even = box.spread(qmc.Sobol(box.n_inputs, rng=rng).random(n_spread)) if box.is_free else box.draw(n_spread, rng)
    groups = [even]
    centres = list(best)
    for number, axis in enumerate(box.axes):
        if isinstance(axis, NominalAxis):
            for level in axis.levels():
                centres.append(best[0].copy())
                centres[-1][number] = level
    for centre in centres:
        shape = (_N_AROUND // thin, box.n_inputs)
        moved = centre + rng.normal(size=shape) * rng.choice(_WIDTHS, size=(shape[0], 1))
        groups.append(box.snap(np.where(rng.random(shape) < 0.5, moved, centre)))
    codes = np.vstack(groups)
    return codes[box.allowed(codes)]


def best_first(box: Box, acquisition: Worth, codes: Floats, polish: bool, rng: Generator) -> Floats:
    """Return codes that are most worth trying first, and with `polish` better ones found from the best."""
    features = box.features(codes)
    worth = acquisition.log_improvement(features)
    if not polish:
        return codes[acquisition.about.order(features, worth)]
    order = np.argsort(-worth, kind="stable")
    starts = _apart(codes[order])
    if box.is_free and isinstance(acquisition, Acquisition):
        polished = np.array([_polish(box, acquisition, code) for code in starts])
    else:
        polished = _wander(box, acquisition, np.array(starts), rng)
    polished_features = box.features(polished)
    worth = np.concatenate([acquisition.log_improvement(polished_features), worth[order]])
    rank = acquisition.about.order(np.vstack([polished_features, features[order]]), worth)
    return np.vstack([polished, codes[order]])[rank]


def _apart(codes: Floats) -> list[Floats]:
    chosen: list[Floats] = []
    for code in codes[:200]:
        if all(np.abs(code - other).max() > _APART for other in chosen):
            chosen.append(code)
        if len(chosen) == _N_POLISHED:
            break
    return chosen


def _polish(box: Box, acquisition: Acquisition, code: Floats) -> Floats:
    """Climb along the smooth inputs and try the neighbours along the others, twice where there are both."""
    smooth = np.array([_is_smooth(axis) for axis in box.axes])
    is_mixed = any(axis.n_levels is not None for axis in box.axes)
    for _ in range(2 if is_mixed else 1):
        if smooth.any():
            code = box.snap(_climb(box, acquisition, code, smooth)[None])[0]
        if is_mixed:
            around = box.neighbours(code)
            code = around[int(np.argmax(acquisition.log_improvement(box.features(around))))]
    return code


def _wander(box: Box, acquisition: Worth, codes: Floats, rng: Generator) -> Floats:
    """Look around codes, ever closer, where no slope can be followed."""
    for width in _CLOSER:
        moved = np.repeat(codes, _N_WANDER, axis=0)
        step = width * rng.normal(size=moved.shape) * (rng.random(moved.shape) < 0.7)
        moved = box.snap(moved + step)
        around = np.vstack([codes, moved[box.allowed(moved)], *(box.neighbours(code) for code in codes)])
        worth = acquisition.log_improvement(box.features(around))
        codes = around[np.argsort(-worth, kind="stable")[: len(codes)]]
    return codes


def _is_smooth(axis: Axis) -> bool:
    return axis.n_levels is None or (axis.n_levels > _SMOOTH_LEVELS and not isinstance(axis, NominalAxis))


def _climb(box: Box, acquisition: Acquisition, code: Floats, smooth: NDArray[np.bool_]) -> Floats:
    columns = box.columns[smooth]
    feature = box.features(code[None])[0]

    def descend(values: Floats) -> tuple[float, Floats]:
        feature[columns] = values
        if box.trend is None:
            worth, slopes = acquisition.slopes(feature)
            return -worth, -slopes[columns]
        plain = feature[: len(box.groups)]
        feature[len(plain) :] = box.trend.columns(plain[None])[0]
        worth, slopes = acquisition.slopes(feature)
        through = slopes[len(plain) :] @ box.trend.slopes(plain)
        return -worth, -(slopes[: len(plain)] + through)[columns]

    bounds = [(0.0, 1.0)] * len(columns)
    found = minimize(descend, code[smooth], jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 30}).x
    climbed = code.copy()
    climbed[smooth] = found
    return climbed
