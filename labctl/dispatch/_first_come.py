"""First come, first served: which sample goes where, and with whom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from typing_extensions import override

from labctl.dispatch._policy import Choice, Decision, Policy
from labctl.dispatch._port import Move
from labctl.dispatch._traveller import Traveller

if TYPE_CHECKING:
    from labctl.dispatch._line import Line


class FirstCome(Policy):
    """A waiting sample goes to the first free station that offers its next operation.

    Samples whose operations have equal parameters share a load when the station has several places; a load that is not
    full waits for samples that are on their way to the same operation, at most the station's ``load_wait``. It knows
    nothing of windows, priorities and shares: it is what others are measured by.
    """

    @override
    def decide(self, line: Line) -> Decision:
        """Return the loads of the free stations."""
        waiting = sorted(line.waiting(), key=lambda t: (t.waiting_since, t.sample))
        free = line.free_ports()
        choices: list[Choice] = []
        taken: set[Traveller] = set()
        look_again = math.inf
        for traveller in waiting:
            if traveller in taken:
                continue
            load = [t for t in waiting if t not in taken and t.fits_with(traveller)]
            for port in [port for port in free if line.offers(port, traveller)]:
                due = traveller.waiting_since + port.station.load_wait_s
                together = load[: port.station.places]
                if len(together) >= port.station.places or due <= line.now or not _will_come(line, traveller):
                    choices.append(Choice(port, tuple(together)))
                    taken.update(together)
                    free.remove(port)
                    break
                look_again = min(look_again, due)
        return Decision(choices, look_again)

    @override
    def next_move(self, line: Line, moves: Sequence[Move]) -> Move:
        """Return the move that was wanted first."""
        return moves[0]


def _will_come(line: Line, first: Traveller) -> bool:
    """Return whether a sample that is still on its way will come to the same operation."""
    wanted = first.next_operation
    assert wanted is not None  # it waits
    for other in line.travellers:
        if other.status != "waiting" and not other.aside:
            ahead = other.operations[other.index + (other.status == "inside") :]
            if other.share == first.share and any(operation.programme == wanted.programme for operation in ahead):
                return True
    return False
