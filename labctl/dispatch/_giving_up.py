"""Which samples are given up, and when a recipe goes on without an operation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labctl.dispatch import _carrying
from labctl.dispatch._traveller import Traveller
from labctl.recipes import Operation

if TYPE_CHECKING:
    from labctl.dispatch._line import Line

_GOES_ON = ("changing", "busy", "retrying", "waiting", "closed")
"""States of a station in which something will happen by itself, or a person is asked."""


def set_late_aside(line: Line) -> None:
    """Give up samples whose next operation can begin in time no more, or go on without it."""
    for traveller in [t for t in line.travellers if t.status == "waiting" and t.due < line.now]:
        if not line.is_paused(traveller):
            too_late(line, traveller)


def too_late(line: Line, traveller: Traveller) -> None:
    """Give up a sample that missed a window, or let it go on without the operation where that is optional."""
    operation = traveller.next_operation
    assert operation is not None and operation.timing.begin_within is not None  # it has a due
    line.n_missed += 1
    if operation.timing.optional:
        traveller.leave_out()
    else:
        name = operation.name or operation.kind
        traveller.aside = f"{name} could not begin within {operation.timing.begin_within:g} s"
    if traveller.next_operation is None:
        _carrying.go_home(line, traveller)


def give_up_the_hopeless(line: Line) -> bool:
    """End samples that will not go on; return whether one goes on without an operation that nobody can do."""
    if line.stopping:
        _stop(line)
        return False
    goes_on = False
    in_service = {name for name, port in line.ports.items() if not port.reason}
    for traveller in list(line.travellers):
        if traveller.status == "waiting" and traveller.location == traveller.home:
            operation = traveller.next_operation
            if operation is not None and in_service.isdisjoint(line.able(operation)):
                goes_on |= _give_up(line, traveller, operation)
    return goes_on


def _stop(line: Line) -> None:
    """End every sample to which nothing is being done just now."""
    busy = {traveller for port in line.ports.values() if port.state == "busy" for traveller in port.load}
    if line.carrying is not None:
        busy.add(line.carrying.traveller)
    for traveller in [t for t in line.travellers if t not in busy]:
        done = traveller.next_operation is None
        line.end(traveller, "finished" if done else "failed", "" if done else f"stopped: {line.stopping}")


def _give_up(line: Line, traveller: Traveller, operation: Operation) -> bool:
    """End a sample whose next operation nobody can do; return whether it goes on without it instead."""
    if operation.timing.optional:
        traveller.leave_out()
        if traveller.next_operation is None:
            line.end_at_home(traveller)
        return True
    names = ", ".join(name for name in line.able(operation) if name in line.ports)
    line.end(traveller, "failed", f"no station left for {operation.kind}: {names} in quarantine")
    return False


def stands_still(line: Line) -> bool:
    """Return whether nothing will ever happen by itself; people may still pause, hold, answer and release."""
    if (
        line.stopping
        or any(share.paused for share in line.shares.values())
        or line.mover_held
        or line.carrying is not None
        or line.moves
    ):
        return False
    if any(port.held or port.state in _GOES_ON for port in line.ports.values()):
        return False
    return line.next_due() == math.inf
