"""Going on with a campaign that was interrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labctl.dispatch import _carrying, _failing
from labctl.dispatch._port import Load
from labctl.dispatch._traveller import Traveller
from labctl.samples import station_of

if TYPE_CHECKING:
    from labctl.dispatch._line import Line

OPERATOR = "operator"
"""The holder that people are."""


@dataclass(frozen=True)
class Interrupted:
    """Where everything was when a campaign was interrupted."""

    travellers: Sequence[Traveller] = ()
    """All of them, also those that ended, whose places stay theirs."""
    loads: Sequence[Load] = ()
    """What is in the stations."""
    n_operations: int = 0
    """How many operations were begun already, for the numbers of the next."""
    held: Mapping[str, str] = field(default_factory=dict)
    """Why stations are held, by name."""
    out_of_service: Mapping[str, str] = field(default_factory=dict)
    """Why stations are used no more, by name."""


def adopt(line: Line, before: Sequence[Interrupted]) -> None:
    """Bring a new line into the state that another was in, with the samples of one campaign or of several."""
    for name, reason in (entry for each in before for entry in each.held.items()):
        (line.ports[name].held if name in line.ports else line.mover_held)[OPERATOR] = reason
    for name, reason in (entry for each in before for entry in each.out_of_service.items()):
        line.ports[name].reason, line.ports[name].state = reason, "quarantined"
    travellers = [traveller for each in before for traveller in each.travellers]
    for traveller in travellers:
        if traveller.home:
            line.places.take(traveller.home, traveller.sample)
    owners = {*line.racks, *line.ports}
    for traveller in travellers:
        if not traveller.home:  # nothing carried it
            rack = next(name for name in line.racks if line.places.n_free(name))
            traveller.home = line.places.reserve(rack, traveller.sample)
            traveller.location = traveller.location or traveller.home
        if station_of(traveller.location) in owners:
            line.places.take(traveller.location, traveller.sample)
        if traveller.ended:
            line.left[traveller.sample] = traveller.location
        else:
            line.travellers.append(traveller)
    for load in (load for each in before for load in each.loads):
        _take_up(line, load)
    for traveller in list(line.travellers):
        if traveller.status == "waiting" and traveller.next_operation is None:
            if traveller.location == traveller.home:
                line.end_at_home(traveller)
            else:
                _carrying.carry(line, traveller, traveller.home)


def _take_up(line: Line, load: Load) -> None:
    port = line.ports[load.station]
    port.state, port.load = load.state, list(load.travellers)
    port.continues, port.attempt = load.continues, load.attempt
    port.failure, port.failed_run, port.why_closed = load.reason, load.failed_run, load.why_closed
    if load.state == "quarantined":
        port.reason = port.reason or load.reason
    for traveller in load.travellers if load.state in ("loading", "retrying", "waiting", "closed") else ():
        if station_of(traveller.location) == load.station:
            traveller.status = "inside"
        else:
            _carrying.carry(line, traveller, line.places.reserve(load.station, traveller.sample))
    if load.state == "retrying":
        _failing.retry_later(line, port, load.failed_at)
    elif load.state == "waiting":
        _failing.handle(line, port, "wait")
    elif load.state == "closed":
        _failing.open_port(line, port)
