"""Optuna: tree-structured Parzen estimators (Watanabe 2023, arXiv:2304.11127)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from labctl.optimize._axes import Axis, Floats, GridAxis, NominalAxis
from labctl.optimize._peers._padded import Told, coded, placed


def choose(axes: Sequence[Axis], told: Told, seed: int) -> Floats:
    """Return the code that the multivariate TPE sampler asks for; it knows of the trials on their way."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ranges = {str(number): _range(axis, optuna.distributions) for number, axis in enumerate(axes)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(n_startup_trials=0, multivariate=True, constant_liar=True, seed=seed)
        study = optuna.create_study(directions=["maximize"] * told.gains.shape[1], sampler=sampler)
        for code, gains in zip(told.codes, told.gains, strict=True):
            values = _values(axes, code)
            study.add_trial(optuna.create_trial(params=values, distributions=ranges, values=gains.tolist()))
        for code in told.pending:
            state = optuna.trial.TrialState.RUNNING
            study.add_trial(optuna.create_trial(params=_values(axes, code), distributions=ranges, state=state))
        asked = study.ask(ranges).params
    return coded(axes, [asked[str(number)] for number in range(len(axes))])


def _range(axis: Axis, kinds: Any) -> Any:  # optuna's distributions are not typed
    if isinstance(axis, NominalAxis):
        return kinds.CategoricalDistribution(list(range(axis.n_levels)))
    if isinstance(axis, GridAxis):
        return kinds.IntDistribution(0, axis.n_levels - 1)
    return kinds.FloatDistribution(0.0, 1.0)


def _values(axes: Sequence[Axis], code: Floats) -> dict[str, float | int]:
    return {str(number): place for number, place in enumerate(placed(axes, code))}
