"""One instrument on a simulated wire, and the link to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pyvisa

from labctl.clock import VirtualClock
from labctl.link import Link
from sim_devices.wire import Fault, LineInstrument, SimVisaLibrary

SERIAL, GPIB = "ASRL1::INSTR", "GPIB0::3::INSTR"


class Counter(LineInstrument):
    """Answers ``N?`` with how often it was asked, ``ECHO x`` with x; counts what acts in `acted`."""

    request_end = b"\n"
    reply_end = b"\n"

    def __init__(self, clock: VirtualClock, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, "counter", faults)
        self.asked, self.acted = 0, 0

    def answer_line(self, line: str) -> str | None:
        command, _, words = line.partition(" ")
        if command == "N?":
            self.asked += 1
            return str(self.asked)
        if command == "ACT":
            self.acted += 1
            return "OK"
        return words if command == "ECHO" else None


class Wire:
    """A counter and its link; time runs only inside the calls."""

    def __init__(self, faults: Sequence[Fault] = (), address: str = SERIAL, **options: Any) -> None:
        self.clock = VirtualClock(stall_s=20)
        self.library = SimVisaLibrary.create(self.clock)
        self.instrument = Counter(self.clock, faults)
        self.library.add(address, self.instrument)
        self.link = Link(pyvisa.ResourceManager(self.library), address, self.clock, device="counter", **options)


@pytest.fixture
def wire() -> Iterator[Callable[..., Wire]]:
    """Make a `Wire`; its link and clock are closed at the end of the test."""
    made: list[Wire] = []

    def make(*args: Any, **options: Any) -> Wire:
        made.append(Wire(*args, **options))
        return made[-1]

    yield make
    for one in made:
        one.link.close()
        one.clock.close()


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "wire.log"
