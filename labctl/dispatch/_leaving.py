"""How the samples of one campaign leave a line on which others go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.dispatch import _carrying, _failing, _loading
from labctl.dispatch._failure import may_unload
from labctl.dispatch._port import Port
from labctl.samples import station_of

if TYPE_CHECKING:
    from labctl.dispatch._line import Line


def leave(line: Line, name: str, reason: str) -> None:
    """Begin nothing more for a share: what runs for it ends, and its samples are carried home; again does no harm."""
    share = line.share(name)
    share.leaving, share.paused = share.leaving or reason, ""
    for port in line.ports.values():
        if port.load and port.load[0].share == name:
            _clear(line, port, share.leaving)
    for traveller in [t for t in line.travellers if t.share == name]:
        if traveller.status != "inside" and traveller.next_operation is not None:
            traveller.aside = share.leaving
            if traveller.status == "waiting":
                _carrying.go_home(line, traveller)


def _clear(line: Line, port: Port, reason: str) -> None:
    """Have a station emptied in which nothing runs."""
    if port.state == "changing":
        _loading.call_off(line, port)
    elif port.state == "loading":
        _turn_back(line, port, reason)
    elif port.state in ("retrying", "waiting"):
        operation = port.load[0].next_operation
        assert operation is not None  # it failed
        _failing.handle(line, port, "set aside" if may_unload(line.schemas[operation.kind]) else "quarantine")


def _turn_back(line: Line, port: Port, reason: str) -> None:
    """Take out what was brought to a station, and bring nothing more; who is being carried there comes back."""
    port.state = "unloading"
    for traveller in list(port.load):
        carried_to = line.carrying.destination if line.carrying and line.carrying.traveller is traveller else ""
        if traveller.status == "inside":
            traveller.aside = reason
            _carrying.carry(line, traveller, traveller.home)
        elif station_of(carried_to) != port.station.name:
            _loading.withdraw(line, port, traveller)
            if not carried_to:
                line.moves = [move for move in line.moves if move.traveller is not traveller]
                traveller.status = "waiting"
    if not port.load:
        port.state = "quarantined" if port.reason else "free"
