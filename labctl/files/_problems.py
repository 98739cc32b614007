"""Mistakes in words that a tired person understands."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Tag, ValidationError

from labctl.errors import Problem

_SHOWN_LENGTH = 60

_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping (key: value)",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "int_type": "must be a whole number",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "model_type": "must be a mapping (key: value)",
    "string_type": "must be text",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
}
"""What pydantic's kinds of error mean."""


def closest(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that a mistyped one must mean, or None."""
    return next(iter(difflib.get_close_matches(str(name), list(known), n=1)), None)


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ``; did you mean 'x'?`` or the list of what is known."""
    close = closest(name, known)
    if close is not None:
        return f"; did you mean {close!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""


def shown(value: object) -> str:
    """Return a value as a message shows it: on one line, not too long."""
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 3]}..."


def problems_of(
    error: ValidationError, model: type[BaseModel], prefix: str = "", more_keys: Sequence[str] = ()
) -> list[Problem]:
    """Return pydantic's findings as problems a person can act on.

    Args:
        error: as raised by `model`.
        model: what was to be made; its keys are those a mistyped one may have meant.
        prefix: path of the model in the file.
        more_keys: which the mapping may have besides the model's.
    """
    problems, meant = [], set[str]()
    for entry in error.errors():
        path, keys = _place(model, entry["loc"], prefix)
        kind, value = entry["type"], entry.get("input")
        context: Mapping[str, Any] = entry.get("ctx", {})
        if kind == "extra_forbidden":
            given, known = str(entry["loc"][-1]), (*keys, *more_keys)
            text = f"unknown key{nearest(given, known)}"
            meant.add(path.removesuffix(given) + (closest(given, known) or given))
        elif kind == "missing":
            text = "is required"
        elif kind == "value_error":
            text = " ".join(str(context["error"]).split())
        elif kind.endswith("too_short") and context["min_length"] == 1:
            text = "must not be empty"
        else:
            text = f"{_WORDS.get(kind, entry['msg']).format(**context)}, not {shown(value)}"
        problems.append(Problem(path, text))
    return [problem for problem in problems if problem.message != "is required" or problem.where not in meant]


def _place(model: type[BaseModel], location: Sequence[int | str], prefix: str) -> tuple[str, tuple[str, ...]]:
    """Return the path as a person would write it, and the keys of the mapping in which it ends."""
    path, here, keys = prefix, model, tuple[str, ...]()
    for part in location:
        if part == "[key]":
            continue
        branches = {tag: branch for branch in _branches(here) for tag in _tags(branch)}
        if part in branches:
            here = branches[str(part)]
            continue
        keys = _keys(here)
        here = _inside(here, part)
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path, keys


def _branches(annotation: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else ()


def _tags(branch: Any) -> list[str]:
    return [entry.tag for entry in typing.get_args(branch)[1:] if isinstance(entry, Tag)]


def _model(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation means, alone or where it may also be None."""
    if typing.get_origin(annotation) is Annotated:
        return _model(typing.get_args(annotation)[0])
    models = [a for a in (annotation, *_branches(annotation)) if isinstance(a, type) and issubclass(a, BaseModel)]
    return models[0] if models else None


def _keys(annotation: Any) -> tuple[str, ...]:
    model = _model(annotation)
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model is not None else ()


def _inside(annotation: Any, part: int | str) -> Any:
    """Return the annotation of what lies under a key or index, or None where nothing is declared."""
    model = _model(annotation)
    if model is not None:
        return next(
            (field.annotation for name, field in model.model_fields.items() if part in (name, field.alias)), None
        )
    if typing.get_origin(annotation) is Annotated:
        return _inside(typing.get_args(annotation)[0], part)
    return (typing.get_args(annotation) or (None,))[-1]
