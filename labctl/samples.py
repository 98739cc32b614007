"""What is made and measured, and where it lies."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Sample", "place", "station_of"]

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]*$")


@dataclass(frozen=True)
class Sample:
    """One piece of material on one substrate.

    Raises:
        ValueError: the name holds other characters than letters, digits, ``_`` and ``-``.
    """

    name: str
    substrate: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"sample name {self.name!r} must hold letters, digits, '_' and '-' only")


def place(owner: str, number: int) -> str:
    """Return the name of a place: ``furnace_a.3`` is the third in the station or rack ``furnace_a``."""
    return f"{owner}.{number}"


def station_of(location: str) -> str:
    """Return the station or rack that a place belongs to."""
    return location.rpartition(".")[0]
