"""When a station may work, by the laboratory's calendar file."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence

from labctl.lab._ical import CalendarEvent

Span = tuple[float, float]
_DAY_S = 86400.0
_BLOCK_S = 60 * _DAY_S
"""Occurrences are worked out for so long at once."""
HORIZON_S = 366 * _DAY_S
"""How far ahead a free time is looked for."""


class StationCalendar:
    """The opening hours of one station.

    Args:
        events: of the calendar file that concern the station.
        attended: whether it works only while people are there.
    """

    def __init__(self, events: Iterable[CalendarEvent], *, attended: bool) -> None:
        listed = tuple(events)
        self._taken = [event for event in listed if not event.is_presence]
        self._present = [event for event in listed if event.is_presence]
        self._attended = attended
        self._blocks: dict[int, list[Span]] = {}

    def opens(self, at: float, length_s: float) -> float | None:
        """Return the earliest time [s since 1970-01-01 UTC] from which it may work so long [s] without a break.

        Args:
            at: not before this.
            length_s: how long the work takes.

        Returns:
            None when there is no such time within `HORIZON_S`.
        """
        for begin, end in self.free(at, at + HORIZON_S):
            if end - begin >= length_s:
                return begin
        return None

    def free(self, begin: float, end: float) -> Iterator[Span]:
        """Yield the spans of time in which it may work, cut off at both ends [s since 1970-01-01 UTC]."""
        left = begin
        for closed, opened in self._closed(begin, end):
            if closed > left:
                yield left, min(closed, end)
            left = max(left, opened)
            if left >= end:
                return
        if left < end:
            yield left, end

    def down_s(self, begin: float, end: float) -> float:
        """Return how much of a span of time it may not work [s]."""
        return (end - begin) - sum(until - since for since, until in self.free(begin, end))

    def _closed(self, begin: float, end: float) -> Iterator[Span]:
        """Yield the spans in which it may not work, in order; those that touch are one."""
        last: Span | None = None
        for number in range(int(begin // _BLOCK_S), int(end // _BLOCK_S) + 1):
            spans = self._block(number)
            first = bisect.bisect_left(spans, (begin, begin)) if number == int(begin // _BLOCK_S) else 0
            for span in spans[max(0, first - 1) :]:
                if span[1] <= begin:
                    continue
                if last is not None and span[0] <= last[1]:
                    last = (last[0], max(last[1], span[1]))
                    continue
                if last is not None:
                    yield last
                last = span
        if last is not None:
            yield last

    def _block(self, number: int) -> list[Span]:
        if number not in self._blocks:
            begin, end = number * _BLOCK_S, (number + 1) * _BLOCK_S
            spans = [span for event in self._taken for span in event.occurrences(begin, end)]
            if self._attended:
                there = [span for event in self._present for span in event.occurrences(begin, end)]
                spans += gaps(merged(there), begin, end)
            cut = [(max(begin, since), min(end, until)) for since, until in spans]
            self._blocks[number] = merged([span for span in cut if span[0] < span[1]])
        return self._blocks[number]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans of time in order; those that touch are one."""
    whole: list[Span] = []
    for since, until in sorted(spans):
        if whole and since <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], until))
        else:
            whole.append((since, until))
    return whole


def gaps(spans: Sequence[Span], begin: float, end: float) -> list[Span]:
    """Return what of a span of time others leave uncovered."""
    left, found = begin, list[Span]()
    for since, until in spans:
        if since > left:
            found.append((left, since))
        left = max(left, until)
    if left < end:
        found.append((left, end))
    return found
