"""Parameter values and figures as text, with their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labctl.objectives import Objective
from labctl.trials import Candidates, SearchSpace


def units_of(space: SearchSpace | Candidates) -> dict[str, str]:
    """Return the unit of each parameter that has one; a table of recipes tells none."""
    if isinstance(space, Candidates):
        return {}
    return {parameter.name: unit for parameter in space.parameters if (unit := getattr(parameter, "unit", ""))}


def values_text(values: Mapping[str, object], space: SearchSpace | Candidates, digits: int) -> str:
    """Return parameter values in one line.

    Args:
        values: by parameter.
        space: that they lie in.
        digits: how many of a number are shown.
    """
    units = units_of(space)
    return ", ".join(_joined(name, value, units.get(name, ""), digits) for name, value in values.items())


def figures_text(figures: Mapping[str, float], objectives: Sequence[Objective]) -> str:
    """Return the values of objectives in one line."""
    units = {objective.name: objective.unit for objective in objectives}
    return ", ".join(_joined(name, value, units.get(name, ""), 5) for name, value in figures.items())


def _joined(name: str, value: object, unit: str, digits: int) -> str:
    number = f"{value:.{digits}g}" if isinstance(value, float) else str(value)
    return f"{name} {number} {unit}".rstrip()
