"""When a station may work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Calendar(Protocol):
    """Opening hours, closures and reservations of a station, or the working hours of people."""

    def opens(self, at: float, length_s: float) -> float | None:
        """Return the earliest time from which the station may work without a break.

        Args:
            at: not before this [s since 1970-01-01 UTC].
            length_s: how long the work takes [s].

        Returns:
            `at` itself when it may begin then; None when there never is so long a time.
        """
        ...


@dataclass(frozen=True)
class _Always:
    def opens(self, at: float, length_s: float) -> float | None:
        """Return `at`."""
        return at


ALWAYS: Calendar = _Always()
"""The calendar of a station that may work at any time."""
