"""First come, first served: which sample goes where, and with whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labctl.clock import Clock
from labctl.dispatch._port import Port
from labctl.dispatch._traveller import Traveller
from labctl.recipes import OperationSchema


class FirstCome:
    """A waiting sample goes to the first free station that offers its next operation.

    Samples whose operations have equal parameters share a load when the station has several places; a load that is not
    full waits for samples that are on their way to the same operation, at most the station's ``load_wait_s``.

    Args:
        ports: stations by name; only looked at.
        travellers: every sample; only looked at.
        schemas: of each kind of operation.
        clock: the lab's.
    """

    def __init__(
        self,
        ports: Mapping[str, Port],
        travellers: Sequence[Traveller],
        schemas: Mapping[str, OperationSchema],
        clock: Clock,
    ) -> None:
        self._ports, self._travellers, self._schemas, self._clock = ports, travellers, schemas, clock

    def waiting(self) -> list[Traveller]:
        """Return the samples that wait for a station, who waits longest first."""
        waiting = [t for t in self._travellers if t.status == "waiting"]
        return sorted(waiting, key=lambda t: (t.waiting_since, t.sample))

    def port_for(self, traveller: Traveller) -> Port | None:
        """Return the station that a sample goes to now, or None while it has to wait."""
        for port in self._ports.values():
            if port.accepts and port.offers(traveller, self._schemas) and self._may_load(port, traveller):
                return port
        return None

    def load_of(self, port: Port, first: Traveller) -> list[Traveller]:
        """Return the samples that go into a station together with `first`."""
        alike = [t for t in self.waiting() if t.fits_with(first)]
        return alike[: port.station.places]

    def next_due(self) -> float | None:
        """Return the lab time [s] at which a load is started although it is not full."""
        offered = [
            self._due(port, t)
            for port in self._ports.values()
            if port.accepts
            for t in self.waiting()
            if port.offers(t, self._schemas)
        ]
        return min(offered, default=None)

    def _may_load(self, port: Port, first: Traveller) -> bool:
        """Return whether to load now, or to wait for samples on their way to the same operation."""
        if len(self.load_of(port, first)) >= port.station.places or self._due(port, first) <= self._clock.monotonic():
            return True
        return not any(self._will_fit(t, first) for t in self._travellers)

    def _due(self, port: Port, first: Traveller) -> float:
        return first.waiting_since + port.station.load_wait_s

    def _will_fit(self, other: Traveller, first: Traveller) -> bool:
        """Return whether a sample that is still on its way will come to the same operation."""
        if other.ended or other.status == "waiting":
            return False
        wanted = first.next_operation
        ahead = other.recipe.operations[other.index + (other.status == "inside") :]
        return wanted is not None and any(o.kind == wanted.kind and o.parameters == wanted.parameters for o in ahead)
