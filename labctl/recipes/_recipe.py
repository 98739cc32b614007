"""What is to be done to a sample."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labctl.quantities import format_value
from labctl.recipes._timing import Timing


@dataclass(frozen=True)
class Operation:
    """One named step of a recipe on one station."""

    name: str
    kind: str
    """Which plan."""
    parameters: Mapping[str, Any]
    """In the units that the plan declares."""
    units: Mapping[str, str] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)

    @functools.cached_property
    def programme(self) -> tuple[str, tuple[tuple[str, Any], ...]]:
        """Kind and parameters: samples whose programmes are equal may share a load."""
        return self.kind, tuple(sorted(self.parameters.items()))

    def content(self) -> dict[str, Any]:
        """Return the entry of a recipe file that gives this operation again."""
        values = {key: format_value(value, self.units.get(key, "")) for key, value in self.parameters.items()}
        texts = {k: values[k] if k in self.units or isinstance(v, str) else v for k, v in self.parameters.items()}
        return {"name": self.name, "operation": self.kind, **self.timing.content(), **texts}


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
