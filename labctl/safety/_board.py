"""The alarms of a laboratory, in a file that outlives every process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from labctl.clock import RealClock
from labctl.errors import RegistryError, StoreError
from labctl.files import nearest
from labctl.interlocks import Response
from labctl.safety._alarms import (
    ACKNOWLEDGED,
    ACTED,
    BY_PEOPLE,
    CLEARED,
    EXPIRED,
    OPENED,
    OVERRIDDEN,
    RAISED,
    REARMED,
    Alarm,
    Ledger,
    Override,
)
from labctl.safety._lines import Lines

FILE = "alarms.jsonl"
LONGEST_OVERRIDE_S = 24 * 3600.0


class AlarmBoard:
    """Alarms that are latched until somebody acknowledges them, and overrides that end by themselves.

    The file is the truth. Any number of processes may have a board of the same folder: each writes in its turn and
    sees what the others wrote. A person may so acknowledge from another terminal, whether a campaign runs or not.

    Args:
        folder: of the store.
        now: tells the time of day [s since 1970-01-01 UTC].
        source: which program raises alarms here.

    Raises:
        StoreError: the file cannot be read, or a line of it is wrong.
    """

    def __init__(self, folder: Path, now: Callable[[], float], source: str = "controller") -> None:
        self._lines, self._now, self.source = Lines(folder / FILE), now, source
        self._ledger = Ledger({}, {})
        self._news: list[Mapping[str, Any]] = []
        self._lock = threading.Lock()
        self.refresh()
        self._news.clear()

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Return the board of a folder for a person; where time is simulated, it stands where it was last written.

        Raises:
            StoreError: there is no such folder, or its file is wrong.
        """
        if not folder.is_dir():
            raise StoreError(f"{folder} is no store: no such folder")
        board = cls(folder, RealClock().time, "person")
        if board._ledger.virtual:
            board._now = lambda: board._ledger.newest
        return board

    # What anybody may ask.

    @property
    def alarms(self) -> Mapping[str, Alarm]:
        """Every alarm that is still wrong or not acknowledged, by name, the oldest first."""
        return dict(sorted(self._ledger.alarms.items(), key=lambda item: item[1].raised_at))

    @property
    def overrides(self) -> Mapping[str, Override]:
        """Every override in force, by name."""
        now = self._now()
        return {name: override for name, override in self._ledger.overrides.items() if override.until > now}

    @property
    def names(self) -> tuple[str, ...]:
        """What may be overridden: all that the controller or a supervisor last said to watch."""
        return self._ledger.names

    def refresh(self) -> None:
        """Take in what other processes wrote.

        Raises:
            StoreError: the file cannot be read, or a line of it is wrong.
        """
        with self._lock:
            self._take(self._lines.read())

    def news(self) -> Sequence[Mapping[str, Any]]:
        """Return what people did, and what ended by itself, since the last call; whoever wrote it."""
        with self._lock:
            told, self._news = self._news, []
        return told

    def history(self) -> Sequence[Mapping[str, Any]]:
        """Return every line of the file, the oldest first; raises StoreError."""
        return Lines(self._lines.path).read()

    # What a person does.

    def acknowledge(self, name: str, by: str, note: str = "") -> None:
        """Take note of an alarm; what is still wrong stays on the board until it is right.

        Args:
            name: of the alarm.
            by: who.
            note: in their words.

        Raises:
            RegistryError: there is no such alarm, it is acknowledged already, or nobody says so.
            StoreError: it cannot be written.
        """

        def check() -> None:
            _require(by, "who acknowledges it")
            if name not in self._ledger.alarms:
                raise RegistryError(f"no alarm {name!r} is waiting{nearest(name, tuple(self._ledger.alarms))}")
            if known := self._ledger.alarms[name].acknowledged_by:
                raise RegistryError(f"{name} was acknowledged by {known}; it goes when it is right again")

        self._write(ACKNOWLEDGED, check, name=name, by=by.strip(), note=note)

    def override(self, name: str, by: str, reason: str, duration_s: float) -> Override:
        """Let an interlock do nothing for a while; it is armed again by itself.

        Args:
            name: of the interlock.
            by: who takes the responsibility.
            reason: why.
            duration_s: [s], above 0, to 24 h.

        Raises:
            RegistryError: no such interlock, no name, no reason, or too long.
            StoreError: it cannot be written.
        """

        def check() -> None:
            _require(by, "who takes the responsibility")
            _require(reason, "the reason")
            if name not in self._ledger.names:
                raise RegistryError(f"no interlock {name!r} is watched here{nearest(name, self._ledger.names)}")
            if not 0 < duration_s <= LONGEST_OVERRIDE_S:
                raise RegistryError(f"an override of {duration_s:g} s is outside 0..{LONGEST_OVERRIDE_S / 3600:g} h")

        until = self._now() + duration_s
        self._write(OVERRIDDEN, check, name=name, by=by.strip(), reason=reason.strip(), until=until)
        return self._ledger.overrides[name]

    def rearm(self, name: str, by: str) -> None:
        """End an override before its time.

        Raises:
            RegistryError: it is not overridden, or nobody says so.
            StoreError: it cannot be written.
        """

        def check() -> None:
            _require(by, "who arms it")
            if name not in self._ledger.overrides:
                raise RegistryError(f"{name!r} is not overridden{nearest(name, tuple(self._ledger.overrides))}")

        self._write(REARMED, check, name=name, by=by.strip())

    # What the watch writes.

    def opened(self, names: Sequence[str], *, virtual: bool) -> None:
        """Write down that a laboratory is watched, and what may be overridden; raises StoreError."""
        self._write(OPENED, names=list(names), virtual=virtual)

    def raised(self, name: str, message: str, response: Response) -> Alarm:
        """Write an alarm down and return it; raises StoreError."""
        self._write(
            RAISED,
            name=name,
            message=message,
            severity=response.severity,
            action=response.action,
            stations=list(response.stations),
        )
        return self._ledger.alarms[name]

    def cleared(self, name: str) -> None:
        """Write down that it is right again; raises StoreError."""
        self._write(CLEARED, name=name)

    def acted(self, name: str, done: str, failures: Sequence[str]) -> None:
        """Write down what was done and what of it failed; raises StoreError."""
        self._write(ACTED, name=name, done=done, failures=list(failures))

    def expire(self) -> None:
        """Arm what was overridden for long enough; raises StoreError."""
        for name, override in dict(self._ledger.overrides).items():
            if override.until <= self._now():
                self._write(EXPIRED, name=name)

    def _write(self, event: str, check: Callable[[], None] = lambda: None, **about: Any) -> None:
        """Write a line in our turn, after `check` has seen what others wrote before."""
        with self._lock, self._lines.turn() as lines:
            self._take(lines)
            check()
            line = {"event": event, "time": self._now(), "by": self.source, **about}
            self._lines.append(line)
            self._take([line])

    def _take(self, lines: Sequence[Mapping[str, Any]]) -> None:
        for line in lines:
            try:
                self._ledger = self._ledger.after(line)
            except (KeyError, TypeError, ValueError) as error:
                raise StoreError(f"{self._lines.path}: {line!r} is no line of this file: {error!r}") from error
            if line["event"] in BY_PEOPLE:
                self._news.append(line)


def _require(text: str, what: str) -> None:
    if not text.strip():
        raise RegistryError(f"say {what}: it is recorded")
