"""How a load comes to a station, is begun, and goes on to what comes next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.dispatch import _carrying, _giving_up
from labctl.dispatch._port import Port
from labctl.dispatch._promises import Promises
from labctl.dispatch._traveller import Traveller

if TYPE_CHECKING:
    from labctl.dispatch._line import Line


def load(line: Line, port: Port, travellers: Sequence[Traveller]) -> None:
    """Call samples to a free station, which is cleaned and got ready for their next operation first."""
    line.hands.loaded(port.station.name, travellers)
    operation = travellers[0].next_operation
    assert operation is not None  # it waits for one
    port.load = list(travellers)
    changeover_s = port.station.changeover_s(port.last_kind, operation.kind)
    port.state = "changing" if changeover_s else "loading"
    port.began, port.until = line.now, line.now + changeover_s
    for traveller in travellers:
        kept = line.places.reserve(port.station.name, traveller.sample)
        if not changeover_s:
            _carrying.carry(line, traveller, kept)
        else:
            traveller.status = "called"
            if traveller.location != traveller.home:
                _carrying.carry(line, traveller, traveller.home)
    if changeover_s:
        line.later(changeover_s, port, "changed")


def changed(line: Line, port: Port) -> None:
    """Have samples brought that were called to a station which was cleaned and got ready."""
    if port.state != "changing":
        return
    port.state = "loading"
    for traveller in port.load:
        if traveller.status == "called":
            _carrying.carry(line, traveller, line.places.kept(port.station.name, traveller.sample))


def begin(line: Line, port: Port) -> None:
    """Begin the operation of a load that is there, unless it is too late, too soon, or the station is closed."""
    late = [t for t in port.load if t.due < line.now] if not port.continues and not port.attempt else []
    for traveller in late:
        traveller.status = "waiting"
        _giving_up.too_late(line, traveller)
        if traveller.status == "waiting":
            _carrying.carry(line, traveller, traveller.home)
    if late or not port.load or any(t.ready_at > line.now for t in port.load):
        return  # when they are out, or ready
    operation = port.load[0].next_operation
    assert operation is not None  # it was brought for one
    lasts_s = line.durations.expected_s(port.station, operation)
    opens = line.opens(port.station, line.now, lasts_s)
    if line.now < opens < math.inf:
        if not any(timer.station == port.station.name and timer.what == "open" for timer in line.timers):
            line.later(opens - line.now, port, "open")
        return
    port.state, port.began, port.until = "busy", line.now, line.now + lasts_s
    line.hands.begin(port)
    port.continues = ""


def unload(line: Line, port: Port) -> None:
    """Let the samples in a station go on to what comes next; where it is done there as well, they stay."""
    if _stays(line, port):
        line.hands.loaded(port.station.name, port.load)
        port.state = "loading"
        return
    port.state = "unloading"
    for traveller in port.load:
        traveller.status, traveller.waiting_since = "waiting", line.now
    for traveller in list(port.load):
        if traveller.next_operation is None:
            _carrying.carry(line, traveller, traveller.home)


def _stays(line: Line, port: Port) -> bool:
    """Return whether the whole load has its next operation in the same station, at once: a chamber stays shut."""
    first, held_up = port.load[0], bool(port.reason or port.held or line.stopping)
    operation = first.next_operation
    if operation is None or held_up or not line.offers(port, first) or first.ready_at > line.now:
        return False
    if port.station.changeover_s(port.last_kind, operation.kind):
        return False
    if not all(traveller.fits_with(first) for traveller in port.load[1:]):
        return False
    done = line.schemas.get(port.last_kind)
    return bool(done is not None and done.keeps) or Promises(line).late_s(port, port.load) <= 0.0


def call_off(line: Line, port: Port) -> None:
    """Let a station that is being cleaned and got ready have no load."""
    if port.state == "changing":
        for traveller in list(port.load):
            withdraw(line, port, traveller)
        let_go(line, port)


def let_go(line: Line, port: Port) -> None:
    """Let a station wait no more for a load of which nobody comes; it is got ready anew for the next."""
    line.timers = [timer for timer in line.timers if (timer.station, timer.what) != (port.station.name, "changed")]
    port.state = "quarantined" if port.reason else "free"


def withdraw(line: Line, port: Port, traveller: Traveller) -> None:
    """Keep a station's place no more for a sample that is not on its way into it."""
    line.places.free(line.places.kept(port.station.name, traveller.sample), traveller.sample)
    port.load.remove(traveller)
    if traveller.status == "called":
        traveller.status = "waiting"
