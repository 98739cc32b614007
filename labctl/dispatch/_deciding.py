"""One decision of the greedy policy: which loads the free stations get."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.dispatch._arrivals import Arrivals
from labctl.dispatch._keeping import is_idle
from labctl.dispatch._policy import Choice, Decision
from labctl.dispatch._port import Port
from labctl.dispatch._promises import Promises
from labctl.dispatch._traveller import Traveller
from labctl.recipes import Operation

if TYPE_CHECKING:
    from labctl.dispatch._line import Line

_SHORTEST_WAIT_S = 1.0
_PRESSING = 2.0
"""A deadline presses when it is nearer than so many times what is left of a sample's recipe."""


class Deciding:
    """One decision."""

    def __init__(self, line: Line, free: dict[str, Port], waiting: list[Traveller], fill: int | None) -> None:
        self._line, self._free, self._fill = line, free, fill
        self._waiting = sorted(waiting, key=self._rank)
        self._groups: dict[object, list[Traveller]] = {}
        for traveller in self._waiting:
            for key in dict.fromkeys(traveller.load_key(traveller.operations[index]) for index in traveller.choices):
                self._groups.setdefault(key, []).append(traveller)
        self._taken: set[Traveller] = set()
        self._put_off: set[object] = set()
        self._look_again = math.inf
        self._promises = Promises(line)
        self._arrivals: Arrivals | None = None

    def decision(self) -> Decision:
        choices: list[Choice] = []
        for traveller in self._waiting:
            if not self._free:
                break
            if traveller in self._taken:
                continue
            choice = self._choice(traveller)
            if choice is not None:
                choices.append(choice)
                self._promises.commit(choice.port, choice.travellers)
                self._taken.update(choice.travellers)
                del self._free[choice.port.station.name]
        if not choices and self._look_again == math.inf and is_idle(self._line):
            choices = self._least()
        return Decision(choices, self._look_again)

    def _rank(self, traveller: Traveller) -> tuple[float, float, bool, float, float, int, float, str]:
        share = self._line.share(traveller.share)
        return (
            -traveller.priority,
            traveller.due,
            not self._is_pressed(traveller),
            share.used_s / share.weight,
            traveller.deadline,
            -traveller.index,
            traveller.waiting_since,
            traveller.sample,
        )

    def _is_pressed(self, traveller: Traveller) -> bool:
        """Return whether a sample should soon be finished: the time to its deadline is short beside what is left."""
        if traveller.deadline == math.inf:
            return False
        line, left_s = self._line, 0.0
        for operation in traveller.operations[traveller.index :]:
            able = [line.ports[name].station for name in line.able(operation) if name in line.ports]
            left_s += line.move_s + min((line.durations.expected_s(each, operation) for each in able), default=0.0)
        return line.now + _PRESSING * left_s >= traveller.deadline

    def _choice(self, first: Traveller) -> Choice | None:
        """Return the load that a sample goes with now, or None when it has to wait."""
        for operation in [first.operations[index] for index in first.choices]:
            kind = (first.load_key(operation), operation.name, first.due < math.inf)
            if kind in self._put_off:
                continue
            for port in self._able(operation):
                load = self._load(port, first, operation)
                if load:
                    return Choice(port, tuple(load))
                self._put_off.add(kind)
        return None

    def _able(self, operation: Operation) -> list[Port]:
        """Return the free stations that can do an operation, the best first.

        That is one that need not be changed over, and one that can do little else.
        """
        able = [self._free[name] for name in self._line.able(operation) if name in self._free]
        if len(able) > 1:
            able.sort(
                key=lambda port: (
                    port.station.changeover_s(port.last_kind, operation.kind),
                    len(port.station.operations),
                )
            )
        return able

    def _load(self, port: Port, first: Traveller, operation: Operation) -> list[Traveller]:
        """Return who goes into a station now with a sample; nobody when it is better to wait."""
        alike = [t for t in self._groups[first.load_key(operation)] if t not in self._taken]
        alike.remove(first)
        if first.due < math.inf:
            alike.sort(key=lambda traveller: traveller.due)
        load = [first, *alike][: port.station.places]
        if not self._opens(port, len(load), operation):
            return []
        for traveller in load:
            _prefer(traveller, operation.programme)
        n_all = len(load)
        load = self._pulled(port, load)
        if load and len(load) == n_all and (until := self._waits(port, load)) > self._line.now:
            self._look_again = min(self._look_again, until)
            return []
        return load

    def _opens(self, port: Port, n: int, operation: Operation) -> bool:
        """Return whether a station may work as long as an operation takes; note when it may where it may not."""
        line = self._line
        lead_s = n * line.move_s + port.station.changeover_s(port.last_kind, operation.kind)
        begin = line.now + lead_s
        opens = line.opens(port.station, begin, line.durations.expected_s(port.station, operation))
        self._look_again = min(self._look_again, line.now + opens - begin if opens > begin else math.inf)
        return opens <= begin

    def _pulled(self, port: Port, load: list[Traveller]) -> list[Traveller]:
        """Return as many of a load as can go without that a window is missed; nobody when more can go later.

        Of the loads that would be in time if nothing else were done, the one is chosen that treats most samples for the
        time of waiting and working.
        """
        if not self._promises.any and not any(t.is_followed(t.index) for t in load):
            return load
        lasts_s = self._line.durations.expected_s(port.station, load[0].operations[load[0].index])
        best, n_best, waits_s = 0.0, 0, 0.0
        for n in range(len(load), 0, -1):
            late_s = max(0.0, self._promises.late_s(port, load[:n]))
            if late_s > 0.0 and not self._helps(port, load[:n], late_s):
                continue
            if n / (lasts_s + late_s + 1.0) > best:
                best, n_best, waits_s = n / (lasts_s + late_s + 1.0), n, late_s
        if not n_best:
            self._look_again = min(self._look_again, self._joins(port, load))
        if waits_s > 0.0:
            self._look_again = min(self._look_again, self._line.now + max(waits_s, _SHORTEST_WAIT_S))
            return []
        return load[:n_best]

    def _helps(self, port: Port, load: list[Traveller], wait_s: float) -> bool:
        """Return whether waiting [s] makes a load one that misses no window."""
        latest = self._latest(port, load, len(load) + 2)
        return self._line.now + wait_s <= latest and self._promises.late_alone_s(port, load) <= 0.0

    def _latest(self, port: Port, load: list[Traveller], n_moves: int) -> float:
        """Return until when a load may wait, with so many moves before it begins; infinity where nothing is due."""
        operation = load[0].operations[load[0].index]
        lead_s = n_moves * self._line.move_s + port.station.changeover_s(port.last_kind, operation.kind)
        return min(traveller.due for traveller in load) - lead_s

    def _joins(self, port: Port, load: list[Traveller]) -> float:
        """Return when the next sample comes that was promised to share a load; infinity when none comes in time."""
        latest = self._latest(port, load, len(load) + 3)
        if latest == math.inf:
            return math.inf
        return self._promises.joins(port, load, latest)

    def _waits(self, port: Port, load: list[Traveller]) -> float:
        """Return until when it is better to wait for samples that come; now or earlier when it is not."""
        line, station = self._line, port.station
        if len(load) >= min(station.places, self._fill or station.load_fill or station.places):
            return line.now
        if (joins := self._joins(port, load)) < math.inf:
            return joins
        limit = min(
            self._latest(port, load, len(load) + 3),
            min(traveller.waiting_since for traveller in load) + station.load_wait_s,
        )
        if limit <= line.now:
            return line.now
        if self._arrivals is None:
            self._arrivals = Arrivals(line)
        operation = load[0].operations[load[0].index]
        comes = self._arrivals.of(load[0].load_key(operation))
        lasts_s = line.durations.expected_s(station, operation)
        return _best_time(line.now, limit, len(load), station.places, lasts_s, comes)

    def _least(self) -> list[Choice]:
        """Return the smallest load that there is, which will miss a window as far as is foreseen."""
        for first in self._waiting:
            for operation in [first.operations[index] for index in first.choices]:
                for port in self._able(operation):
                    if self._opens(port, 1, operation):
                        _prefer(first, operation.programme)
                        return [Choice(port, (first,))]
        return []


def _prefer(traveller: Traveller, programme: object) -> None:
    """Bring that of a sample's choices forward which has a programme."""
    for index in traveller.choices:
        if traveller.operations[index].programme == programme:
            if index != traveller.index:
                traveller.bring_forward(index)
            return


def _best_time(now: float, limit: float, n: int, places: int, lasts_s: float, comes: Sequence[float]) -> float:
    """Return until when a load waits so that samples wait least, those inside and those that come.

    Who comes too late for a load waits until its end. Only the coming of a sample is worth waiting for.

    Args:
        now: lab time [s].
        limit: not longer than this [s].
        n: samples that are there.
        places: of the station.
        lasts_s: duration of the operation [s].
        comes: when further samples come [s], in order.
    """
    horizon = bisect.bisect_right(comes, now + lasts_s)
    soon = comes[:horizon]

    def cost(time: float) -> float:
        n_in = min(bisect.bisect_right(soon, time), places - n)
        waits = n * (time - now) + sum(time - come for come in soon[:n_in])
        return waits + sum(max(0.0, time + lasts_s - come) for come in soon[n_in:])

    times = [now, *(come for come in soon[: places - n] if come <= limit)]
    return min(times, key=cost)
