"""The default policy: fill, wait, pull."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from typing_extensions import override

from labctl.dispatch._deciding import Deciding
from labctl.dispatch._policy import Decision, Policy
from labctl.dispatch._port import Move
from labctl.samples import station_of

if TYPE_CHECKING:
    from labctl.dispatch._line import Line


class Greedy(Policy):
    """Every free station is given the best load that there is, at once.

    Order: higher priority, who is due first, whose deadline presses, whose share of the line was used least for its
    weight, who should be finished first, who is farthest, who waits longest. *Fill*: samples whose operations have
    equal parameters share a load. *Wait*: a load that is not full waits for samples that come soon, at most the
    station's ``load_wait`` and only while that costs those inside less than it saves those that come. *Pull*: an
    operation that another has to follow within a time is begun for as many samples only as will be served in time.

    Args:
        fill: a load of so many samples waits no longer, in place of what the stations say.
    """

    def __init__(self, fill: int | None = None) -> None:
        self._fill = fill

    @override
    def decide(self, line: Line) -> Decision:
        """Return the loads of the free stations."""
        free = {port.station.name: port for port in line.free_ports()}
        waiting = line.waiting() if free else []
        if not waiting:
            return Decision()
        return Deciding(line, free, waiting, self._fill).decision()

    @override
    def next_move(self, line: Line, moves: Sequence[Move]) -> Move:
        """Return the move that is most urgent.

        Who is due goes first, with those of its load; then what gives the station with the most work before it
        something to do, or makes room in it; then what was wanted first.
        """
        work, wanted = _work(line), _wanted(line)

        def urgency(number: int) -> tuple[float, float, int]:
            move = moves[number]
            ends = (station_of(move.source), station_of(move.destination))
            into = line.ports.get(ends[1])
            due = wanted.get(ends[0], math.inf) if into is None else min(t.due for t in into.load)
            return due, -max(work.get(name, 0.0) for name in ends), number

        return moves[min(range(len(moves)), key=urgency)]


def _wanted(line: Line) -> dict[str, float]:
    """Return when the first operation is due for which each station has to be emptied [s of lab time]."""
    wanted: dict[str, float] = {}
    for traveller in line.travellers:
        operation, due = traveller.next_operation, traveller.due
        if operation is not None and due < math.inf:
            for name in line.able(operation):
                wanted[name] = min(due, wanted.get(name, math.inf))
    return wanted


def _work(line: Line) -> dict[str, float]:
    """Return how long each station will have to work for the samples that are under way [s], shared among equals."""
    work: dict[str, float] = {}
    for traveller in line.travellers:
        for operation in traveller.operations[traveller.index :]:
            able = line.able(operation)
            for name in able:
                port = line.ports.get(name)
                if port is not None:
                    lasts_s = line.durations.expected_s(port.station, operation)
                    work[name] = work.get(name, 0.0) + lasts_s / (port.station.places * len(able))
    return work
