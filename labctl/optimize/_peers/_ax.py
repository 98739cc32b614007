"""Ax and BoTorch by way of bluesky-adaptive's own optimizer (Balandat 2020, arXiv:1910.06403)."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.optimize._axes import Axis, Floats, GridAxis, NominalAxis
from labctl.optimize._peers._padded import Told, coded, placed


def choose(axes: Sequence[Axis], told: Told, seed: int) -> Floats:
    """Return the code that Ax asks for next; it is told of trials on their way, and of no failure as such."""
    import torch
    from ax import ChoiceParameterConfig, RangeParameterConfig
    from bluesky_adaptive.ax.optimizer import AxOptimizer

    torch.manual_seed(seed)
    parameters = [
        ChoiceParameterConfig(
            name=_name(number), values=list(range(axis.n_levels)), parameter_type="int", is_ordered=False
        )
        if isinstance(axis, NominalAxis)
        else RangeParameterConfig(name=_name(number), bounds=(0, axis.n_levels - 1), parameter_type="int")
        if isinstance(axis, GridAxis)
        else RangeParameterConfig(name=_name(number), bounds=(0.0, 1.0), parameter_type="float")
        for number, axis in enumerate(axes)
    ]
    names = [f"gain_{number}" for number in range(told.gains.shape[1])]
    optimizer = AxOptimizer(parameters, ", ".join(names), client_kwargs={"random_seed": seed})
    optimizer.ingest(
        [
            {**_values(axes, code), **dict(zip(names, gains.tolist(), strict=True))}
            for code, gains in zip(told.codes, told.gains, strict=True)
        ]
    )
    optimizer.register_suggestions([_values(axes, code) for code in told.pending])
    (asked,) = optimizer.suggest(1)
    return coded(axes, [asked[_name(number)] for number in range(len(axes))])


def _name(number: int) -> str:
    return f"x{number}"


def _values(axes: Sequence[Axis], code: Floats) -> dict[str, float | int]:
    return {_name(number): place for number, place in enumerate(placed(axes, code))}
