"""Documents are validated against event-model's schemas by a compiled validator.

event-model validates every document it composes with pure-Python jsonschema, which is most of an
event's cost (0.5 ms). jsonschema-rs does the same with the same schemas in 2 us.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
from event_model import schema_validators, schemas

__all__ = ["fast_validation"]


class _Compiled:
    """Stands in for one of event-model's validators."""

    def __init__(self, schema: Any, original: Any) -> None:  # as event-model has them
        self._is_valid = jsonschema_rs.validator_for(schema).is_valid
        self._original = original

    def validate(self, document: Mapping[str, Any]) -> None:
        """Raise jsonschema's ValidationError for a wrong document."""
        try:
            valid = self._is_valid(document)
        except (ValueError, TypeError):  # holds a value that is no JSON
            valid = False
        if not valid:
            self._original.validate(document)  # decides, and says what is wrong


@functools.cache
def fast_validation() -> None:
    """Give event-model the compiled validators, once per process."""
    for name, original in list(schema_validators.items()):
        schema_validators[name] = _Compiled(schemas[name], original)
