"""The default policy: fill, wait, pull."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from typing_extensions import override

from labctl.dispatch._deciding import Deciding
from labctl.dispatch._keeping import keep
from labctl.dispatch._policy import Decision, Policy
from labctl.dispatch._port import Move
from labctl.dispatch._urgency import most_urgent

if TYPE_CHECKING:
    from labctl.dispatch._line import Line


class Greedy(Policy):
    """Every free station is given the best load that there is, at once.

    Order: higher priority, who is due first, whose deadline presses, whose share of the line was used least for its
    weight, who should be finished first, who is farthest, who waits longest. *Fill*: samples whose operations have
    equal parameters share a load. *Wait*: a load that is not full waits for samples that come soon, at most the
    station's ``load_wait`` and only while that costs those inside less than it saves those that come. *Pull*: an
    operation that another has to follow within a time is begun for as many samples only as will be served in time; what
    would break a promise is not begun, see `keep`.

    Args:
        fill: a load of so many samples waits no longer, in place of what the stations say.
    """

    def __init__(self, fill: int | None = None) -> None:
        self._fill = fill

    @override
    def decide(self, line: Line) -> Decision:
        """Return the loads of the free stations with which every window is kept."""
        free = {port.station.name: port for port in line.free_ports()}
        waiting = line.waiting() if free else []
        if not waiting:
            return Decision()
        return keep(line, Deciding(line, free, waiting, self._fill).decision())

    @override
    def next_move(self, line: Line, moves: Sequence[Move]) -> Move:
        """Return the move that is most urgent."""
        return most_urgent(line, moves)
