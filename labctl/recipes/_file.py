"""Recipe files and how they are checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labctl.errors import Problem
from labctl.files import Text, as_far_as_right, nearest, problems_of
from labctl.quantities import Quantity
from labctl.recipes._recipe import Operation, Recipe
from labctl.recipes._schema import OperationSchema
from labctl.recipes._timing import Timing


class OperationEntry(BaseModel):
    """What every operation of a recipe file has; the others are its parameters."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: Annotated[str, Text("[A-Za-z0-9_-]+", "letters, digits, '_' and '-' only")] = ""
    operation: str
    takes: Annotated[float, Quantity("s", 0, 1e7)] | None = Field(
        default=None,
        description="how long it is estimated to take; what its plan, station or the records say if omitted",
    )
    begin_within: Annotated[float, Quantity("s", 0, 1e7)] | None = Field(
        default=None,
        description="it begins at most so long after the operation before it ended; a sample that is too late is set "
        "aside",
    )
    begin_after: Annotated[float, Quantity("s", 0, 1e7)] = Field(
        default="0 s",
        validate_default=True,
        description="it begins at least so long after the operation before it ended",
    )
    optional: bool = Field(
        default=False,
        description="the recipe goes on without it where no station is left for it, or where it failed and may be left "
        "out",
    )
    any_order: bool = Field(default=False, description="it may change places with neighbours that say the same")

    def timing(self) -> Timing:
        """Return what dispatch has to know."""
        return Timing(self.takes, self.begin_within, self.begin_after, self.optional, self.any_order)


class RecipeFile(BaseModel):
    """The outer form of a recipe file; the operations are checked against their plans."""

    model_config = ConfigDict(extra="forbid", strict=True)

    recipe: str = Field(min_length=1, description="name of the recipe")
    description: str = ""
    operations: list[dict[str, Any]] = Field(min_length=1, description="in the order they are done")


def recipe_json_schema(schemas: Mapping[str, OperationSchema]) -> dict[str, Any]:
    """Return the JSON Schema of recipe files.

    Args:
        schemas: every operation there is, by kind.
    """
    variants = []
    timing = OperationEntry.model_json_schema()["properties"]
    for kind, schema in schemas.items():
        entry = schema.model.model_json_schema()
        entry["title"], entry["description"] = kind, schema.summary
        entry["properties"] = {
            "name": {"type": "string", "description": "name of this step; the kind when omitted"},
            "operation": {"const": kind},
            **{key: value for key, value in timing.items() if key not in ("name", "operation")},
            **entry["properties"],
        }
        entry["required"] = ["operation", *entry.get("required", [])]
        variants.append(entry)
    outer = RecipeFile.model_json_schema()
    outer["properties"]["operations"]["items"] = {"oneOf": variants}
    return outer


def check_recipe(
    content: object, schemas: Mapping[str, OperationSchema], changes: Mapping[tuple[str, str], object] | None = None
) -> tuple[Recipe | None, list[Problem]]:
    """Return the recipe that `content` describes, or everything that is wrong with it.

    Args:
        content: as read from a recipe file.
        schemas: every operation there is, by kind.
        changes: values that replace the file's, by (operation name, parameter).
    """
    operations, problems = read_operations(content, schemas, changes)
    if problems or not isinstance(content, dict):
        return None, problems
    return Recipe(content["recipe"], tuple(operations)), []


def read_operations(
    content: object, schemas: Mapping[str, OperationSchema], changes: Mapping[tuple[str, str], object] | None = None
) -> tuple[list[Operation], list[Problem]]:
    """Return every operation as far as it is right, and everything that is wrong with the recipe.

    An operation without a name or of no known kind has an empty one, and a parameter that is wrong is left out.

    Args:
        content: as read from a recipe file.
        schemas: every operation there is, by kind.
        changes: values that replace the file's, by (operation name, parameter).
    """
    problems: list[Problem] = []
    try:
        RecipeFile.model_validate(content)
    except ValidationError as error:
        problems += problems_of(error, RecipeFile)
    listed = content.get("operations") if isinstance(content, dict) else None
    operations: list[Operation] = []
    for index, entry in enumerate(listed if isinstance(listed, list) else ()):
        where = f"operations[{index}]"
        operation, wrong = _read_operation(entry, where, schemas, changes or {}, is_first=not index)
        problems += wrong
        names = [earlier.name for earlier in operations]
        if operation.name and operation.name in names:
            first = f"operations[{names.index(operation.name)}]"
            problems.append(Problem(f"{where}.name", f"{operation.name!r} is also the name of {first}"))
        operations.append(operation)
    return operations, problems


def _read_operation(
    entry: object,
    where: str,
    schemas: Mapping[str, OperationSchema],
    changes: Mapping[tuple[str, str], object],
    *,
    is_first: bool,
) -> tuple[Operation, list[Problem]]:
    if not isinstance(entry, dict):
        return Operation("", "", {}), []  # the outer form says so
    problems: list[Problem] = []
    try:
        right = OperationEntry.model_validate(entry)
    except ValidationError as error:
        right = as_far_as_right(OperationEntry, entry)
        problems += problems_of(error, OperationEntry, where)
    kind = right.operation
    name = right.name if "name" in entry else kind
    if not kind:
        return Operation(name, "", {}), problems
    if kind not in schemas:
        text = f"unknown operation {kind!r}{nearest(kind, tuple(schemas))}"
        return Operation(name, "", {}), [*problems, Problem(f"{where}.operation", text)]
    given = {key: value for key, value in entry.items() if key not in OperationEntry.model_fields}
    given |= {parameter: value for (of, parameter), value in changes.items() if of == name}
    values, wrong = schemas[kind].check(given, where, tuple(OperationEntry.model_fields))
    problems += [Problem(f"{where}.{key}", text) for key, text in _impossible(right, is_first)]
    return Operation(name, kind, values, schemas[kind].units(), right.timing()), problems + wrong


def _impossible(entry: OperationEntry, is_first: bool) -> Iterator[tuple[str, str]]:
    """Yield what of an operation's timing cannot be kept, by field."""
    if entry.begin_within is not None and entry.begin_after > entry.begin_within:
        yield "begin_after", f"{entry.begin_after:g} s is longer than begin_within, {entry.begin_within:g} s"
    for key in ("begin_within", "begin_after"):
        if is_first and getattr(entry, key):
            yield key, "the first operation has none before it"
    if entry.any_order and (entry.begin_within is not None or entry.begin_after):
        yield "any_order", "an operation that begins at a certain time after another cannot change places"
