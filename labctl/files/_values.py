"""Single values of files: text of a certain form, and what may be a number or text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from labctl.files._problems import shown

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Text:
    """Annotation for text of a certain form: ``Annotated[str, Text("[a-z]+", "lower-case letters")]``.

    Args:
        pattern: regular expression for all of it.
        form: the same in words.
    """

    pattern: str
    form: str

    def check(self, value: str) -> str:
        """Return `value`.

        Raises:
            ValueError: it has another form.
        """
        if re.fullmatch(self.pattern, value) is None:
            raise ValueError(f"{value!r} must be {self.form}" if value else f"must not be empty: {self.form}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after pydantic has made sure that it is text."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Give editors the pattern."""
        return {**handler(schema), "pattern": f"^{self.pattern}$"}


@dataclass(frozen=True)
class Day:
    """Annotation for a day as text, YYYY-MM-DD; empty for none."""

    def check(self, value: str) -> str:
        """Return `value`.

        Raises:
            ValueError: it is no day.
        """
        try:
            return value and date.fromisoformat(value).isoformat()
        except ValueError as error:
            raise ValueError(f"{value!r} is not a day such as '2027-03-31'") from error

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after pydantic has made sure that it is text."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Give editors the pattern."""
        return {**handler(schema), "pattern": r"^(\d{4}-\d{2}-\d{2})?$"}


LABEL = Text("[A-Za-z0-9][A-Za-z0-9_-]*", "letters, digits, '_' and '-', a letter or digit first")
"""A name that may also be part of a file's."""


def _scalar(value: object) -> object:
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"must be a number or text, such as '40 W', not {shown(value)}")


Scalar = Annotated[bool | int | float | str, BeforeValidator(_scalar)]
"""A number, truth value or text, such as a quantity with its unit."""
