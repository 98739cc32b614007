"""A history as JSON, and the schema of it: both follow the fields of the nouns."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from labctl.records._history import Trace
from labctl.records._sample_history import SampleHistory

FORMAT = "labctl sample history"
FORMAT_VERSION = 1
_PLAIN = {str: "string", Path: "string", bool: "boolean", int: "integer"}


def history_json(history: SampleHistory) -> dict[str, Any]:
    """Return a history as plain values for JSON; what is not a finite number becomes null.

    Keys are the names of the fields; times are in s since 1970-01-01 UTC, those of traces in s since their operation
    began; a unit stands beside each number that has one.
    """
    return {"format": FORMAT, "version": FORMAT_VERSION, **_plain(history)}


def history_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of what `history_json` returns."""
    definitions: dict[str, Any] = {}
    _schema(SampleHistory, definitions)
    top = definitions[SampleHistory.__name__]
    about = {"format": {"const": FORMAT}, "version": {"const": FORMAT_VERSION}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FORMAT,
        **top,
        "properties": {**about, **top["properties"]},
        "required": [*about, *top["required"]],
        "$defs": definitions,
    }


def _plain(value: Any) -> Any:  # of any field
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, np.ndarray):
        return _numbers(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence):
        return [_plain(entry) for entry in value]
    return _plain(value.item()) if isinstance(value, np.generic) else str(value)


def _numbers(array: np.ndarray[Any, Any]) -> list[Any]:
    if array.dtype.kind in "biuU" or (array.dtype.kind == "f" and np.isfinite(array).all()):
        return array.tolist()
    return [_plain(entry) for entry in array.tolist()]


def _schema(annotation: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field; the classes it names are added to the definitions."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in _PLAIN:
        return {"type": _PLAIN[annotation]}
    if annotation is float:
        return {"type": ["number", "null"]}
    if annotation is types.NoneType:
        return {"type": "null"}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema(branch, definitions) for branch in inside]}
    if origin is np.ndarray:
        return {"type": "array", "items": {"type": ["number", "string", "boolean", "null"]}}
    if origin is tuple:
        return {"type": "array", "items": _schema(inside[0], definitions)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _schema(inside[1], definitions)}
    if dataclasses.is_dataclass(annotation) or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return _reference(annotation, definitions)
    return {}


def _reference(noun: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if noun.__name__ not in definitions:
        definitions[noun.__name__] = {}  # a noun may hold itself
        definitions[noun.__name__] = _noun(noun, definitions)
    return {"$ref": f"#/$defs/{noun.__name__}"}


def _noun(noun: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if issubclass(noun, BaseModel):
        return noun.model_json_schema(mode="serialization")
    hints = typing.get_type_hints(noun)
    properties = {field.name: _schema(hints[field.name], definitions) for field in dataclasses.fields(noun)}
    if noun is Trace:
        properties["times_s"] = {"type": "array", "items": {"type": ["number", "null"]}}
    description = {"description": (noun.__doc__ or "").partition("\n")[0]}
    return {
        **description,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
