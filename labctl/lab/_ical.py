"""An iCalendar file: when tools are taken or closed, and when people are there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from labctl.errors import FileError, Problem
from labctl.files import nearest

WORKING_HOURS = "WORKING-HOURS"
"""Category of the events in which people are there; every other event takes the stations it names."""


@dataclass(frozen=True)
class CalendarEvent:
    """One event of a calendar file, with all its occurrences."""

    summary: str
    stations: frozenset[str]
    """That it is about; empty: all of them."""
    is_presence: bool
    """Whether people are there then; otherwise the stations are taken or closed."""
    start: datetime
    """Of the first occurrence, with its time zone."""
    length: timedelta
    rules: tuple[Any, ...] = ()  # dateutil's, on local times without a zone
    until: datetime | None = None
    more: tuple[datetime, ...] = ()
    but: frozenset[datetime] = field(default_factory=frozenset)

    def concerns(self, station: str) -> bool:
        """Return whether it is about a station."""
        return not self.stations or station in self.stations

    def occurrences(self, begin: float, end: float) -> Iterator[tuple[float, float]]:
        """Yield begin and end [s since 1970-01-01 UTC] of each occurrence that touches a span of time."""
        zone, length_s = self.start.tzinfo, self.length.total_seconds()
        first = datetime.fromtimestamp(begin - length_s, zone).replace(tzinfo=None) - timedelta(days=1)
        last = datetime.fromtimestamp(end, zone).replace(tzinfo=None) + timedelta(days=1)
        starts = {self.start, *self.more} if not self.rules else {*self.more}
        for rule in self.rules:
            starts |= {local.replace(tzinfo=zone) for local in rule.between(first, last, inc=True)}
        for start in sorted(starts):
            if start in self.but or (self.until is not None and start > self.until):
                continue
            began = start.timestamp()
            ended = (start + self.length).timestamp() if self.length.days else began + length_s
            if began < end and ended > begin:
                yield began, ended


def read_calendar(path: Path, stations: Collection[str]) -> tuple[CalendarEvent, ...]:
    """Return the events of an iCalendar file (RFC 5545) that say when stations may work.

    An event's ``LOCATION`` or ``RESOURCES`` names stations, with commas between them; without, it is about the whole
    laboratory. ``CATEGORIES:WORKING-HOURS`` says that people are there. Cancelled and transparent events say nothing.
    Times without a zone, and whole days, are in the zone of ``X-WR-TIMEZONE``, in UTC without it.

    Args:
        path: of the file.
        stations: that there are.

    Raises:
        FileError: the file is wrong, with everything that is.
    """
    from icalendar import Calendar

    try:
        calendar: Any = Calendar.from_ical(path.read_bytes())  # its properties have no common type
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise FileError(str(path), [Problem("file", f"is no iCalendar file: {error}")]) from error
    zone, problems = _zone(str(calendar.get("X-WR-TIMEZONE", "UTC")))
    found: list[CalendarEvent] = []
    moved: dict[str, set[datetime]] = {}
    entries = [entry for entry in calendar.walk("VEVENT") if _counts(entry)]
    for entry in calendar.walk("VEVENT"):
        if "RECURRENCE-ID" in entry:
            moved.setdefault(str(entry.get("UID", "")), set()).add(_moment(entry["RECURRENCE-ID"].dt, zone))
    for entry in entries:
        summary = str(entry.get("SUMMARY", "")) or str(entry.get("UID", "event"))
        try:
            exceptions = moved.get(str(entry.get("UID", "")), set()) if "RECURRENCE-ID" not in entry else set()
            found.append(_event(entry, summary, zone, exceptions))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            problems.append(Problem(f"event {summary!r}", str(error)))
            continue
        for name in sorted(found[-1].stations - set(stations)):
            text = f"no station is called {name!r}{nearest(name, tuple(stations))}"
            problems.append(Problem(f"event {summary!r}, LOCATION", text))
    if problems:
        raise FileError(str(path), problems)
    return tuple(found)


def _counts(entry: Mapping[str, Any]) -> bool:
    status, transparency = str(entry.get("STATUS", "")).upper(), str(entry.get("TRANSP", "")).upper()
    return status != "CANCELLED" and transparency != "TRANSPARENT"


def _zone(name: str) -> tuple[tzinfo, list[Problem]]:
    try:
        return (UTC if name == "UTC" else ZoneInfo(name)), []
    except (ZoneInfoNotFoundError, ValueError):
        return UTC, [Problem("X-WR-TIMEZONE", f"unknown time zone {name!r}")]


def _moment(value: date | datetime, zone: tzinfo) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)


def _event(entry: Any, summary: str, zone: tzinfo, moved: Collection[datetime]) -> CalendarEvent:
    if "DTSTART" not in entry:
        raise ValueError("has no DTSTART")
    given = entry["DTSTART"].dt
    start = _moment(given, zone)
    if "DTEND" in entry:
        length = _moment(entry["DTEND"].dt, zone).replace(tzinfo=None) - start.replace(tzinfo=None)
        if _moment(entry["DTEND"].dt, zone).tzinfo != start.tzinfo:
            length = _moment(entry["DTEND"].dt, zone) - start
    elif "DURATION" in entry:
        length = entry["DURATION"].dt
    else:
        length = timedelta(0) if isinstance(given, datetime) else timedelta(days=1)
    if length <= timedelta(0):
        raise ValueError("ends before it begins, or at once")
    rules, until = _rules(entry, start)
    named = [str(entry.get("LOCATION", "")), *_listed(entry, "RESOURCES")]
    stations = frozenset(name.strip() for text in named for name in text.split(",") if name.strip())
    categories = {category.upper() for category in _listed(entry, "CATEGORIES")}
    return CalendarEvent(
        summary,
        stations,
        WORKING_HOURS in categories,
        start,
        length,
        rules,
        until,
        tuple(_dates(entry, "RDATE", zone)),
        frozenset([*_dates(entry, "EXDATE", zone), *moved]),
    )


def _rules(entry: Any, start: datetime) -> tuple[tuple[Any, ...], datetime | None]:
    """Return the recurrence on local times, so that nine o'clock stays nine o'clock, and its end."""
    if "RRULE" not in entry:
        return (), None
    from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # has no stubs

    if isinstance(entry["RRULE"], list):
        raise ValueError("has several RRULE; RFC 5545 allows one")
    given = dict(entry["RRULE"])
    ends = given.pop("UNTIL", [None])[0]
    until = None
    if ends is not None:
        whole_day = not isinstance(ends, datetime)
        until = _moment(ends, start.tzinfo or UTC) + (timedelta(days=1, microseconds=-1) if whole_day else timedelta(0))
    text = type(entry["RRULE"])(given).to_ical().decode()
    return (rrulestr(text, dtstart=start.replace(tzinfo=None), cache=True),), until


def _listed(entry: Any, key: str) -> list[str]:
    """Return the texts of a property that may be a list, and may be there several times."""
    values = entry.get(key, [])
    values = values if isinstance(values, list) else [values]
    return [str(text) for value in values for text in getattr(value, "cats", [value])]


def _dates(entry: Any, key: str, zone: tzinfo) -> list[datetime]:
    values = entry.get(key, [])
    values = values if isinstance(values, list) else [values]
    return [_moment(each.dt, zone) for value in values for each in value.dts]
