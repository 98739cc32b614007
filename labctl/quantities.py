"""Numbers with units, as people write them: ``350 degC``, ``5 K/min``."""

from __future__ import annotations

import functools
import math
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labctl.files import shown

if TYPE_CHECKING:
    import pint
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Quantity", "format_value", "is_unit", "registry"]

_TEXT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[ \t]*(1\s*/.*?|[^\s\d.,+-].*?|)\s*", re.ASCII)
_NO_UNIT = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
)
"""What pint raises for text that is no unit."""


@functools.cache
def registry() -> pint.UnitRegistry[float]:
    """Return the one pint registry; sccm and ohm per square are defined."""
    import pint

    units: pint.UnitRegistry[float] = pint.UnitRegistry()
    units.define("sccm = cm**3 / min")  # at 0 degC and 101.325 kPa (SEMI E12)
    return units


def is_unit(text: str) -> bool:
    """Return whether a text is a unit; the empty one is that of a pure number."""
    try:
        registry().Unit(text)
    except _NO_UNIT:
        return False
    return True


@functools.lru_cache(maxsize=4096)
def _convert(number: float, unit: str, target: str) -> float:
    import pint

    try:
        converted = registry().Quantity(number, unit).m_as(target)
    except pint.DimensionalityError as error:
        raise ValueError(f"{number:g} {unit} cannot be given in {target}") from error
    except _NO_UNIT as error:
        raise ValueError(f"{unit!r} is not a unit") from error
    return float(f"{converted:.15g}")  # 1 um is 1000 nm, not 999.9999999999999, and a limit in another unit is met


def format_value(value: object, unit: str) -> str:
    """Return a value as a person would write it in a recipe."""
    if isinstance(value, float):
        return f"{float(value)!r} {unit}".strip()  # numpy's floats show themselves otherwise
    return f"{value} {unit}".strip() if isinstance(value, int) else str(value)


@dataclass(frozen=True)
class Quantity:
    """Annotation for a float that people give with a unit: ``Annotated[float, Quantity("W", 1, 300)]``.

    Args:
        unit: the unit of the float, as pint reads it; empty for a pure number.
        low: lowest value [unit].
        high: highest value [unit].
    """

    unit: str
    low: float = -math.inf
    high: float = math.inf

    def parse(self, value: object) -> float:
        """Return `value` in this unit.

        Args:
            value: text with a unit, a pint quantity, or a bare number where the unit is empty.

        Raises:
            ValueError: no or another kind of unit, not finite, or outside the range.
        """
        told = value.strip() if isinstance(value, str) else value
        number = self._number(told)
        if not math.isfinite(number):
            raise ValueError(f"{told} is not a finite number")
        if not self.low <= number <= self.high:
            raise ValueError(f"{told} is outside {self.range_text()}")
        return number

    def range_text(self) -> str:
        """Return the allowed range as text."""
        return f"{self.low:g}..{self.high:g} {self.unit}".strip()

    def _number(self, value: object) -> float:
        if isinstance(value, str):
            return self._number_in(value)
        if isinstance(value, float | int) and not isinstance(value, bool):
            number = float(str(value))  # infinite where float() would raise OverflowError
            if self.unit and math.isfinite(number):
                raise ValueError(f"{value} has no unit; write '{value} {self.unit}'")
            return number
        magnitude, units = getattr(value, "magnitude", None), getattr(value, "units", None)
        if magnitude is None or units is None:
            raise self._not_a_number(value)
        return _convert(float(magnitude), str(units), self.unit)

    def _number_in(self, text: str) -> float:
        match = _TEXT.fullmatch(text)
        if match is None:
            raise self._not_a_number(text)
        number, unit = float(match[1]), match[2]
        if unit == self.unit:
            return number
        if not self.unit:
            raise ValueError(f"{text!r} must be a pure number")
        if not unit:
            raise ValueError(f"{text!r} has no unit; write '{match[1]} {self.unit}'")
        return _convert(number, unit, self.unit)

    def _not_a_number(self, value: object) -> ValueError:
        wanted = f"a number with a unit, such as '1 {self.unit}'" if self.unit else "a number"
        return ValueError(f"{shown(value)} is not {wanted}")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `parse`; written back as text with the unit."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe the text that a person writes."""
        if not self.unit:
            limits = {"minimum": self.low, "maximum": self.high}
            return {"type": "number"} | {key: value for key, value in limits.items() if math.isfinite(value)}
        return {"type": "string", "description": f"a quantity in {self.range_text()}", "examples": [f"1 {self.unit}"]}
