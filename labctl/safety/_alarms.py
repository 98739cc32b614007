"""Alarms and overrides, as the lines of a file tell them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

RAISED, CLEARED, ACTED = "raised", "cleared", "acted"
ACKNOWLEDGED, OVERRIDDEN, EXPIRED, REARMED, OPENED = "acknowledged", "overridden", "expired", "rearmed", "opened"
BY_PEOPLE = (ACKNOWLEDGED, OVERRIDDEN, EXPIRED, REARMED)
"""What concerns an interlock and is not found by watching."""
_EVENTS = (RAISED, CLEARED, ACTED, OPENED, *BY_PEOPLE)


@dataclass(frozen=True)
class Alarm:
    """Something was wrong and nobody has acknowledged it, or it still is."""

    name: str
    """Of the interlock or watchdog."""
    message: str
    severity: str
    action: str
    raised_at: float
    """Time of day of the first time [s since 1970-01-01 UTC]."""
    stations: tuple[str, ...] = ()
    n: int = 1
    """How often it was raised since it was last acknowledged."""
    active: bool = True
    """Whether it is still wrong."""
    acknowledged_by: str = ""
    note: str = ""
    done: str = ""
    """What was done."""
    failures: tuple[str, ...] = ()
    """What of it failed."""


@dataclass(frozen=True)
class Override:
    """Somebody takes the responsibility for an interlock, for a while."""

    name: str
    by: str
    reason: str
    until: float
    """Time of day [s since 1970-01-01 UTC]."""


@dataclass(frozen=True)
class Ledger:
    """Everything that the lines so far add up to."""

    alarms: Mapping[str, Alarm]
    overrides: Mapping[str, Override]
    opened: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What each program watches, as it last said."""
    virtual: bool = False
    """Whether the newest laboratory that opened the file runs on simulated time."""
    newest: float = 0.0
    """Time of day of the newest line [s since 1970-01-01 UTC]."""

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that is watched and may be overridden."""
        return tuple(dict.fromkeys(name for names in self.opened.values() for name in names))

    def after(self, line: Mapping[str, Any]) -> Ledger:
        """Return the ledger with one more line.

        Raises:
            KeyError, TypeError, ValueError: it is no line of this file.
        """
        event, now, by = line["event"], float(line["time"]), str(line["by"])
        if event not in _EVENTS:
            raise ValueError(f"unknown event {event!r}")
        ledger = replace(self, newest=max(self.newest, now))
        if event == OPENED:
            opened = {**self.opened, by: tuple(line["names"])}
            return replace(ledger, opened=opened, virtual=bool(line["virtual"]))
        name = str(line["name"])
        if event == OVERRIDDEN:
            override = Override(name, by, str(line["reason"]), float(line["until"]))
            return replace(ledger, overrides={**self.overrides, name: override})
        if event in (EXPIRED, REARMED):
            return replace(ledger, overrides={key: o for key, o in self.overrides.items() if key != name})
        if event == RAISED:
            return ledger._with(name, _raised(self.alarms.get(name), line, now))
        alarm = self.alarms.get(name)
        if alarm is None:
            return ledger
        if event == CLEARED:
            return ledger._with(name, None if alarm.acknowledged_by else replace(alarm, active=False))
        if event == ACKNOWLEDGED:
            known = replace(alarm, acknowledged_by=by, note=str(line["note"]))
            return ledger._with(name, known if alarm.active else None)
        return ledger._with(name, replace(alarm, done=str(line["done"]), failures=tuple(line["failures"])))

    def _with(self, name: str, alarm: Alarm | None) -> Ledger:
        others = {key: known for key, known in self.alarms.items() if key != name}
        return replace(self, alarms=others if alarm is None else {**others, name: alarm})


def _raised(before: Alarm | None, line: Mapping[str, Any], now: float) -> Alarm:
    is_new = before is None or before.acknowledged_by
    return Alarm(
        str(line["name"]),
        str(line["message"]),
        str(line["severity"]),
        str(line["action"]),
        now if is_new or before is None else before.raised_at,
        tuple(line["stations"]),
        1 if is_new or before is None else before.n + 1,
    )
