"""The search file: what to look for, for people who make and measure by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from labctl.campaign._file import Name, OptimizerEntry, Range, TableEntry, Target, space_form
from labctl.constraints import Constraint
from labctl.errors import FileError, Problem
from labctl.files import Scalar, problems_of, read_table, read_yaml
from labctl.objectives import InputOf, Objective
from labctl.optimize import Optimizer, make_optimizer
from labctl.quantities import Quantity
from labctl.trials import Candidates, Categorical, Continuous, Integer, Parameter, SearchSpace

_UNIT = re.compile(r"\s*[+-]?[\d.]+(?:[eE][+-]?\d+)?\s*(.*?)\s*", re.ASCII)
_BY_HAND = {"result": InputOf("hand", "result")}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FreeEntry(Range):
    """One free parameter: limits, or a list of values."""

    field: Target | None = Field(default=None, description="of a campaign's recipe; means nothing here")


class SoughtEntry(_Part):
    """One figure to make large or small, measured by hand."""

    name: Name
    direction: Literal["maximize", "minimize"]
    target: float | None = Field(default=None, allow_inf_nan=False, description="good enough")
    unit: str = ""


class SearchFile(_Part):
    """A search over recipes that people make and measure by hand."""

    description: str = ""
    seed: int = Field(default=0, ge=0, description="of the optimizer")
    space: Annotated[
        Annotated[TableEntry, Tag("table")] | Annotated[list[FreeEntry], Tag("list"), Field(min_length=1)],
        Discriminator(
            space_form,
            custom_error_type="space_type",
            custom_error_message="must be a list of parameters, or a mapping with a table",
        ),
    ] = Field(description="what may vary")
    constraints: list[str] = Field(
        default_factory=list,
        description="arithmetic on parameters that are numbers, each in the unit of its lower limit, compared by "
        "<=, >= or ==",
    )
    objectives: list[SoughtEntry] = Field(min_length=1)
    prior: str | None = Field(
        default=None,
        description="CSV file, from this file's folder, of what a simulation expects: a column for each parameter and "
        "objective",
    )
    optimizer: OptimizerEntry = OptimizerEntry()


@dataclass(frozen=True)
class Search:
    """What may vary and what is sought."""

    space: SearchSpace | Candidates
    objectives: tuple[Objective, ...]
    engine: str
    options: dict[str, Any]
    seed: int
    prior: Sequence[Mapping[str, Any]] = ()
    """What is expected before anything was tried: parameters and objectives."""

    def make_optimizer(self) -> Optimizer:
        """Return a new optimizer."""
        return make_optimizer(self.engine, self.space, self.objectives, self.seed, self.options, self.prior)


def read_search(path: Path) -> Search:
    """Return what a search file says.

    Raises:
        FileError: everything that is wrong with it.
    """
    try:
        file = SearchFile.model_validate(read_yaml(path))
    except ValidationError as error:
        raise FileError(str(path), problems_of(error, SearchFile)) from error
    problems: list[Problem] = []
    objectives = tuple(
        Objective(entry.name, entry.direction, "result", _BY_HAND, entry.target, entry.unit)
        for entry in file.objectives
    )
    try:
        space = _pool(file, path) if isinstance(file.space, TableEntry) else _box(file, problems)
        if space is not None:
            prior = _prior(file, path, space.names)
            search = Search(space, objectives, file.optimizer.engine, file.optimizer.options, file.seed, prior)
            search.make_optimizer()
            return search
    except ValueError as error:
        problems.append(Problem("", str(error)))
    raise FileError(str(path), problems)


def _prior(file: SearchFile, path: Path, names: Sequence[str]) -> list[dict[str, float | str]]:
    if file.prior is None:
        return []
    columns = [each.name for each in file.objectives]
    rows = read_table(path.parent / file.prior, names, columns)
    return [{name: row[name] for name in (*names, *columns)} for row in rows]


def _pool(file: SearchFile, path: Path) -> Candidates:
    entry = file.space
    assert isinstance(entry, TableEntry)
    if file.constraints:
        raise ValueError("a table names its recipes: leave out the rows that are not allowed, not constraints")
    columns = [column.column for column in entry.inputs]
    rows = read_table(path.parent / entry.table, columns, ())
    seen = {tuple(row[name] for name in columns): {name: row[name] for name in columns} for row in rows}
    return Candidates(tuple(columns), tuple(seen.values()))


def _box(file: SearchFile, problems: list[Problem]) -> SearchSpace | None:
    parameters: list[Parameter] = []
    for index, entry in enumerate(file.space if isinstance(file.space, list) else ()):
        try:
            parameters.append(_parameter(entry))
        except ValueError as error:
            problems.append(Problem(f"space[{index}]", str(error)))
    numbers = tuple(each.name for each in parameters if not isinstance(each, Categorical) or each.is_numeric)
    constraints: list[Constraint] = []
    for index, text in enumerate(() if problems else file.constraints):
        try:
            constraints.append(Constraint(text, numbers))
        except ValueError as error:
            problems.append(Problem(f"constraints[{index}]", str(error)))
    return None if problems else SearchSpace(tuple(parameters), tuple(constraints))


def _parameter(entry: FreeEntry) -> Parameter:
    """Return a parameter in the unit of its lower limit; bare whole limits make a whole number."""
    if entry.values is not None:
        if (entry.low, entry.high, entry.step, entry.scale) != (None, None, None, "linear"):
            raise ValueError("gives values, and low, high, step or scale besides")
        return Categorical(entry.name, tuple(entry.values))
    low, high, step = entry.low, entry.high, entry.step
    if low is None or high is None:
        raise ValueError("needs low and high, or values")
    if _is_whole(low) and _is_whole(high) and step is None and entry.scale == "linear":
        return Integer(entry.name, int(low), int(high))
    unit = unit_of(low)
    width = None if step is None else Quantity("K" if unit == "degC" else unit).parse(_as_difference(step, unit))
    return Continuous(
        entry.name, Quantity(unit).parse(low), Quantity(unit).parse(high), _plain(unit), entry.scale, width
    )


def unit_of(given: Scalar) -> str:
    """Return the unit of a quantity as it was written."""
    found = _UNIT.fullmatch(given) if isinstance(given, str) else None
    return found[1] if found else ""


def _plain(unit: str) -> str:
    return "degC" if unit == "°C" else unit


def _as_difference(step: Scalar, unit: str) -> Scalar:
    """Return a step of a temperature in kelvin: 10 degC is 10 K as a difference."""
    return re.sub("(degC|°C)$", "K", step) if unit in ("degC", "°C") and isinstance(step, str) else step


def _is_whole(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)
