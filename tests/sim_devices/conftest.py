"""Simulated instruments below pyvisa, on simulated time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import pyvisa

from labctl.clock import VirtualClock
from sim_devices.plant import Ambient, Line, SputterChamber, TubeFurnace
from sim_devices.wire import Instrument, SimVisaLibrary


class Bench:
    """A line with a chamber and a furnace, and room for instruments on every kind of bus."""

    def __init__(self) -> None:
        self.clock = VirtualClock(stall_s=20)
        self.library = SimVisaLibrary.create(self.clock)
        self.manager = pyvisa.ResourceManager(self.library)
        self.line = Line(self.clock, 1)
        self.line.add_places("rack", 4)
        self.line.load_substrates("rack")
        self.chamber = SputterChamber(self.line, self.line.add_places("chamber", 1))
        self.furnace = TubeFurnace(self.line, self.line.add_places("furnace", 2))
        self.ambient: Ambient = self.line.ambient

    def connect(self, address: str, instrument: Instrument, **options: object) -> pyvisa.resources.MessageBasedResource:
        self.library.add(address, instrument)
        return self.manager.open_resource(address, **options)


def say(instrument: Instrument, request: bytes | str) -> bytes | str:
    """Hand a request to an instrument and return its replies, joined, as text for text."""
    data = request if isinstance(request, bytes) else request.encode("latin1")
    replies = b"".join(reply.data for reply in instrument.receive(data))
    return replies if isinstance(request, bytes) else replies.decode("latin1").rstrip("\r\n")


def lines(instrument: Instrument, *requests: str, end: str = "\n") -> Sequence[str]:
    """Return the reply to each line."""
    return [str(say(instrument, request + end)) for request in requests]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    with made.clock.held():
        yield made
    made.manager.close()
    made.clock.close()
