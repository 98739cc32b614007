"""egobox: efficient global optimization in Rust (Lafage 2022, doi:10.21105/joss.04737)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labctl.optimize._axes import Axis, Floats, GridAxis, NominalAxis
from labctl.optimize._peers._padded import Told, coded, placed


def choose(axes: Sequence[Axis], told: Told, seed: int) -> Floats:
    """Return the code with the highest log expected improvement.

    Trials on their way count as if they had given the median (constant liar; Ginsbourger 2010).
    """
    import egobox

    kinds = [
        egobox.XSpec(egobox.XType.ENUM, [axis.n_levels])
        if isinstance(axis, NominalAxis)
        else egobox.XSpec(egobox.XType.INT, [0, axis.n_levels - 1])
        if isinstance(axis, GridAxis)
        else egobox.XSpec(egobox.XType.FLOAT, [0.0, 1.0])
        for axis in axes
    ]
    losses = np.append(-told.gains[:, 0], np.full(len(told.pending), np.median(-told.gains[:, 0])))
    scale = float(losses.std()) or 1.0
    inputs = np.array([placed(axes, code) for code in (*told.codes, *told.pending)], dtype=np.float64)
    egor = egobox.Egor(kinds, seed=seed)
    found = egor.suggest(inputs, ((losses - losses.mean()) / scale)[:, None], seed=seed)
    return coded(axes, np.asarray(found)[0].tolist())
