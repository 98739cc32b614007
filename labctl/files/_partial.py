"""What is right of a file that is wrong."""

from __future__ import annotations

import types
import typing
from contextlib import suppress
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

Model = TypeVar("Model", bound=BaseModel)


def as_far_as_right(model: type[Model], content: object) -> Model:
    """Return what is right of a file that is wrong, so that all the rest of it can be checked at once.

    What is wrong, or missing, has its default, or is empty: ``""``, 0, ``[]``, ``{}``.

    Args:
        model: that refused the content.
        content: as read from the file.
    """
    given = content if isinstance(content, dict) else {}
    values = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        declared = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        otherwise = _empty(field.annotation) if field.is_required() else field.get_default(call_default_factory=True)
        values[key] = _right(declared, given[key], otherwise) if key in given else otherwise
    return model.model_construct(**values)


def _right(annotation: Any, value: object, otherwise: object) -> Any:
    with suppress(ValidationError):
        return TypeAdapter(annotation).validate_python(value)
    for plain in _alternatives(annotation):
        origin, arguments = typing.get_origin(plain), typing.get_args(plain)
        if _is_model(plain) and isinstance(value, dict):
            return as_far_as_right(plain, value)
        if origin is dict and isinstance(value, dict):
            return {key: _right(arguments[1], entry, _empty(arguments[1])) for key, entry in value.items()}
        if origin is list and isinstance(value, list):
            return [_right(arguments[0], entry, _empty(arguments[0])) for entry in value]
    return otherwise


def _empty(annotation: Any) -> Any:
    plain = _alternatives(annotation)[-1]
    if _is_model(plain):
        return as_far_as_right(plain, {})
    if typing.get_origin(plain) is typing.Literal:
        return typing.get_args(plain)[0]
    return None if plain is Any else (typing.get_origin(plain) or plain)()


def _alternatives(annotation: Any) -> list[Any]:
    """Return the types that an annotation allows."""
    if typing.get_origin(annotation) is Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [plain for branch in typing.get_args(annotation) for plain in _alternatives(branch)]
    return [annotation]


def _is_model(plain: Any) -> bool:
    return isinstance(plain, type) and issubclass(plain, BaseModel)
