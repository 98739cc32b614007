"""Instruments that answer as they were recorded: a fault in the field becomes a test with one file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from typing_extensions import override

from labctl.clock import Clock
from labctl.errors import LabError
from labctl.link import Cassette, Recorded
from sim_devices.wire import Instrument, Reply, SimVisaLibrary

_NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")


class CassetteInstrument(Instrument):
    """Answers each request with what was recorded, after the time that it took then.

    A request gets the next recorded answer to it; when it is asked more often than it was recorded, the last one again.
    Text matches in spite of letter case, blanks and forms of numbers (``1`` and ``1.000``). A recorded time-out is
    a time-out again.

    Args:
        clock: the lab's.
        device: its name, for messages.
        exchanges: what was recorded of it, in order.
    """

    def __init__(self, clock: Clock, device: str, exchanges: tuple[Recorded, ...]) -> None:
        super().__init__(clock, seed=device)
        self.device, self._exchanges, self._next = device, exchanges, 0

    @override
    def receive(self, data: bytes) -> list[Reply]:
        """Take a whole request; raises LabError for one that was not recorded."""
        found = self._find(data)
        return [Reply(found.received, found.took_s)] if found.received else []

    def _find(self, request: bytes) -> Recorded:
        alike = [n for n, one in enumerate(self._exchanges) if one.sent == request]
        if not alike:
            wanted = _normal(request)
            alike = [n for n, one in enumerate(self._exchanges) if _normal(one.sent) == wanted]
        if not alike:
            known = {repr(one.sent): None for one in self._exchanges}
            close = get_close_matches(repr(request), known, 1)
            hint = f"; did the recording mean {close[0]}?" if close else ""
            raise LabError(f"cassette: {request!r} was not recorded from {self.device}{hint}")
        number = next((n for n in alike if n >= self._next), alike[-1])
        self._next = max(self._next, number + 1)
        return self._exchanges[number]


def cassette_library(cassette: Cassette, clock: Clock, addresses: Mapping[str, str]) -> SimVisaLibrary:
    """Return a VISA library with the recorded instruments.

    Args:
        cassette: the recording.
        clock: the lab's.
        addresses: of the devices, by the names they were recorded with.
    """
    library = SimVisaLibrary.create(clock)
    for device, address in addresses.items():
        library.add(address, CassetteInstrument(clock, device, cassette.of(device)))
    return library


def _normal(request: bytes) -> str:
    """Return a text request without what does not matter; bytes that are no text stay as they are."""
    text = request.decode("latin1")
    if not text.rstrip("\r\n").isprintable():
        return text
    return _NUMBER.sub(lambda number: f"{float(number[0]):.9g}", " ".join(text.upper().split()))
