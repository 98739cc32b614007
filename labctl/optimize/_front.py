"""The Pareto front of several gains, and the volume that it covers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.optimize._axes import Floats

_BELOW = 0.1


def is_front(gains: Floats) -> NDArray[np.bool_]:
    """Return which points, shape (n, n_objectives), no other one beats: none is as good in all and better in one."""
    others, these = gains[None, :, :], gains[:, None, :]
    no_worse, better = np.all(others >= these, axis=2), np.any(others > these, axis=2)
    return ~(no_worse & better).any(axis=1)


def reference(gains: Floats) -> Floats:
    """Return the point that volumes are measured from: a tenth of the front's width below the worst of the front.

    The rule is that of Ishibuchi (2018, Evolutionary Computation 26:411) in its simplest form.
    """
    front = gains[is_front(gains)]
    width = np.ptp(front, axis=0)
    whole = np.ptp(gains, axis=0)
    return front.min(axis=0) - _BELOW * np.where(width > 0, width, np.where(whole > 0, whole, 1.0))


def hypervolume(gains: Floats, worst: Floats) -> float:
    """Return the volume between the points, shape (n, n_objectives), and the worst that counts, shape (n_objectives,).

    By slices along the last objective (Fonseca 2006, doi:10.1109/CEC.2006.1688440): exact, for few objectives.
    """
    counted = gains[(gains > worst).all(axis=1)]
    if not len(counted):
        return 0.0
    if counted.shape[1] == 1:
        return float(counted.max() - worst[0])
    order = np.argsort(-counted[:, -1], kind="stable")
    ends = np.append(counted[order, -1], worst[-1])
    total = 0.0
    for number in range(len(order)):
        height = float(ends[number] - ends[number + 1])
        if height > 0:
            above = counted[order[: number + 1], :-1]
            total += height * hypervolume(above[is_front(above)], worst[:-1])
    return total


def added_volume(point: Floats, gains: Floats, worst: Floats) -> float:
    """Return the volume that one more point, shape (n_objectives,), would add."""
    if not (point > worst).all() or (gains >= point).all(axis=1).any():
        return 0.0
    own = float(np.prod(point - worst))
    return own - hypervolume(np.minimum(gains, point), worst)
