"""How much a recipe is worth for the Pareto front of two objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from labctl.optimize._axes import Floats
from labctl.optimize._front import is_front
from labctl.optimize._gp._acquisition import Circumstances
from labctl.optimize._gp._improvement import log_improvement
from labctl.optimize._gp._process import Process

_BELOW = 0.1
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class VolumeAcquisition:
    """Log of the expected growth of the hypervolume, averaged over pairs of models, one for each objective.

    Exact for two independent objectives, as a sum over the strips below the front (Emmerich 2011,
    doi:10.1109/CEC.2011.5949880). The front is that of the expected gains, so that noise makes no front, and it is
    measured in outcomes as they were standardised, from below the worst of them all: from just below the front, what
    lies beyond its ends would be worth nothing.
    """

    pairs: Sequence[tuple[Process, Process]]
    about: Circumstances

    def believing(self, features: Floats) -> Self:
        """Return the worth when trials on their way, model columns of shape (n, n_columns), give what is expected."""
        pairs = self.pairs
        for feature in features:
            pairs = [(left.believing(feature), right.believing(feature)) for left, right in pairs]
        return replace(self, pairs=pairs)

    def log_improvement(self, features: Floats) -> Floats:
        """Return the log of the pairs' average growth times what the circumstances say."""
        parts = [_log_growth(left, right, features) for left, right in self.pairs]
        worth: Floats = np.logaddexp.reduce(parts, axis=0)
        return worth + self.about.log_factor(features)


def below_worst(seen: Floats) -> Floats:
    """Return where volumes begin: a tenth of the range of outcomes, shape (n, 2), below the worst of them."""
    worst: Floats = seen.min(axis=0) - _BELOW * np.maximum(np.ptp(seen, axis=0), _TINY)
    return worst


def _log_growth(left: Process, right: Process, features: Floats) -> Floats:
    seen = np.stack([left.seen, right.seen], axis=1)
    worst = below_worst(seen)
    front = np.unique(seen[is_front(seen)], axis=0)  # by the first objective, upwards; so the second goes down
    begins = np.concatenate([[worst[0]], front[:, 0]])
    floors = np.concatenate([front[:, 1], [worst[1]]])
    first, second = left.predict(features), right.predict(features)
    above = [log_improvement(*first, begin) for begin in begins]
    growth = np.full(len(features), -np.inf)
    for number, floor in enumerate(floors):
        width = above[number]
        if number + 1 < len(above):  # what lies beyond the strip belongs to the next one
            width = width + np.log(np.maximum(-np.expm1(np.minimum(above[number + 1] - width, 0.0)), _TINY))
        growth = np.logaddexp(growth, width + log_improvement(*second, floor))
    return growth
