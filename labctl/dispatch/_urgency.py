"""Which move is made first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.dispatch._port import Move
from labctl.samples import station_of

if TYPE_CHECKING:
    from labctl.dispatch._line import Line


def most_urgent(line: Line, moves: Sequence[Move]) -> Move:
    """Return the move that is most urgent.

    Who is due goes first, with those of its load; then what gives the station with the most work before it something to
    do, or makes room in it; then what was wanted first.
    """
    work, wanted = line.work, _wanted(line)

    def urgency(move: Move) -> tuple[float, float]:
        source, destination = station_of(move.source), station_of(move.destination)
        into = line.ports.get(destination)
        due = wanted.get(source, math.inf) if into is None else min([traveller.due for traveller in into.load])
        return due, -max(work.get(source, 0.0), work.get(destination, 0.0))

    return min(moves, key=urgency)


def work_ahead(line: Line) -> dict[str, float]:
    """Return how long each station will have to work for the samples that are under way [s], shared among equals."""
    shared: dict[tuple[str, ...], float] = {}
    for traveller in line.travellers:
        for operation in traveller.operations[traveller.index :]:
            able = tuple(line.able(operation))
            port = line.ports.get(able[0]) if able else None
            if port is not None:  # an operation lasts about as long in the others
                shared[able] = shared.get(able, 0.0) + line.durations.expected_s(port.station, operation)
    work: dict[str, float] = {}
    for able, lasts_s in shared.items():
        for port in [line.ports[name] for name in able if name in line.ports]:
            name = port.station.name
            work[name] = work.get(name, 0.0) + lasts_s / (port.station.places * len(able))
    return work


def _wanted(line: Line) -> dict[str, float]:
    """Return when the first operation is due for which each station has to be emptied [s of lab time]."""
    wanted: dict[str, float] = {}
    for traveller in line.travellers:
        if traveller.status != "inside" and (due := traveller.due) < math.inf:
            for name in line.able(traveller.operations[traveller.index]):
                wanted[name] = min(due, wanted.get(name, math.inf))
    return wanted
