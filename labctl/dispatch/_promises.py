"""An estimate of whether windows between operations can be kept."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from labctl.dispatch._port import Port
from labctl.dispatch._traveller import LoadKey, Traveller

if TYPE_CHECKING:
    from labctl.dispatch._line import Line

_Entry: TypeAlias = "tuple[float, float, int, Traveller, int]"
_NEAR_MOVES = 10
"""Samples that begin within so many moves of one another compete for the mover."""


@dataclass
class _Slot:
    """A load that a station is foreseen to have."""

    key: LoadKey
    begin: float
    latest: float
    """Lab time [s] at which it has to begin at the latest."""
    lasts_s: float
    count: int
    lead_s: float
    """The station is cleaned and got ready for so long before it begins, once its load is all there [s]."""


class Promises:
    """Looks ahead along the operations that have to begin within a time after the one before.

    Every sample whose operation is followed by such a window is promised a station in time. A load is worth trying
    where all promises can still be kept, its own among them. The stations' times are foreseen one sample after another,
    in the order in which they come; who comes while a load of the same programme may still wait for it, joins it. It is
    quick and rough; whether windows are kept is for `keep` to say.

    Args:
        line: only looked at.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._order = itertools.count()
        self._entries, self._free = self._now()
        self._kinds = {name: _kind_of(port) for name, port in line.ports.items()}
        """What each station will have done last when it is free."""
        self.any = bool(self._entries)

    def late_s(self, port: Port, load: Sequence[Traveller]) -> float:
        """Return how much too late the latest promised operation would begin if a load came to a station now [s].

        Zero or less when everything would be in time. A load is judged by the operation at each sample's `index`.
        """
        line = self._line
        free = dict(self._free)
        begin, end = self._span(port, load)
        clear_s = len(load) * line.move_s
        free[port.station.name] = end + clear_s
        inside = {traveller.sample for traveller in load}
        entries = [entry for entry in self._entries if entry[3].sample not in inside]
        late_s = max((begin - traveller.due for traveller in load), default=-math.inf)
        for number, traveller in enumerate(load, 1):
            self._follow(entries, traveller, traveller.index, end + number * line.move_s, end)
        heapq.heapify(entries)
        kinds = {**self._kinds, port.station.name: load[0].operations[load[0].index].kind}
        return max(late_s, self._run(entries, free, kinds))

    def commit(self, port: Port, load: Sequence[Traveller]) -> None:
        """Foresee a load that was chosen."""
        line = self._line
        _, end = self._span(port, load)
        self._free[port.station.name] = end + len(load) * line.move_s
        self._kinds[port.station.name] = load[0].operations[load[0].index].kind
        inside = {traveller.sample for traveller in load}
        self._entries = [entry for entry in self._entries if entry[3].sample not in inside]
        for number, traveller in enumerate(load, 1):
            self._follow(self._entries, traveller, traveller.index, end + number * line.move_s, end)
        self.any = bool(self._entries)

    def late_alone_s(self, port: Port, load: Sequence[Traveller], joined_by: _Entry | None = None) -> float:
        """Return the same [s] in a line in which nothing else is done: what no waiting makes better.

        Args:
            port: to which the load comes now.
            load: is judged by the operation at each sample's `index`.
            joined_by: one more, which comes with what it was promised.
        """
        begin, end = self._span(port, load)
        members = [(traveller, traveller.index) for traveller in load]
        if joined_by is not None:
            wait_s = max(0.0, joined_by[0] - self._line.now)
            begin, end, members = begin + wait_s, end + wait_s, [*members, (joined_by[3], joined_by[4])]
        free = {name: self._line.now if at < math.inf else at for name, at in self._free.items()}
        free[port.station.name] = end + len(members) * self._line.move_s
        entries: list[_Entry] = []
        for number, (traveller, index) in enumerate(members, 1):
            self._follow(entries, traveller, index, end + number * self._line.move_s, end)
        heapq.heapify(entries)
        kinds = {**self._kinds, port.station.name: load[0].operations[load[0].index].kind}
        return max(max(begin - traveller.due for traveller in load), self._run(entries, free, kinds))

    def joins(self, port: Port, load: Sequence[Traveller], until: float) -> float:
        """Return when the next sample comes that was promised a load like this, at most `until`, else infinity.

        It is not waited for where a load of all of them would break a promise.
        """
        key = load[0].load_key(load[0].operations[load[0].index])
        found = [entry for entry in self._entries if entry[3].load_key(entry[3].operations[entry[4]]) == key]
        comes = min((entry for entry in found if self._line.now < entry[0] <= until), default=None)
        return math.inf if comes is None or self.late_alone_s(port, load, comes) > 0.0 else comes[0]

    # How it looks now.

    def _now(self) -> tuple[list[_Entry], dict[str, float]]:
        line = self._line
        entries: list[_Entry] = []
        free: dict[str, float] = {}
        move_s = line.move_s
        treated: set[Traveller] = set()
        for name, port in line.ports.items():
            free[name] = self._free_at(port)
            if port.state in ("busy", "changing", "loading", "retrying") and port.load:
                end = self._end(port)
                treated.update(port.load)
                for number, traveller in enumerate(port.load, 1):
                    if traveller.next_operation is not None:
                        self._follow(entries, traveller, traveller.index, end + number * move_s, end)
        for traveller in line.travellers:
            if traveller not in treated and traveller.due < math.inf and not line.is_paused(traveller):
                ready = max(line.now, traveller.ready_at)
                entries.append((ready, traveller.due, next(self._order), traveller, traveller.index))
        return entries, free

    def _follow(
        self,
        entries: list[_Entry],
        traveller: Traveller,
        index: int,
        out_at: float,
        end: float,
    ) -> None:
        """Promise a sample the operation after the one with this index, where it has a window."""
        if traveller.is_followed(index):
            timing = traveller.operations[index + 1].timing
            assert timing.begin_within is not None
            ready = max(out_at, end + timing.begin_after)
            entries.append((ready, end + timing.begin_within, next(self._order), traveller, index + 1))

    def _end(self, port: Port) -> float:
        line = self._line
        operation = port.load[0].next_operation
        if operation is None:
            return line.now
        lasts_s = line.durations.longest_s(port.station, operation)
        if port.state == "busy":
            return max(line.now, port.began + lasts_s)
        n_outside = sum(traveller.status != "inside" for traveller in port.load)
        ready = max(line.now, port.until if port.state == "changing" else line.now)
        return ready + n_outside * line.move_s + lasts_s

    def _free_at(self, port: Port) -> float:
        line = self._line
        if port.reason or port.held or port.state in ("waiting", "closed", "quarantined"):
            return math.inf
        if port.state == "free":
            return line.now
        clear_s = len(port.load) * line.move_s
        return (line.now if port.state == "unloading" else self._end(port)) + clear_s

    def _span(self, port: Port, load: Sequence[Traveller]) -> tuple[float, float]:
        """Return when a load would begin and end if it came now."""
        line = self._line
        operation = load[0].next_operation
        assert operation is not None
        moves = len(load) + (line.carrying is not None)
        begin = line.now + moves * line.move_s
        begin += port.station.changeover_s(port.last_kind, operation.kind)
        begin = max([begin, *(traveller.ready_at for traveller in load)])
        return begin, begin + line.durations.longest_s(port.station, operation)

    # Foresight.

    def _run(self, entries: list[_Entry], free: dict[str, float], kinds: dict[str, str]) -> float:
        """Return by how much the latest begins too late [s]; `entries` is a heap."""
        line, late_s = self._line, -math.inf
        slots: dict[str, _Slot] = {}
        begins: list[float] = []
        while entries:
            ready, due, _, traveller, index = heapq.heappop(entries)
            reach_s = self._reach_s(ready, begins)
            begin, name = self._place(traveller, index, ready + reach_s, due, reach_s, free, kinds, slots)
            late_s = max(late_s, begin - due)
            if begin == math.inf:
                continue
            begins.append(begin)
            slot = slots[name]
            clear_s = slot.count * line.move_s
            free[name] = slot.begin + slot.lasts_s + clear_s
            n_before = len(entries)
            earliest = max(line.now, begin - reach_s) + slot.lasts_s
            self._follow(entries, traveller, index, begin + slot.lasts_s + clear_s, earliest)
            if len(entries) > n_before:
                heapq.heapify(entries)
        return late_s

    def _reach_s(self, ready: float, begins: Sequence[float]) -> float:
        """Return how long a sample may need to a station [s]: the mover may carry others before it."""
        near_s = _NEAR_MOVES * self._line.move_s
        return (3 + sum(abs(begin - ready) <= near_s for begin in begins)) * self._line.move_s

    def _place(
        self,
        traveller: Traveller,
        index: int,
        there: float,
        due: float,
        reach_s: float,
        free: dict[str, float],
        kinds: dict[str, str],
        slots: dict[str, _Slot],
    ) -> tuple[float, str]:
        """Return when and where an operation would begin, and note it; infinity where no station is left."""
        line, operation = self._line, traveller.operations[index]
        key = traveller.load_key(operation)
        best, best_name, joins, lead_s = math.inf, "", False, 0.0
        for name in line.able(operation):
            port, slot = line.ports.get(name), slots.get(name)
            if port is None:
                continue
            if slot is not None and slot.key == key and slot.count < port.station.places:
                begin = max(slot.begin + line.move_s, there + slot.lead_s)
                if begin <= min(slot.latest, due) and begin < best:
                    best, best_name, joins = begin, name, True
                    continue
            changeover_s = port.station.changeover_s(kinds[name], operation.kind)
            begin = max(there, free[name] + reach_s) + changeover_s
            begin = line.opens(port.station, begin, line.durations.longest_s(port.station, operation))
            if begin < best:
                best, best_name, joins, lead_s = begin, name, False, changeover_s
        if joins:
            slot = slots[best_name]
            slot.begin, slot.latest, slot.count = best, min(slot.latest, due - reach_s), slot.count + 1
        elif best_name:
            lasts_s = line.durations.longest_s(line.ports[best_name].station, operation)
            kinds[best_name] = operation.kind
            slots[best_name] = _Slot(key, best, due - reach_s, lasts_s, 1, lead_s)
        return best, best_name


def _kind_of(port: Port) -> str:
    """Return what a station will have done last when it is free."""
    operation = port.load[0].next_operation if port.load else None
    return operation.kind if operation is not None and port.state not in ("unloading", "closed") else port.last_kind
