"""What is done when nothing new is begun: operations that are due."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from typing_extensions import override

from labctl.dispatch._policy import Choice, Decision, Policy
from labctl.dispatch._port import Move, Port
from labctl.dispatch._traveller import LoadKey, Traveller
from labctl.dispatch._urgency import most_urgent

if TYPE_CHECKING:
    from labctl.dispatch._line import Line

_SPARE_MOVES = 3
"""A load that waits for another sample comes to its station so many moves before it would be too late."""


class Due(Policy):
    """Begins what is due, who is due first, and nothing else.

    A sample that is due goes where most of its kind that are due can go with it in time, of such stations to the one
    that begins first. A load with a place left waits while it can for others that will be due: they may find no other
    station.
    """

    @override
    def decide(self, line: Line) -> Decision:
        """Return loads of samples that are due."""
        left = [traveller for traveller in line.waiting() if traveller.due < math.inf]
        free = {port.station.name: port for port in line.free_ports()} if left else {}
        left.sort(key=lambda traveller: (traveller.due, traveller.sample))
        choices: list[Choice] = []
        look_again = math.inf
        while left and free:
            alike = [traveller for traveller in left if traveller.fits_with(left[0])]
            way = min(_ways(line, free, alike), default=None, key=lambda way: (-len(way.load), way.begin))
            until = math.inf if way is None else max(way.until, _waits(line, way))
            if way is None or until > line.now:
                look_again = min(look_again, until)
                left = [traveller for traveller in left if traveller not in alike]
                continue
            choices.append(Choice(way.port, way.load))
            left = [traveller for traveller in left if traveller not in way.load]
            del free[way.port.station.name]
        return Decision(choices, look_again)

    @override
    def next_move(self, line: Line, moves: Sequence[Move]) -> Move:
        """Return the move that is most urgent."""
        return most_urgent(line, moves)


class _Way(NamedTuple):
    """How a load would come to a free station."""

    port: Port
    load: tuple[Traveller, ...]
    until: float
    """Lab time [s] until which it would wait for the station to open."""
    begin: float


def _ways(line: Line, free: dict[str, Port], alike: Sequence[Traveller]) -> Iterator[_Way]:
    """Yield, for each free station that begins in time, how as many of some samples as it can treat come to it."""
    operation = alike[0].next_operation
    assert operation is not None  # it is due
    for port in [free[name] for name in line.able(operation) if name in free]:
        lasts_s = line.durations.longest_s(port.station, operation)
        lead_s = port.station.changeover_s(port.last_kind, operation.kind) + (line.carrying is not None) * line.move_s
        for n in range(min(len(alike), port.station.places), 0, -1):
            load = tuple(alike[:n])
            there = max(line.now + lead_s + n * line.move_s, *(traveller.ready_at for traveller in load))
            begin = line.opens(port.station, there, lasts_s)
            if begin <= min(traveller.due for traveller in load):
                yield _Way(port, load, line.now + begin - there, begin)
                break


def _waits(line: Line, way: _Way) -> float:
    """Return until when a load waits for others [s of lab time]; no later than now when none come in time."""
    operation, n = way.load[0].next_operation, len(way.load)
    assert operation is not None  # it is due
    if n == way.port.station.places:
        return line.now
    lead_s = way.port.station.changeover_s(way.port.last_kind, operation.kind) + (n + _SPARE_MOVES) * line.move_s
    latest = min(traveller.due for traveller in way.load) - lead_s
    comes = min(_coming(line, way.load[0].load_key(operation)), default=math.inf)
    return latest if comes <= latest else line.now


def _coming(line: Line, key: LoadKey) -> Iterator[float]:
    """Yield when more samples will be there [s of lab time] that are due for a load, or will be."""
    called = {t for port in line.ports.values() if port.state in ("changing", "loading") for t in port.load}
    for traveller in line.travellers:
        operation = traveller.next_operation
        if operation is not None and traveller.due < math.inf and traveller.load_key(operation) == key:
            is_on_its_way = traveller.status == "moving" or traveller.ready_at > line.now + line.move_s
            if is_on_its_way and traveller not in called and not line.is_paused(traveller):
                yield max(line.now + line.move_s, traveller.ready_at)
    for port in line.ports.values():
        for traveller in port.load if port.state == "busy" else ():
            if traveller.is_followed(traveller.index):
                following = traveller.operations[traveller.index + 1]
                if traveller.load_key(following) == key:
                    yield max(line.now, port.until) + max(line.move_s, following.timing.begin_after)
