"""Numbers with units, as people write them: ``350 degC``, ``5 K/min``."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pint
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Quantity", "format_value", "registry"]

_TEXT = re.compile(r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*$")


@functools.cache
def registry() -> pint.UnitRegistry[float]:
    """Return the one pint registry; sccm and ohm per square are defined."""
    import pint

    units: pint.UnitRegistry[float] = pint.UnitRegistry()
    units.define("sccm = cm**3 / min")  # at 0 degC and 101.325 kPa (SEMI E12)
    return units


def _difference(unit: str) -> str:
    """Return `unit` with degC read as a difference where it is part of a compound (``degC/min``)."""
    return unit if unit == "degC" else re.sub(r"\bdegC\b", "delta_degC", unit)


@functools.lru_cache(maxsize=4096)
def _convert(number: float, unit: str, target: str) -> float:
    import pint

    units = registry()
    try:
        return float(units.Quantity(number, _difference(unit)).m_as(_difference(target)))
    except pint.DimensionalityError as error:
        raise ValueError(f"{number:g} {unit} cannot be given in {target}") from error
    except (pint.UndefinedUnitError, pint.DefinitionSyntaxError, AttributeError, TypeError, SyntaxError) as error:
        raise ValueError(f"{unit!r} is not a unit") from error


def format_value(value: object, unit: str) -> str:
    """Return a value as a person would write it in a recipe."""
    return f"{value!r} {unit}".strip() if isinstance(value, float | int) else str(value)


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
        number = self._number(value)
        if not math.isfinite(number):
            raise ValueError(f"{value} is not a finite number")
        if not self.low <= number <= self.high:
            raise ValueError(f"{value} is outside {self.range_text()}")
        return number

    def range_text(self) -> str:
        """Return the allowed range as text."""
        return f"{self.low:g}..{self.high:g} {self.unit}".strip()

    def _number(self, value: object) -> float:
        if isinstance(value, bool):
            raise ValueError(f"{value} is not a quantity")
        if isinstance(value, float | int):
            if self.unit:
                raise ValueError(f"{value} has no unit; write '{value} {self.unit}'")
            return float(value)
        if isinstance(value, str):
            match = _TEXT.match(value)
            if match is None:
                raise ValueError(f"{value!r} is not a number with a unit, such as {f'1 {self.unit}'.strip()!r}")
            number, unit = float(match[1]), match[2]
            if bool(unit) != bool(self.unit):
                hint = f"has no unit; write '{match[1]} {self.unit}'" if self.unit else "must be a pure number"
                raise ValueError(f"{value!r} {hint}")
            return _convert(number, unit, self.unit) if unit else number
        magnitude, units = getattr(value, "magnitude", None), getattr(value, "units", None)
        if magnitude is None or units is None:
            raise ValueError(f"{value!r} is not a quantity")
        return _convert(float(magnitude), f"{units:~}" if self.unit else str(units), self.unit)

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
