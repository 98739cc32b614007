"""When a lab file's stations cannot work: closed by the calendar, or made ready between kinds of operation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from labctl.lab._file import LabFile
from labctl.lab._ical import read_calendar
from labctl.lab._opening import Span, StationCalendar, gaps


def closings(file: LabFile) -> Callable[[str, float, float], list[Span]]:
    """Return what takes a station and a span of time [s since 1970-01-01 UTC], and returns when it may not work then.

    Raises:
        FileError: the calendar file is wrong.
    """
    events = read_calendar(Path(file.calendar), file.stations) if file.calendar else ()
    calendars = {
        name: StationCalendar([e for e in events if e.concerns(name)], attended=entry.attended)
        for name, entry in file.stations.items()
        if any(event.concerns(name) for event in events)
    }

    def closed(station: str, begin: float, end: float) -> list[Span]:
        if station not in calendars:
            return []
        return gaps(list(calendars[station].free(begin, end)), begin, end)

    return closed


def changeovers(file: LabFile) -> Callable[[str, str, str], float]:
    """Return what takes a station and two kinds of operation, and returns how long it is made ready [s]."""

    def changeover_s(station: str, before: str, kind: str) -> float:
        entry = file.stations[station]
        return 0.0 if before == kind else entry.clean_down.get(before, 0.0) + entry.set_up.get(kind, 0.0)

    return changeover_s
