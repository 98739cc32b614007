"""The search file: what to look for, for people who make and measure by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from labctl.campaign._file import Name, OptimizerEntry, Range, TableEntry, Target, space_form
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
    objectives: list[SoughtEntry] = Field(min_length=1)
    optimizer: OptimizerEntry = OptimizerEntry()


@dataclass(frozen=True)
class Search:
    """What may vary and what is sought."""

    space: SearchSpace | Candidates
    objectives: tuple[Objective, ...]
    engine: str
    options: dict[str, Any]
    seed: int

    def make_optimizer(self) -> Optimizer:
        """Return a new optimizer."""
        return make_optimizer(self.engine, self.space, self.objectives, self.seed, self.options)


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
        space = _pool(file.space, path) if isinstance(file.space, TableEntry) else _box(file.space, problems)
        if space is not None:
            search = Search(space, objectives, file.optimizer.engine, file.optimizer.options, file.seed)
            search.make_optimizer()
            return search
    except ValueError as error:
        problems.append(Problem("", str(error)))
    raise FileError(str(path), problems)


def _pool(entry: TableEntry, path: Path) -> Candidates:
    columns = [column.column for column in entry.inputs]
    rows = read_table(path.parent / entry.table, columns, ())
    seen = {tuple(row[name] for name in columns): {name: row[name] for name in columns} for row in rows}
    return Candidates(tuple(columns), tuple(seen.values()))


def _box(entries: list[FreeEntry], problems: list[Problem]) -> SearchSpace | None:
    parameters: list[Parameter] = []
    for index, entry in enumerate(entries):
        try:
            parameters.append(_parameter(entry))
        except ValueError as error:
            problems.append(Problem(f"space[{index}]", str(error)))
    return None if problems else SearchSpace(tuple(parameters))


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
