"""A recipe that a person wants to be tried becomes a point of the campaign's space."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labctl.campaign._checked import CheckedCampaign, as_written
from labctl.campaign._file import TableEntry
from labctl.errors import FileError, Problem
from labctl.files import read_yaml
from labctl.optimize import ROW_KEY
from labctl.quantities import format_value
from labctl.recipes import Operation, check_recipe
from labctl.trials import Candidates, Categorical, SearchSpace


def read_candidate(path: Path, checked: CheckedCampaign) -> dict[str, Any]:
    """Return what a recipe file gives the campaign's parameters, with the row where the space is a table.

    Raises:
        FileError: it is no valid recipe, differs from the campaign's where nothing may vary, or lies outside the
            space; with everything that is wrong.
    """
    recipe, problems = check_recipe(read_yaml(path), checked.schemas)
    if recipe is None:
        raise FileError(str(path), problems)
    base, _ = check_recipe(checked.content, checked.schemas)
    assert base is not None  # it was checked with the campaign
    wanted, given = base.operations, recipe.operations
    if [each.name for each in given] != [each.name for each in wanted]:
        told = f"must be {', '.join(each.name for each in wanted)}, as in the campaign's recipe"
        raise FileError(str(path), [Problem("operations", told)])
    free = set(checked.fields.values()) | _row_field(checked)
    for index, (mine, theirs) in enumerate(zip(given, wanted, strict=True)):
        problems += _differences(f"operations[{index}]", mine, theirs, free)
    by_name = {operation.name: operation for operation in given}
    if problems:
        raise FileError(str(path), problems)
    if isinstance(checked.space, SearchSpace):
        point, problems = _in_box(checked.space, checked, by_name)
    else:
        point, problems = _in_pool(checked.space, checked, by_name)
    if problems:
        raise FileError(str(path), problems)
    return point


def _row_field(checked: CheckedCampaign) -> set[tuple[str, str]]:
    space = checked.file.space
    if not isinstance(space, TableEntry) or space.row is None:
        return set()
    operation, _, parameter = space.row.partition(".")
    return {(operation, parameter)}


def _differences(where: str, mine: Operation, theirs: Operation, free: set[tuple[str, str]]) -> list[Problem]:
    if mine.kind != theirs.kind:
        return [Problem(f"{where}.operation", f"is {mine.kind}; the campaign's {theirs.name} is {theirs.kind}")]
    found = []
    for name, value in mine.parameters.items():
        if (mine.name, name) not in free and not _is_same(value, theirs.parameters[name]):
            unit = mine.units.get(name, "")
            told = f"is {format_value(value, unit)}; the campaign does not vary it from "
            found.append(Problem(f"{where}.{name}", told + format_value(theirs.parameters[name], unit)))
    return found


def _in_box(
    space: SearchSpace, checked: CheckedCampaign, given: Mapping[str, Operation]
) -> tuple[dict[str, Any], list[Problem]]:
    point, problems = {}, []
    for parameter in space.parameters:
        operation, field = checked.fields[parameter.name]
        value = given[operation].parameters[field]
        if isinstance(parameter, Categorical):
            known = (each for each in parameter.values if _is_same(value, _taken(checked, parameter.name, each, given)))
            value = next(known, value)
        try:
            parameter.check(value)
        except ValueError as error:
            problems.append(Problem(f"{operation}.{field}", str(error)))
        point[parameter.name] = value
    if not problems:
        told = (each.text for each in space.constraints if not each.allows(point))
        problems = [Problem("operations", f"the campaign's constraint {text!r} does not hold") for text in told]
    return point, problems


def _in_pool(
    space: Candidates, checked: CheckedCampaign, given: Mapping[str, Operation]
) -> tuple[dict[str, Any], list[Problem]]:
    for operation, field in _row_field(checked):
        row = int(given[operation].parameters[field])
        if 0 <= row < space.n:
            return {**space.values(row), ROW_KEY: row}, []
        return {}, [Problem(f"{operation}.{field}", f"row {row} is not in 0..{space.n - 1}")]
    wanted = {name: given[operation].parameters[field] for name, (operation, field) in checked.fields.items()}
    for row in range(space.n):
        if all(_is_same(wanted[name], _taken(checked, name, space.rows[row][name], given)) for name in wanted):
            return {**space.values(row), ROW_KEY: row}, []
    told = ", ".join(f"{name} {value}" for name, value in wanted.items())
    return {}, [Problem("operations", f"no row of the table has {told}")]


def _taken(checked: CheckedCampaign, name: str, value: Any, given: Mapping[str, Operation]) -> Any:
    """Return a value of the space as the plan takes it."""
    operation, field = checked.fields[name]
    schema = checked.schemas[given[operation].kind]
    return schema.check({field: as_written(schema, field, value)})[0].get(field)


def _is_same(value: Any, other: Any) -> bool:
    if isinstance(value, float) and isinstance(other, float):
        return math.isclose(value, other, rel_tol=1e-9)
    return bool(value == other)
