"""Suggestions that wait for a person, and those that were refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labctl.campaign._envelope import Values, outside
from labctl.campaign._file import ApprovalEntry
from labctl.optimize import ID_KEY


@dataclass(frozen=True)
class Pending:
    """A suggestion that waits for a person."""

    trial: str
    point: Mapping[str, Any]
    reason: str
    """Why a person is asked."""
    until: float
    """Lab time [s] after which it is refused."""


@dataclass(frozen=True)
class Refusal:
    """A suggestion that is never made, though nothing went wrong."""

    by: str
    reason: str
    time: float | None = None
    """When [s since 1970-01-01 UTC]; None where the record does not tell."""

    @property
    def text(self) -> str:
        """Who refused it and why."""
        return f"refused by {self.by}: {self.reason}"


class Approvals:
    """Which suggestions a person has to approve, and what came of them.

    Args:
        entry: of the campaign file; None where nobody has to be asked.
        names: of the parameters.
        known: values known to be safe besides those that were done, by parameter.
    """

    def __init__(self, entry: ApprovalEntry | None, names: Sequence[str], known: Mapping[str, Sequence[Any]]) -> None:
        self._entry, self._names, self._known = entry, tuple(names), known
        self.pending: dict[str, Pending] = {}
        """By trial."""
        self.refused: dict[str, Refusal] = {}
        """By trial, also of suggestions that waited for nobody."""

    def reason(self, point: Mapping[str, Any], done: Iterable[Values]) -> str:
        """Return why a person has to approve a suggestion, or an empty text.

        Args:
            point: suggested.
            done: values of the trials that completed.
        """
        if self._entry is None:
            return ""
        if self._entry.when == "always":
            return "every suggestion is approved by a person"
        return outside({name: point[name] for name in self._names}, done, self._known)

    def wait_for(self, point: Mapping[str, Any], reason: str, now: float) -> None:
        """Keep a suggestion until a person answers, or nobody did in time; `now` is lab time [s]."""
        trial = str(point[ID_KEY])
        wait_s = 0.0 if self._entry is None else self._entry.wait * 3600
        self.pending[trial] = Pending(trial, point, reason, now + wait_s)

    def take(self, trial: str) -> Mapping[str, Any]:
        """Return a suggestion that waits for nobody any more; raises KeyError."""
        return self.pending.pop(trial).point

    def late(self, now: float) -> list[str]:
        """Return the trials that nobody answered in time; `now` is lab time [s]."""
        return [each.trial for each in self.pending.values() if each.until <= now]
