"""Values as GEMD writes them, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labctl.exchange._units import common_unit
from labctl.records import Value

_BOOLEAN = "boolean"


def gemd_value(value: Value) -> dict[str, Any]:
    """Return a value as GEMD has it: text, a truth value or a number that is not finite is a category."""
    number = value.value
    kind = _kind(value)
    if kind == "categorical":
        return {"type": "nominal_categorical", "category": str(number)}
    if kind == "integer":
        return {"type": "nominal_integer", "nominal": number}
    return {"type": "nominal_real", "nominal": float(number), "units": common_unit(value.unit)}


def gemd_note(value: Value) -> str | None:
    """Return what stands beside a value so that it reads back as it was: its unit as labctl writes it."""
    return _BOOLEAN if isinstance(value.value, bool) else value.unit or None


def gemd_bounds(values: Sequence[Value]) -> dict[str, Any]:
    """Return the bounds of values of one kind and unit: the narrowest ones that hold them all."""
    kind = _kind(values[0])
    if kind == "categorical":
        return {"type": "categorical_bounds", "categories": sorted({str(value.value) for value in values})}
    numbers = [float(value.value) for value in values]
    if kind == "integer":
        return {"type": "integer_bounds", "lower_bound": int(min(numbers)), "upper_bound": int(max(numbers))}
    bounds = {"lower_bound": min(numbers), "upper_bound": max(numbers)}
    return {"type": "real_bounds", **bounds, "default_units": common_unit(values[0].unit)}


def template_of(operation: str, name: str, value: Value) -> str:
    """Return the id of the template of a parameter: one for each kind of value and unit."""
    return f"{operation}/{name}/{_kind(value)}/{value.unit}"


def read_values(attributes: Any) -> Iterator[tuple[str, Value]]:  # whatever the file holds
    """Yield the values of a list of attributes by name; a range gives its two ends."""
    for attribute in attributes if isinstance(attributes, list) else []:
        if isinstance(attribute, dict) and isinstance(attribute.get("value"), dict):
            name = str(attribute.get("name", ""))
            for part, value in _read(attribute["value"], str(attribute.get("notes") or "")):
                yield name + part, value


def _read(value: Mapping[str, Any], note: str) -> Iterator[tuple[str, Value]]:
    unit = str(value.get("units", ""))
    unit = note if note and common_unit(note) == unit else "" if unit == "dimensionless" else unit
    match value:
        case {"type": "nominal_categorical", "category": category}:
            yield "", _category(str(category), note)
        case {"type": "nominal_real" | "nominal_integer", "nominal": int() | float() as number}:
            yield "", Value(number, unit)
        case {"type": "normal_real", "mean": int() | float() as number}:
            yield "", Value(number, unit)
        case {"type": "uniform_real" | "uniform_integer", "lower_bound": low, "upper_bound": high}:
            yield ".min", Value(float(low), unit)
            yield ".max", Value(float(high), unit)


def _category(text: str, note: str) -> Value:
    if note == _BOOLEAN:
        return Value(text == "True")
    return Value(float(text), note) if text in ("nan", "inf", "-inf") else Value(text, note)


def _kind(value: Value) -> str:
    number = value.value
    if isinstance(number, bool | str) or number - number != 0:
        return "categorical"
    return "integer" if isinstance(number, int) and not value.unit else "real"
