"""Recipes: named operations with parameters, checked whole before anything moves."""

from __future__ import annotations

import difflib
import functools
import hashlib
import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from labctl.errors import Problem
from labctl.quantities import Quantity, format_value

__all__ = [
    "LimitedBy",
    "Operation",
    "OperationSchema",
    "Recipe",
    "check_recipe",
    "nearest",
    "problems_of",
    "recipe_json_schema",
]


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ``; did you mean 'x'?`` or the list of what is known."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""


def problems_of(error: ValidationError, known: Sequence[str] = (), prefix: str = "") -> list[Problem]:
    """Return pydantic's findings as problems a person can act on.

    Args:
        error: as raised by a model.
        known: names that a mistyped key may have meant.
        prefix: path of the model in the file.
    """
    problems = []
    for entry in error.errors():
        path = prefix
        for part in entry["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
        kind, value = entry["type"], entry.get("input")
        if kind == "extra_forbidden":
            text = f"unknown key{nearest(str(entry['loc'][-1]), known)}"
        elif kind == "missing":
            text = "is required"
        elif kind == "value_error":
            text = str(entry.get("ctx", {}).get("error", entry["msg"]))
        else:
            text = f"{entry['msg']}, not {value!r}"
        problems.append(Problem(path, text))
    return problems


@dataclass(frozen=True)
class LimitedBy:
    """Annotation of a parameter that is sent to a signal: the limits of the actual device hold for it.

    Args:
        role: of the device in the operation.
        signal: attribute of the device.
        scale: value of the signal for a parameter of 1.
    """

    role: str
    signal: str
    scale: float = 1.0


@dataclass(frozen=True)
class OperationSchema:
    """What an operation takes, read from its plan's signature.

    Positional arguments before ``samples`` are the devices, by role; keyword-only arguments are the
    recipe's parameters.
    """

    kind: str
    roles: Mapping[str, str]
    """Role of each device and the name of its class."""
    model: type[BaseModel]
    summary: str
    results: Mapping[str, str] = field(default_factory=dict)
    """Unit of each value in the stream ``result``."""
    results_from: str = ""
    """The parameter that names further results, with ``;`` between them."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(self.model.model_fields)

    def quantity(self, parameter: str) -> Quantity | None:
        """Return unit and range of a parameter, or None for text and whole numbers."""
        found = [entry for entry in self.model.model_fields[parameter].metadata if isinstance(entry, Quantity)]
        return found[0] if found else None

    def limited_by(self, parameter: str) -> LimitedBy | None:
        """Return the signal whose limits hold for a parameter, if there is one."""
        found = [entry for entry in self.model.model_fields[parameter].metadata if isinstance(entry, LimitedBy)]
        return found[0] if found else None

    def check(self, values: Mapping[str, Any], where: str = "") -> tuple[dict[str, Any], list[Problem]]:
        """Return the parameters in their declared units, and everything that is wrong."""
        try:
            return self.model.model_validate(dict(values)).model_dump(), []
        except ValidationError as error:
            return {}, problems_of(error, self.parameters, where)

    def units(self) -> dict[str, str]:
        """Return the unit of each parameter that has one."""
        found = {name: self.quantity(name) for name in self.parameters}
        return {name: quantity.unit for name, quantity in found.items() if quantity is not None and quantity.unit}

    def results_of(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of what an operation with these parameters writes to the stream ``result``."""
        named = str(parameters.get(self.results_from, "")).split(";") if self.results_from else []
        return (*self.results, *(name for name in named if name))

    @classmethod
    def of(cls, plan: Callable[..., Any], results: Mapping[str, str], results_from: str = "") -> OperationSchema:
        """Read a plan's signature; its results are told."""
        hints = typing.get_type_hints(plan, include_extras=True)
        roles: dict[str, str] = {}
        fields: dict[str, Any] = {}  # pydantic's (annotation, default) pairs
        for name, parameter in inspect.signature(plan).parameters.items():
            if name == "samples":
                continue
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                default = ... if parameter.default is inspect.Parameter.empty else parameter.default
                fields[name] = (hints[name], FieldInfo(default=default, validate_default=True))
            else:
                roles[name] = getattr(hints[name], "__name__", str(hints[name]))
        config = ConfigDict(extra="forbid", frozen=True)
        model = create_model(f"{plan.__name__}_parameters", __config__=config, **fields)
        summary = (inspect.getdoc(plan) or "").partition("\n")[0]
        return cls(plan.__name__, roles, model, summary, dict(results), results_from)


@dataclass(frozen=True)
class Operation:
    """One named step of a recipe on one station."""

    name: str
    kind: str
    """Which plan."""
    parameters: Mapping[str, Any]
    """In the units that the plan declares."""
    units: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return the entry of a recipe file that gives this operation again."""
        values = {key: format_value(value, self.units.get(key, "")) for key, value in self.parameters.items()}
        texts = {k: values[k] if k in self.units or isinstance(v, str) else v for k, v in self.parameters.items()}
        return {"name": self.name, "operation": self.kind, **texts}


@dataclass(frozen=True)
class Recipe:
    """What is to be done to a sample, in order.

    Raises:
        ValueError: no operation, or a name used twice.
    """

    name: str
    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        names = [entry.name for entry in self.operations]
        if not names:
            raise ValueError(f"recipe {self.name!r} has no operation")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"operation names must differ; used twice: {', '.join(twice)}")

    def content(self) -> dict[str, Any]:
        """Return the whole recipe as a recipe file holds it."""
        return {"recipe": self.name, "operations": [entry.content() for entry in self.operations]}

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 over the content, first 16 hexadecimal digits."""
        text = json.dumps(self.content(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class RecipeFile(BaseModel):
    """The outer form of a recipe file; the operations are checked against their plans."""

    model_config = ConfigDict(extra="forbid")

    recipe: str = Field(min_length=1, description="name of the recipe")
    description: str = ""
    operations: list[dict[str, Any]] = Field(min_length=1, description="in the order they are done")


def recipe_json_schema(schemas: Mapping[str, OperationSchema]) -> dict[str, Any]:
    """Return the JSON Schema of recipe files.

    Args:
        schemas: every operation there is, by kind.
    """
    variants = []
    for kind, schema in schemas.items():
        entry = schema.model.model_json_schema()
        entry["title"], entry["description"] = kind, schema.summary
        entry["properties"] = {
            "name": {"type": "string", "description": "name of this step; the kind when omitted"},
            "operation": {"const": kind},
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
    try:
        outer = RecipeFile.model_validate(content)
    except ValidationError as error:
        return None, problems_of(error, tuple(RecipeFile.model_fields))
    problems: list[Problem] = []
    operations = []
    for index, entry in enumerate(outer.operations):
        where = f"operations[{index}]"
        kind, name = str(entry.get("operation", "")), str(entry.get("name", entry.get("operation", "")))
        if "operation" not in entry:
            problems.append(Problem(f"{where}.operation", "is required" + nearest("", tuple(schemas))))
            continue
        if kind not in schemas:
            problems.append(Problem(f"{where}.operation", f"unknown operation {kind!r}{nearest(kind, tuple(schemas))}"))
            continue
        given = {key: value for key, value in entry.items() if key not in ("name", "operation")}
        given |= {parameter: value for (of, parameter), value in (changes or {}).items() if of == name}
        values, wrong = schemas[kind].check(given, where)
        problems += wrong
        operations.append(Operation(name, kind, values, schemas[kind].units()))
    if problems:
        return None, problems
    try:
        return Recipe(outer.recipe, tuple(operations)), []
    except ValueError as error:
        return None, [Problem("operations", str(error))]
