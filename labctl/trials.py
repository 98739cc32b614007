"""What a campaign may vary, what it was told to try, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeGuard

from labctl.constraints import Constraint
from labctl.files import nearest

__all__ = [
    "Candidates",
    "Categorical",
    "Continuous",
    "Integer",
    "Outcome",
    "Parameter",
    "SearchSpace",
    "Suggestion",
]


@dataclass(frozen=True)
class Continuous:
    """A real number between two limits.

    Raises:
        ValueError: limits not finite or not rising, a logarithmic scale that reaches zero, or a step that
            does not fit between the limits.
    """

    name: str
    low: float
    """Lowest value [unit], included."""
    high: float
    """Highest value [unit], included."""
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    """Whether equal differences or equal ratios are equally far apart."""
    step: float | None = None
    """Distance [unit] between the values that can be set, counted from `low`; None where any value can be."""

    def __post_init__(self) -> None:
        _check_name(self.name, "parameter")
        _check_limits(self.name, self.low, self.high)
        if self.scale not in ("linear", "log"):
            raise ValueError(f"{self.name}: scale is 'linear' or 'log', not {self.scale!r}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"{self.name}: a logarithmic scale needs low > 0, not {self.low!r}")
        if self.step is not None and not (_is_finite(self.step) and 0 < self.step <= self.high - self.low):
            raise ValueError(f"{self.name}: step {self.step!r} must lie above 0 and fit into {self.low}..{self.high}")

    @property
    def n_values(self) -> int | None:
        """How many values there are, or None where any value can be set."""
        return None if self.step is None else math.floor((self.high - self.low) / self.step + 1e-9) + 1

    def nearest(self, value: float) -> float:
        """Return the value that a suggestion would hold in place of `value`.

        It has 6 significant digits, so that a recipe shows all of it, and lies within the limits; where there
        is a step it is the nearest grid point, with as many digits as that takes.
        """
        if self.step is None or self.n_values is None:
            return min(max(float(f"{value:.6g}"), float(self.low)), float(self.high))
        number = min(max(round((value - self.low) / self.step), 0), self.n_values - 1)
        return min(max(float(f"{self.low + number * self.step:.12g}"), float(self.low)), float(self.high))

    def check(self, value: object) -> None:
        """Refuse a value that is no number, outside the limits or between two steps.

        Raises:
            ValueError: with the value and what is allowed.
        """
        if not _is_finite(value) or not self.low <= value <= self.high:
            raise ValueError(
                f"{self.name}={value!r} is not a number in {self.low:g}..{self.high:g} {self.unit}".strip()
            )
        if self.step is not None and abs(value - self.nearest(value)) > 1e-6 * self.step:
            raise ValueError(
                f"{self.name}={value!r} is not on the grid of {self.step:g} from {self.low:g} {self.unit}".strip()
            )


@dataclass(frozen=True)
class Integer:
    """A whole number between two limits.

    Raises:
        ValueError: limits not whole or not rising.
    """

    name: str
    low: int
    """Lowest value [unit], included."""
    high: int
    """Highest value [unit], included."""
    unit: str = ""

    def __post_init__(self) -> None:
        _check_name(self.name, "parameter")
        for limit in (self.low, self.high):
            if not isinstance(limit, int) or isinstance(limit, bool):
                raise ValueError(f"{self.name}: limit {limit!r} is not a whole number")
        _check_limits(self.name, self.low, self.high)

    def check(self, value: object) -> None:
        """Refuse a value that is no whole number or outside the limits.

        Raises:
            ValueError: with the value and what is allowed.
        """
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError(
                f"{self.name}={value!r} is not a whole number in {self.low}..{self.high} {self.unit}".strip()
            )


@dataclass(frozen=True)
class Categorical:
    """One of several values without an order.

    Raises:
        ValueError: no value, a value twice, or one that is no text, number or truth value.
    """

    name: str
    values: tuple[str | float | int | bool, ...]

    def __post_init__(self) -> None:
        _check_name(self.name, "parameter")
        for value in self.values:
            if not isinstance(value, str) and not isinstance(value, bool) and not _is_finite(value):
                raise ValueError(f"{self.name}: value {value!r} is neither text nor a finite number nor a truth value")
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(f"{self.name}: needs values that all differ, not {self.values!r}")

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers."""
        return not any(isinstance(value, str | bool) for value in self.values)

    def index(self, value: object) -> int:
        """Return the place of a value in `values`.

        Raises:
            ValueError: it is none of them.
        """
        for number, known in enumerate(self.values):
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return number
        raise ValueError(f"{self.name}={value!r} is none of {', '.join(map(repr, self.values))}")

    def check(self, value: object) -> None:
        """Refuse a value that is not listed.

        Raises:
            ValueError: with the value and what is allowed.
        """
        self.index(value)


Parameter: TypeAlias = Continuous | Integer | Categorical


@dataclass(frozen=True)
class SearchSpace:
    """Parameters that vary, independently of each other but for what constraints demand.

    Raises:
        ValueError: no parameter, a name used twice, or an equation that is no sum of continuous parameters without
            a step, or that shares one with another.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        _check_names(self.names, "parameter")
        free = {each.name for each in self.parameters if isinstance(each, Continuous) and each.step is None}
        taken = set[str]()
        for constraint in self.constraints:
            if not constraint.is_equation:
                continue
            weights = constraint.weights()
            if weights is None or not set(weights) <= free:
                raise ValueError(
                    f"{constraint.text!r}: an equation must be a sum of continuous parameters without a step"
                )
            if not weights or taken & set(weights):
                shared = ", ".join(sorted(taken & set(weights)))
                raise ValueError(f"{constraint.text!r}: {shared or 'no parameter'} is free for one equation only")
            taken |= set(weights)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse values that are not one allowed value for each parameter.

        Raises:
            ValueError: with everything that is wrong.
        """
        problems = [f"{name} is no parameter{nearest(name, self.names)}" for name in values if name not in self.names]
        for parameter in self.parameters:
            if parameter.name not in values:
                problems.append(f"{parameter.name} is missing")
                continue
            try:
                parameter.check(values[parameter.name])
            except ValueError as error:
                problems.append(str(error))
        if not problems:
            problems = [f"{each.text!r} does not hold" for each in self.constraints if not each.allows(values)]
        if problems:
            raise ValueError("; ".join(problems))


@dataclass(frozen=True)
class Candidates:
    """A pool of recipes that were or can be made: nothing between its rows exists.

    Two rows may hold equal inputs: they are replicates, two samples of one recipe.

    Raises:
        ValueError: no input or row, a name used twice, an input that a row lacks, that is not finite, or that
            is a number in one row and text in another.
    """

    inputs: tuple[str, ...]
    """Columns that make the recipe; a row may hold others."""
    rows: tuple[Mapping[str, float | str], ...]

    def __post_init__(self) -> None:
        _check_names(self.inputs, "input")
        if not self.rows:
            raise ValueError("the pool has no row")
        for name in self.inputs:
            for number, row in enumerate(self.rows):
                if name not in row:
                    raise ValueError(f"row {number} lacks {name!r}")
                if not isinstance(row[name], str) and not _is_finite(row[name]):
                    raise ValueError(f"row {number}: {name}={row[name]!r} is neither text nor a finite number")
            if len({isinstance(row[name], str) for row in self.rows}) > 1:
                raise ValueError(f"{name!r} is text in some rows and a number in others")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs, in order."""
        return self.inputs

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def values(self, row: int) -> dict[str, float | str]:
        """Return the inputs of a row."""
        return {name: self.rows[row][name] for name in self.inputs}


@dataclass(frozen=True)
class Suggestion:
    """What an optimizer asks to be tried.

    Raises:
        ValueError: no trial name.
    """

    trial: str
    values: Mapping[str, Any]
    """By parameter name."""
    row: int | None = None
    """In a pool, the row it stands for."""

    def __post_init__(self) -> None:
        _check_trial(self.trial)


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Raises:
        ValueError: no trial name, a completed trial without a finite value for each objective, or another status.
    """

    trial: str
    values: Mapping[str, Any]
    """By parameter name, as run where that was recorded."""
    objectives: Mapping[str, float]
    """By objective name; those that could be read where the trial failed."""
    status: Literal["completed", "failed"]
    reason: str = ""
    """Why it failed."""
    row: int | None = None
    """In a pool, the row it stands for."""
    hours: float | None = None
    """How long its operations took, all together [lab hours]; None where that is not known."""

    def __post_init__(self) -> None:
        _check_trial(self.trial)
        if self.status not in ("completed", "failed"):
            raise ValueError(f"trial {self.trial}: status is 'completed' or 'failed', not {self.status!r}")
        wrong = {name: value for name, value in self.objectives.items() if not _is_finite(value)}
        if self.status == "completed" and (wrong or not self.objectives):
            raise ValueError(f"trial {self.trial} is completed but its objectives are {dict(self.objectives)!r}")


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


def _check_name(name: str, kind: str) -> None:
    if not isinstance(name, str) or not name.strip() or name.startswith("_"):
        raise ValueError(f"{kind} name {name!r} must be text that does not begin with '_'")


def _check_names(names: Sequence[str], kind: str) -> None:
    if not names:
        raise ValueError(f"at least one {kind} is needed")
    for name in names:
        _check_name(name, kind)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{kind} names must differ; used twice: {', '.join(twice)}")


def _check_limits(name: str, low: float, high: float) -> None:
    if not _is_finite(low) or not _is_finite(high) or not low < high:
        raise ValueError(f"{name}: limits must be finite and low < high, not {low!r}..{high!r}")


def _check_trial(trial: str) -> None:
    if not isinstance(trial, str) or not trial:
        raise ValueError(f"trial name {trial!r} must be text")
