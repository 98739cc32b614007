"""What a target has yet to be told: merged, counted, and no more often than it was asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from labctl.notices._notice import Kind, Notice

GAP_S = 60.0
"""Least time between two messages of a kind, where the lab file gives none [s]."""
MOST = 100
"""How many different notices may wait; more are undelivered, the least severe first."""


@dataclass(frozen=True)
class Told:
    """A notice, and how often it was given."""

    notice: Notice
    """The last of those that are alike."""
    since: float
    """When it first waited [s, monotonic]."""
    first: float
    """When the first of them happened [s since 1970-01-01 UTC]."""
    count: int = 1


class Waiting:
    """Notices that wait for one target. It knows no thread and no clock: whoever calls brings the time.

    Args:
        gaps: least time between two messages of a kind [s]; `GAP_S` for one that is not named.
        repeat_after_s: least time between two messages that tell the same [s].
    """

    def __init__(self, gaps: Mapping[Kind, float], repeat_after_s: float) -> None:
        self._gaps, self._repeat_after_s = dict(gaps), repeat_after_s
        self._waiting: list[Told] = []
        self._told: list[tuple[float, Notice]] = []
        self._last: dict[Kind, float] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, notice: Notice, now: float) -> Told | None:
        """Let a notice wait; return what finds no room.

        Args:
            notice: to be told.
            now: time [s, monotonic].
        """
        return self.put_back(Told(notice, now, notice.time))

    def put_back(self, told: Told) -> Told | None:
        """Let notices wait again, with those like them that came meanwhile; return what finds no room."""
        for place, other in enumerate(self._waiting):
            if other.notice.is_like(told.notice):
                last = max(told.notice, other.notice, key=lambda notice: notice.time)
                both = replace(
                    told if told.since <= other.since else other, notice=last, count=told.count + other.count
                )
                self._waiting[place] = both
                return None
        self._waiting.append(told)
        if len(self._waiting) <= MOST:
            return None
        least = min(self._waiting, key=lambda entry: (entry.notice.rank, -entry.since))
        self._waiting.remove(least)
        return least

    def take(self, now: float, *, all_of_them: bool = False) -> list[Told]:
        """Take out what is to be told now in one message: of one kind, that of the most severe.

        Args:
            now: time [s, monotonic].
            all_of_them: also what would be told too early.
        """
        due = [told for told in self._waiting if all_of_them or self._not_before(told) <= now]
        due.sort(key=lambda told: (-told.notice.rank, told.since))
        taken = [told for told in due if told.notice.kind == due[0].notice.kind]
        self._waiting = [told for told in self._waiting if told not in taken]
        return taken

    def next_s(self, now: float) -> float | None:
        """Return the time until something is to be told [s], None while nothing waits."""
        return min((max(0.0, self._not_before(told) - now) for told in self._waiting), default=None)

    def delivered(self, told: Sequence[Told], now: float) -> None:
        """Remember what a target was told, and when [s, monotonic]."""
        self._told = [(time, notice) for time, notice in self._told if now - time < self._repeat_after_s]
        self._told += [(now, entry.notice) for entry in told]
        self._last |= {entry.notice.kind: now for entry in told}

    def _not_before(self, told: Told) -> float:
        kind = told.notice.kind
        gap = self._last.get(kind, -math.inf) + self._gaps.get(kind, GAP_S)
        again = [time + self._repeat_after_s for time, notice in self._told if notice.is_like(told.notice)]
        return max(gap, *again) if again else gap
