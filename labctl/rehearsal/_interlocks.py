"""Interlocks that trip during a night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labctl.safety import AlarmBoard


@dataclass(frozen=True)
class Trip:
    """An interlock that was raised."""

    name: str
    action: str
    """``warn``, ``hold``, ``abort`` or ``safe``."""
    message: str
    """What was wrong, the first time."""
    n: int
    """How often."""

    @property
    def warns_only(self) -> bool:
        """Whether nothing was done but telling people."""
        return self.action == "warn"


def trips_of(folder: Path) -> tuple[Trip, ...]:
    """Return every interlock that was raised in a night, by name.

    Args:
        folder: of the night's store.

    Raises:
        StoreError: the board cannot be read.
    """
    raised = [line for line in AlarmBoard(folder, lambda: 0.0).history() if line["event"] == "raised"]
    counts = Counter(str(line["name"]) for line in raised)
    first = {str(line["name"]): line for line in reversed(raised)}
    return tuple(
        Trip(name, str(first[name]["action"]), str(first[name]["message"]), counts[name]) for name in sorted(first)
    )


def told(trips: Sequence[Trip]) -> set[str]:
    """Return what the trips tell, in words."""
    return {f"interlock {trip.name}: {trip.message}" for trip in trips}
