"""What a campaign file varies becomes a space of recipes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from labctl.campaign._checked import as_written
from labctl.campaign._file import ParameterEntry, TableEntry
from labctl.campaign._findings import Findings
from labctl.constraints import Constraint
from labctl.errors import Problem
from labctl.files import nearest, read_table
from labctl.quantities import Quantity
from labctl.recipes import Operation, OperationSchema
from labctl.trials import Candidates, Categorical, Continuous, Integer, Parameter, SearchSpace

Target: TypeAlias = tuple[str, str]
"""Name of an operation of the recipe, and its parameter."""
T = TypeVar("T")


@dataclass
class Varied:
    """What a campaign varies, as far as it is right."""

    space: SearchSpace | Candidates | None = None
    fields: dict[str, Target] = field(default_factory=dict)
    """What each parameter of the space replaces."""
    tried: dict[Target, list[tuple[str, object]]] = field(default_factory=dict)
    """Each value [the parameter's unit], or the extreme ones, and its path in the campaign file."""
    rows: tuple[Mapping[str, float], ...] = ()
    """What a table lab measures for each candidate."""


class SpaceReader:
    """Reads the space of a campaign file and says what is wrong with it.

    Args:
        operations: of the recipe, as far as they are right; None when there is no recipe to be read.
        schemas: every kind of operation there is.
        findings: takes the problems.
        path: of the campaign file.
    """

    def __init__(
        self,
        operations: Sequence[Operation] | None,
        schemas: Mapping[str, OperationSchema],
        findings: Findings,
        path: Path,
    ) -> None:
        self._operations, self._schemas, self._findings, self._path = operations, schemas, findings, path

    def box(self, entries: Sequence[ParameterEntry], constraints: Sequence[str] = ()) -> Varied:
        """Return parameters and what they have to satisfy together."""
        varied, parameters = Varied(), list[Parameter | None]()
        names = [entry.name for entry in entries]
        for index, entry in enumerate(entries):
            where = f"space[{index}]"
            if entry.name and entry.name in names[:index]:
                self._tell(f"{where}.name", f"{entry.name!r} is also the name of space[{names.index(entry.name)}]")
            target = self._target(entry.field, f"{where}.field", varied)
            if target is not None:
                varied.fields[entry.name] = target
                parameters.append(self._parameter(entry, target, where, varied))
        whole = [parameter for parameter in parameters if parameter is not None]
        if entries and len(whole) == len(entries) and not self._findings.any_in(self._path, "space"):
            varied.space = self._restrained(tuple(whole), constraints)
        return varied

    def _constraint(self, index: int, text: str, numbers: tuple[str, ...]) -> Constraint | None:
        return self._made(f"constraints[{index}]", lambda: Constraint(text, numbers))

    def _restrained(self, parameters: tuple[Parameter, ...], texts: Sequence[str]) -> SearchSpace | None:
        numbers = tuple(each.name for each in parameters if not isinstance(each, Categorical) or each.is_numeric)
        made = [self._constraint(index, text, numbers) for index, text in enumerate(texts)]
        whole = tuple(constraint for constraint in made if constraint is not None)
        return self._made("constraints", lambda: SearchSpace(parameters, whole)) if len(whole) == len(made) else None

    def pool(self, entry: TableEntry, path: Path, seed: int) -> Varied:
        """Return the recipes of a table.

        Args:
            entry: of the campaign file.
            path: of the CSV file.
            seed: chooses one of several rows with the same recipe.
        """
        varied = Varied()
        row = self._target(entry.row, "space.row", varied) if entry.row is not None else None
        if row is not None:
            self._row(entry, row)
        for index, column in enumerate(entry.inputs):
            where = f"space.inputs[{index}]"
            if column.field is not None:
                target = self._target(column.field, f"{where}.field", varied)
                if target is not None:
                    varied.fields[column.column] = target
            elif entry.row is None and not self._findings.any_in(self._path, "space.row"):
                self._tell(where, f"{column.column!r} needs a field: without a row, it would change no recipe")
        columns = [column.column for column in entry.inputs if column.column]
        rows = self._findings.attempt(path, lambda: read_table(path, columns, entry.outputs))
        if rows is None:
            return varied
        candidates, varied.rows = _grouped(rows, columns, entry.outputs, entry.repeats, seed)
        varied.space = self._made("space.inputs", lambda: Candidates(tuple(columns), candidates))
        for index, name in enumerate(columns):
            if (target := varied.fields.get(name)) is None:
                continue
            for value in _extremes([candidate[name] for candidate in candidates]):
                written = as_written(self._schema(target), target[1], value)
                self._right(target, written, f"space.inputs[{index}]", varied)
        return varied

    def _row(self, entry: TableEntry, target: Target) -> None:
        """Check that a table lab measures what the recipe asks of it."""
        operation = self._operation(target[0])
        schema = self._schemas[operation.kind]
        lacking = [
            name for name in schema.results_of(operation.parameters) if name not in (*entry.outputs, *schema.results)
        ]
        problems = [
            Problem("space.outputs", f"lacks {name!r}, which the recipe's {operation.name} asks for")
            for name in lacking
        ]
        self._findings.add(self._path, problems)

    # One parameter.

    def _target(self, given: str, where: str, varied: Varied) -> Target | None:
        """Return operation and parameter of a field, or None after saying what is wrong."""
        if self._operations is None or not given:
            return None
        name, _, parameter = given.partition(".")
        names = [operation.name for operation in self._operations]
        if name not in names:
            if all(names):  # otherwise one that has no right name may be meant
                self._tell(where, f"the recipe has no operation {name!r}{nearest(name, names)}")
            return None
        kind = self._operation(name).kind
        if not kind:
            return None  # the recipe's own problem
        schema = self._schemas[kind]
        if parameter not in schema.parameters:
            self._tell(where, f"{kind} has no parameter {parameter!r}{nearest(parameter, schema.parameters)}")
            return None
        if (name, parameter) in varied.tried:
            self._tell(where, f"{given} is varied twice")
            return None
        varied.tried[name, parameter] = []
        return name, parameter

    def _parameter(self, entry: ParameterEntry, target: Target, where: str, varied: Varied) -> Parameter | None:
        spoilt, name = self._findings.any_in(self._path, where), entry.name or "parameter"
        if entry.values is not None:
            if (entry.low, entry.high, entry.step, entry.scale) != (None, None, None, "linear"):
                self._tell(where, "gives values, and low, high, step or scale besides")
            seen = dict[object, int]()
            for number, value in enumerate(entry.values):
                right = self._right(target, value, f"{where}.values[{number}]", varied)
                if right is not None and seen.setdefault(right, number) != number:
                    self._tell(f"{where}.values[{number}]", f"{value} is the same as values[{seen[right]}]")
            return self._made(f"{where}.values", lambda: Categorical(name, tuple(entry.values or ())))
        low, high = (
            None if value is None else self._right(target, value, f"{where}.{end}", varied)
            for end, value in (("low", entry.low), ("high", entry.high))
        )
        if (entry.low is None or entry.high is None) and not spoilt:
            self._tell(where, "needs low and high, or values")
        if isinstance(low, int | float) and isinstance(high, int | float) and low >= high:
            self._tell(where, f"low {entry.low} must be below high {entry.high}")
            return None
        if isinstance(low, float) and low <= 0 and entry.scale == "log":
            self._tell(f"{where}.low", f"must be above 0 on a logarithmic scale, not {entry.low}")
            return None
        quantity = self._schema(target).quantity(target[1])
        if quantity is not None:
            step = self._step(entry.step, quantity.unit, f"{where}.step")
            if isinstance(low, float) and isinstance(high, float):
                return self._made(where, lambda: Continuous(name, low, high, quantity.unit, entry.scale, step))
        elif not self._schema(target).is_whole(target[1]):
            self._tell(where, f"{entry.field} takes no number: give values")
        elif entry.step is not None or entry.scale != "linear":
            self._tell(where, f"{entry.field} takes whole numbers: neither step nor scale applies")
        elif isinstance(low, int) and isinstance(high, int):
            return self._made(where, lambda: Integer(name, low, high))
        return None

    def _step(self, given: object, unit: str, where: str) -> float | None:
        """Return a step [unit]; as a difference of temperatures, 10 degC is 10 K."""
        if given is None:
            return None
        if unit == "degC":
            unit, given = "K", re.sub("(degC|°C)$", "K", given) if isinstance(given, str) else given
        return self._made(where, lambda: Quantity(unit).parse(given))

    def _right(self, target: Target, value: object, where: str, varied: Varied) -> object:
        """Return a value as the plan takes it, or None after saying what is wrong with it."""
        parameters, problems = self._schema(target).check({target[1]: value})
        for problem in problems:
            if problem.where == target[1]:
                self._tell(where, problem.message)
        if target[1] not in parameters:
            return None
        varied.tried[target].append((where, parameters[target[1]]))
        return parameters[target[1]]

    def _made(self, where: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except ValueError as error:
            self._tell(where, str(error))
            return None

    def _tell(self, where: str, message: str) -> None:
        self._findings.tell(self._path, where, message)

    def _operation(self, name: str) -> Operation:
        return next(operation for operation in self._operations or () if operation.name == name)

    def _schema(self, target: Target) -> OperationSchema:
        return self._schemas[self._operation(target[0]).kind]


def _extremes(values: Sequence[float | str]) -> list[float | str]:
    numbers = [value for value in values if not isinstance(value, str)]
    return [min(numbers), max(numbers)] if numbers else list(dict.fromkeys(values))


def _grouped(
    rows: Sequence[Mapping[str, float | str]], columns: Sequence[str], outputs: Sequence[str], repeats: str, seed: int
) -> tuple[tuple[Mapping[str, float | str], ...], tuple[Mapping[str, float], ...]]:
    """Return each recipe once, and what measuring it gives."""
    groups: dict[tuple[float | str, ...], list[Mapping[str, float | str]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in columns), []).append(row)
    chance = random.Random(f"{seed}:repeats")
    candidates, measured = list[Mapping[str, float | str]](), list[Mapping[str, float]]()
    for inputs, members in groups.items():
        candidates.append(dict(zip(columns, inputs, strict=True)))
        if repeats == "mean":
            measured.append({name: sum(float(m[name]) for m in members) / len(members) for name in outputs})
        else:
            one = chance.choice(members)
            measured.append({name: float(one[name]) for name in outputs})
    return tuple(candidates), tuple(measured)
