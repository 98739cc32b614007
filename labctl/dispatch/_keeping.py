"""Which of the wanted loads are begun: those with which every window is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from typing_extensions import override

from labctl.dispatch._carrying import carry_next
from labctl.dispatch._due import Due
from labctl.dispatch._forecast import SUCCESS, Forecast
from labctl.dispatch._policy import Choice, Decision
from labctl.dispatch._port import Move, Port
from labctl.dispatch._promises import Promises
from labctl.dispatch._traveller import Traveller
from labctl.dispatch._urgency import work_ahead
from labctl.samples import station_of

if TYPE_CHECKING:
    from labctl.dispatch._line import Line

_UNDER_WAY = ("changing", "loading", "busy", "retrying", "waiting")


def keep(line: Line, wanted: Decision) -> Decision:
    """Return as much of a decision as can be done so that every window is kept.

    A line is safe while `Due`, which begins nothing new, would keep every window from here on. A load is begun only
    where the line stays safe: a copy of it, with its stations, places, mover and calendars, is played through until all
    that is due has begun. Where what is wanted is not safe, what is due is done, or nothing; one of them is what the
    copy did that was played through before. So a load that is begun breaks no promise that was given with another, and
    a window is missed only where something came otherwise than was foreseen, or where it cannot be kept at all.

    Where a window is lost already, a load is begun that loses no more.
    """
    work = work_ahead(line) if wanted.choices else {}
    if not _may_miss(line) and not any(_binds(line, c.port, t) for c in wanted.choices for t in c.travellers):
        return Decision(wanted.choices, wanted.look_again, work)
    due = Due().decide(line)
    look_again = min(wanted.look_again, due.look_again)
    if not wanted.choices and not due.choices:
        return Decision((), look_again)
    if not _Outlook(line, wanted.choices, work).n_missed(0):
        return Decision(wanted.choices, look_again, work)
    kept, lost = list(due.choices), _Outlook(line, due.choices).n_missed()
    if lost and kept and (without := _Outlook(line).n_missed()) < lost:
        kept, lost = [], without
    more = _more(line, kept, lost, wanted.choices, work)
    if len(more) == len(kept) and is_idle(line):
        return _not_in_vain(line, wanted, work)
    return Decision(more, look_again, work if len(more) > len(kept) else {})


def is_idle(line: Line) -> bool:
    """Return whether nothing is under way, and nothing due: no waiting alone makes anything better."""
    is_still = not line.moves and line.carrying is None and all(t.due == math.inf for t in line.travellers)
    return is_still and all(port.state in ("free", "quarantined") for port in line.ports.values())


class _Outlook(Forecast):
    """How a line goes on when some loads are begun and nothing new after them, every operation as long as it may take.

    Args:
        line: only copied, with the samples that matter: in stations, on their way, due, and to be begun.
        choices: the loads.
        work: of the stations, for the order of moves; the line's own when omitted.
        at: lab time [s] from which it goes on; now when omitted. Nothing may be under way where it is later.
    """

    def __init__(
        self, line: Line, choices: Sequence[Choice] = (), work: Mapping[str, float] | None = None, at: float = 0.0
    ) -> None:
        matter = {t for port in line.ports.values() for t in port.load} | {move.traveller for move in line.moves}
        matter |= {t for t in line.travellers if t.due < math.inf} | {t for c in choices for t in c.travellers}
        if line.carrying is not None:
            matter.add(line.carrying.traveller)
        self._n_quiet = 0
        super().__init__(line, _First(choices), lambda port: (self._longest_s(port), SUCCESS), matter)
        self.line.work, self.line.n_missed, self.line.now = work or line.work, 0, max(at, line.now)
        self.line.mover_held = {}  # whoever holds it will let it go

    def n_missed(self, most: float = math.inf) -> int:
        """Return how many windows are missed; it may be too few where they are more than `most`."""
        line = self.line
        line.decide()
        while line.n_missed <= most and _may_miss(line) and self.step():
            line.travellers = [  # nothing more is done to those that are home
                t for t in line.travellers if t.status != "waiting" or t.location != t.home or t.due < math.inf
            ]
        return line.n_missed

    @override
    def step(self, until: float = math.inf) -> bool:
        """Go on to where there is more to decide than who is carried next."""
        due = self.line.next_due()
        while self._events and self._events[0][0] < min(due, until):
            self._n_quiet = 0
            if self._happen(self._events[0][0]) > self._n_quiet:
                self.line.decide()
                return True
            carry_next(self.line)
        return super().step(until)

    @override
    def _carried(self, move: Move) -> None:
        super()._carried(move)
        left, into = (self.line.ports.get(station_of(place)) for place in (move.source, move.destination))
        is_left = left is not None and not left.load
        is_there = move.traveller.due < math.inf if into is None else all(t.status == "inside" for t in into.load)
        self._n_quiet += not is_left and not is_there  # others of its load follow

    @override
    def _ends(self, port: Port) -> float:
        return port.began + self._longest_s(port)

    def _longest_s(self, port: Port) -> float:
        return self.line.durations.longest_s(port.station, port.load[0].operations[port.load[0].index])


class _First(Due):
    """Begins certain loads first, and then only what is due."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._first: Sequence[Choice] | None = choices

    @override
    def decide(self, line: Line) -> Decision:
        """Return the loads, once."""
        if self._first is None:
            return super().decide(line)
        here = {traveller.sample: traveller for traveller in line.travellers}
        choices = [
            Choice(line.ports[choice.port.station.name], tuple(here[t.sample] for t in choice.travellers))
            for choice in self._first
        ]
        self._first = None
        return Decision(choices)


def _more(
    line: Line, kept: Sequence[Choice], lost: int, wanted: Sequence[Choice], work: Mapping[str, float]
) -> list[Choice]:
    """Return loads with those, or the parts of them, that lose no more windows; the most wanted are tried first."""
    more = list(kept)
    for choice in wanted:
        if any(choice.port is each.port or set(choice.travellers) & set(each.travellers) for each in kept):
            continue
        n = len(choice.travellers)
        while n:
            tried = [*more, Choice(choice.port, choice.travellers[:n])]
            if _Outlook(line, tried, work).n_missed(lost) <= lost:
                more = tried
                break
            n //= 2
    return more


def _not_in_vain(line: Line, wanted: Decision, work: Mapping[str, float]) -> Decision:
    """Return a load that misses a window whenever it is begun, or when to begin it so that it does not."""
    if any(port.held for port in line.ports.values()):
        return Decision((), wanted.look_again)  # until somebody lets it go
    first = wanted.choices[0]
    load = (Choice(first.port, first.travellers[:1]),)
    at = line.now + Promises(line).late_alone_s(first.port, first.travellers[:1])
    if line.now < at < math.inf and not _Outlook(line, load, work, at).n_missed(0):
        return Decision((), min(at, wanted.look_again))
    return Decision(load, wanted.look_again, work)


def _may_miss(line: Line) -> bool:
    """Return whether a window has to be kept, or will have to be when nothing new is begun."""
    for traveller in line.travellers:
        if traveller.status != "inside" and traveller.due < math.inf and not line.is_paused(traveller):
            return True
    for port in [port for port in line.ports.values() if port.state in _UNDER_WAY]:
        for traveller in port.load:
            if _binds(line, port, traveller) or (port.state != "busy" and traveller.due < math.inf):
                return True
    return False


def _binds(line: Line, port: Port, traveller: Traveller) -> bool:
    """Return whether a window follows what a sample does in a station, or what it may stay there for."""
    index = traveller.index
    while not traveller.is_followed(index):
        index += 1
        if index >= len(traveller.operations) or port.station.name not in line.able(traveller.operations[index]):
            return False
    return True
