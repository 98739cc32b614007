"""From right to wrong and back: clear, pending, tripped, latched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Phase: TypeAlias = Literal["clear", "pending", "tripped", "latched"]
"""Nothing is wrong; it is, but not for long enough; it is; it is no more, and nobody has acknowledged it."""


@dataclass(frozen=True)
class State:
    """How it stands with one thing that is watched. Nothing here knows of files, devices or threads."""

    phase: Phase = "clear"
    wrong_since: float | None = None
    """Since when it is wrong without a break [s, monotonic]."""
    acknowledged: bool = False
    """While it is tripped: somebody has taken note."""

    @property
    def raised(self) -> bool:
        """Whether it counts: wrong for long enough, or not acknowledged since."""
        return self.phase in ("tripped", "latched")

    def advance(self, wrong: bool, now: float, hold_s: float = 0.0, *, armed: bool = True) -> State:
        """Return the state that follows.

        Args:
            wrong: whether it is wrong at the moment.
            now: [s, monotonic], not before any earlier call's.
            hold_s: how long it must be wrong before it trips [s].
            armed: False while it is overridden: it does not trip.
        """
        since = (now if self.wrong_since is None else self.wrong_since) if wrong else None
        due = armed and since is not None and now - since >= hold_s
        if self.phase == "tripped" and (not wrong or not armed):
            if not self.acknowledged:
                return State("latched", since)
        elif self.phase == "tripped":
            return replace(self, wrong_since=since)
        elif due:
            return State("tripped", since)
        elif self.phase == "latched":
            return State("latched", since)
        return State("clear" if since is None else "pending", since)

    def acknowledge(self) -> State:
        """Return the state after somebody took note; what is still wrong stays tripped."""
        if self.phase == "tripped":
            return replace(self, acknowledged=True)
        return State("clear" if self.wrong_since is None else "pending", self.wrong_since)
