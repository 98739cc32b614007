"""How samples are carried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.dispatch._port import Move, Port
from labctl.dispatch._traveller import Traveller
from labctl.samples import station_of

if TYPE_CHECKING:
    from labctl.dispatch._line import Line


def carry(line: Line, traveller: Traveller, destination: str) -> None:
    """Have a sample carried to a place that is kept for it."""
    traveller.status = "moving"
    line.moves.append(Move(traveller, traveller.location, destination))
    if not line.has_mover:
        arrived(line, line.moves.pop())


def carry_next(line: Line) -> None:
    """Have the mover make the most urgent move, where it is free and one is wanted."""
    if line.carrying is not None or not line.has_mover or line.mover_held:
        return
    paused = line.paused
    moves = [move for move in line.moves if move.traveller.share not in paused]
    if not moves:
        return
    move = line.policy.next_move(line, moves) if len(moves) > 1 else moves[0]
    line.moves.remove(move)
    move.traveller.begun = True
    line.carrying, line.carried_at = move, line.now + line.move_s
    line.hands.carry(move)


def arrived(line: Line, move: Move) -> None:
    """Go on with a sample that lies in a new place."""
    traveller = move.traveller
    traveller.location, traveller.begun = move.destination, True
    line.n_arrived += 1
    left = line.ports.get(station_of(move.source))
    if left is not None:
        line.places.free(move.source, traveller.sample)
        left.load = [t for t in left.load if t is not traveller]
        if not left.load and left.state in ("unloading", "loading"):
            left.state = "quarantined" if left.reason else "free"
    if move.destination != traveller.home:
        traveller.status = "inside"
        if traveller.aside:  # since it was on its way
            carry(line, traveller, traveller.home)
    elif (port := _caller(line, traveller)) is not None:
        traveller.status = "called"
        if port.state == "loading":
            carry(line, traveller, line.places.kept(port.station.name, traveller.sample))
    elif traveller.next_operation is None:
        line.end_at_home(traveller)
    else:
        traveller.status = "waiting"


def _caller(line: Line, traveller: Traveller) -> Port | None:
    """Return the station to which a sample was called that first had to make way."""
    for port in line.ports.values():
        if port.state in ("changing", "loading") and traveller in port.load:
            return port
    return None


def go_home(line: Line, traveller: Traveller) -> None:
    """End a sample in its rack place, or have it carried there."""
    if traveller.location == traveller.home:
        line.end_at_home(traveller)
    else:
        carry(line, traveller, traveller.home)
