"""The recipes an engine may choose from: a box of independent parameters, or a pool of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from labctl.optimize._axes import Axis, Floats, GridAxis, NominalAxis, NumericAxis, axis_of
from labctl.optimize._restraint import Restraint
from labctl.trials import Candidates, Categorical, SearchSpace


class Trend(Protocol):
    """What is expected of recipes before anything was tried, one column for each objective."""

    def columns(self, features: Floats) -> Floats:
        """Return what is expected at model columns of shape (n, n_columns), shape (n, n_objectives)."""
        ...

    def slopes(self, feature: Floats) -> Floats:
        """Return its derivatives at one point by the model's columns, shape (n_objectives, n_columns)."""
        ...


_N_DRAWS = 16
NEAR = 0.01
"""Recipes are nearly identical when every number differs by less than this part of its range."""
APART = 0.05
"""No recipe is suggested of which every number differs by less than this part of its range from one that was refused:
what people said no to once they need not look for with a ruler."""


class Domain:
    """Inputs, their codes, and the columns that a model sees.

    A code is one number in 0..1 for each input. A model sees numbers as they are coded and a category as
    one column for each of its values, 0 or 1/sqrt(2), so that two different values are at distance 1.
    """

    def __init__(self, names: Sequence[str], axes: Sequence[Axis]) -> None:
        self.names, self.axes = tuple(names), tuple(axes)
        widths = [axis.n_levels or 1 if isinstance(axis, NominalAxis) else 1 for axis in axes]
        self.groups: NDArray[np.intp] = np.repeat(np.arange(len(widths)), widths)
        """Input of each model column."""
        self.columns: NDArray[np.intp] = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.intp)
        """First model column of each input."""
        self.is_nominal = np.array([isinstance(axis, NominalAxis) for axis in axes])
        """Which inputs have no order, shape (n_inputs,)."""
        self.trend: Trend | None = None
        """Adds columns to those of the inputs, where something is expected before the first trial."""

    @property
    def n_inputs(self) -> int:
        """How many inputs there are."""
        return len(self.names)

    def code(self, values: Mapping[str, Any]) -> Floats:
        """Return the code of a recipe, shape (n_inputs,).

        Raises:
            ValueError: an input is missing or has no code; with its name.
        """
        code = np.empty(self.n_inputs)
        for number, (name, axis) in enumerate(zip(self.names, self.axes, strict=True)):
            if name not in values:
                raise ValueError(f"{name} is missing")
            try:
                code[number] = axis.code(values[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        return code

    def features(self, codes: Floats) -> Floats:
        """Return model columns, those of a trend last, shape (n, n_columns), of codes, shape (n, n_inputs)."""
        features = self.plain(codes)
        return features if self.trend is None else np.hstack([features, self.trend.columns(features)])

    def plain(self, codes: Floats) -> Floats:
        """Return the columns of the inputs alone."""
        features = np.zeros((len(codes), len(self.groups)))
        for number, axis in enumerate(self.axes):
            if isinstance(axis, NominalAxis):
                chosen = self.columns[number] + axis.indices(codes[:, number])
                features[np.arange(len(codes)), chosen] = math.sqrt(0.5)
            else:
                features[:, self.columns[number]] = codes[:, number]
        return features

    def near(self, codes: Floats, others: Floats, within: float = NEAR) -> NDArray[np.bool_]:
        """Return which of the codes, shape (n, n_inputs), equal any of the others within a part of each range."""
        found = np.zeros(len(codes), dtype=bool)
        for other in others:
            distances = np.abs(codes - other)
            distances[:, self.is_nominal] = distances[:, self.is_nominal] > 1e-9
            found |= (distances < within).all(axis=1)
        return found


class Box(Domain):
    """A search space; its parameters vary independently but for what its constraints demand.

    Raises:
        ValueError: no recipe satisfies all constraints.
    """

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space.names, [axis_of(parameter) for parameter in space.parameters])
        self._space = space
        self._restraint = Restraint(space, self.axes) if space.constraints else None

    @property
    def is_free(self) -> bool:
        """Whether there are no constraints."""
        return self._restraint is None

    def allowed(self, codes: Floats) -> NDArray[np.bool_]:
        """Return which codes, shape (n, n_inputs), the constraints allow."""
        return np.ones(len(codes), dtype=bool) if self._restraint is None else self._restraint.allowed(codes)

    def allows(self, values: Mapping[str, Any]) -> bool:
        """Return whether the constraints allow a recipe as it would be set."""
        return all(constraint.allows(values) for constraint in self._space.constraints)

    def draw(self, n: int, rng: Generator) -> Floats:
        """Return up to `n` allowed codes, drawn evenly where that finds enough of them."""
        if self._restraint is None:
            return self.spread(rng.random((n, self.n_inputs)))
        found = np.empty((0, self.n_inputs))
        for _ in range(_N_DRAWS):
            drawn = self.spread(rng.random((n, self.n_inputs)))
            found = np.vstack([found, drawn[self.allowed(drawn)]])
            if len(found) >= n:
                return found[:n]
        return np.vstack([found, self._restraint.walk(n - len(found), rng)])

    def values(self, code: Floats) -> dict[str, Any]:
        """Return the recipe nearest to a code."""
        return {name: axis.value(u) for name, axis, u in zip(self.names, self.axes, code.tolist(), strict=True)}

    def settled(self, codes: Floats) -> Floats:
        """Return the exact codes of the recipes nearest to codes, shape (n, n_inputs)."""
        return np.array([self.code(self.values(code)) for code in codes]).reshape(-1, self.n_inputs)

    def snap(self, codes: Floats) -> Floats:
        """Return the nearest codes of recipes that can be set, digits aside, shape (n, n_inputs)."""
        codes = np.stack([axis.snap(codes[:, number]) for number, axis in enumerate(self.axes)], axis=1)
        return codes if self._restraint is None else self._restraint.restored(codes)

    def spread(self, uniform: Floats) -> Floats:
        """Turn points that are uniform in the unit cube, shape (n, n_inputs), into codes; equations hold for them."""
        codes = np.stack([axis.spread(uniform[:, number]) for number, axis in enumerate(self.axes)], axis=1)
        return codes if self._restraint is None else self._restraint.spread(codes, uniform)

    def all_codes(self, limit: int) -> Floats | None:
        """Return the code of every recipe there is, or None where there are more than `limit`."""
        axes = [axis for axis in self.axes if isinstance(axis, GridAxis | NominalAxis)]
        if len(axes) < self.n_inputs or math.prod(axis.n_levels for axis in axes) > limit:
            return None
        levels = [axis.levels() for axis in axes]
        codes = np.stack(np.meshgrid(*levels, indexing="ij"), axis=-1).reshape(-1, self.n_inputs)
        return codes[self.allowed(codes)]

    def neighbours(self, code: Floats) -> Floats:
        """Return the code itself and those that differ in one step or category, shape (n, n_inputs)."""
        found = [code]
        for number, axis in enumerate(self.axes):
            if isinstance(axis, GridAxis):
                moves = axis.moves(code[number])
            elif isinstance(axis, NominalAxis):
                moves = axis.levels()
            else:
                continue
            for move in moves:
                found.append(code.copy())
                found[-1][number] = move
        around = np.array(found)
        kept = self.allowed(around)
        kept[0] = True
        return around[kept]


class Pool(Domain):
    """Rows of candidates; numbers are coded linearly over the range they have in the pool."""

    def __init__(self, candidates: Candidates) -> None:
        axes: list[Axis] = []
        for name in candidates.inputs:
            column = [row[name] for row in candidates.rows]
            numbers = [entry for entry in column if not isinstance(entry, str)]
            if numbers:
                axes.append(NumericAxis(min(numbers), max(numbers)))
            else:
                axes.append(NominalAxis(Categorical(name, tuple(dict.fromkeys(column)))))
        super().__init__(candidates.inputs, axes)
        self._candidates = candidates
        self.rows = np.array([self.code(row) for row in candidates.rows])
        """Code of each row, shape (n_rows, n_inputs)."""

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def values(self, row: int) -> dict[str, Any]:
        """Return the recipe of a row."""
        return dict(self._candidates.values(row))

    def check_row(self, row: object) -> int:
        """Return a row's number.

        Raises:
            ValueError: there is no such row.
        """
        if not isinstance(row, int) or isinstance(row, bool) or not 0 <= row < self.n_rows:
            raise ValueError(f"row {row!r} is not in 0..{self.n_rows - 1}")
        return row

    def rows_of(self, values: Mapping[str, Any]) -> list[int]:
        """Return every row with exactly this recipe."""
        wanted = {name: values.get(name) for name in self.names}
        return [row for row in range(self.n_rows) if self._candidates.values(row) == wanted]


def domain_of(space: SearchSpace | Candidates) -> Box | Pool:
    """Return the domain of a search space or pool."""
    return Box(space) if isinstance(space, SearchSpace) else Pool(space)
