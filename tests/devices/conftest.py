"""Each device class on its simulated instrument, alone or in the example's laboratory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import pyvisa

from devices import DEVICES, LinkedDevice, device_class
from labctl.clock import VirtualClock
from labctl.lab import build_lab
from labctl.link import Link
from sim_devices.process_tool import SimProcessTool
from sim_devices.recipe_table import SimRecipeTable
from sim_devices.wire import Fault, Instrument, LineInstrument, SimVisaLibrary
from tests.laboratory import SCHEMAS, example_lab

IN_THE_EXAMPLE = {
    "AjaDCXS": "magnetron",
    "AlicatMC": "argon",
    "Eurotherm3216": "furnace_a_control",
    "InficonSQM160": "quartz",
    "Keithley2400": "probe_meter",
    "MKS937B": "chamber_gauge",
    "SampleMover": "robot",
    "ThorlabsPM100D": "photometer_meter",
    "VaisalaHMT330": "room",
}
"""A device of each class in the example's lab file; a table of recipes is none of its tools."""
CLASSES = tuple(sorted(DEVICES))


class Recorded(Instrument):
    """Answers published requests with the published replies, byte for byte."""

    def __init__(self, clock: VirtualClock, exchanges: Mapping[bytes, bytes]) -> None:
        super().__init__(clock, "recorded")
        self.exchanges, self.requests = dict(exchanges), list[bytes]()

    def take_request(self, received: bytearray) -> bytes | None:
        if not received:
            return None
        request = bytes(received)
        received.clear()
        return request

    def answer(self, request: bytes) -> bytes | None:
        self.requests.append(request)
        return self.exchanges.get(request)


class Stranger(LineInstrument):
    """Another instrument, which answers everything with its own words, on any line end."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock, "stranger")

    def take_request(self, received: bytearray) -> bytes | None:
        data = bytes(received)
        received.clear()
        return data or None

    def answer_line(self, line: str) -> str | None:
        return "ACME,Toaster 9000,1,1.0\n" * 4


def connect(
    name: str, instrument: Instrument, clock: VirtualClock, address: str = "ASRL1::INSTR", **options: Any
) -> LinkedDevice:
    """Return a device of a class on an instrument, linked as a laboratory links it."""
    library, kind = SimVisaLibrary.create(clock), device_class(name)
    library.add(address, instrument)
    settings = dict(kind.open_options)
    link = Link(
        pyvisa.ResourceManager(library),
        address,
        clock,
        device="thing",
        read_termination=settings.get("read_termination", "\n"),
        write_termination=settings.get("write_termination", "\n"),
        **options,
    )
    return kind(name="thing", link=link)


class Made:
    """A device, its simulated instrument, and what the laboratory around it is."""

    def __init__(self, kind: str, faults: Sequence[Mapping[str, Any]]) -> None:
        self.clock = VirtualClock(stall_s=20)
        if kind in ("ProcessTool", "RecipeTable"):
            rows = [{"hardness": float(n)} for n in range(10)]
            plan = [Fault(f["kind"], f.get("start", 0.0), f.get("duration", float("inf"))) for f in faults]
            self.instrument: Instrument = (
                SimRecipeTable(self.clock, 1, rows, plan)
                if kind == "RecipeTable"
                else SimProcessTool(self.clock, 1, plan)
            )
            self.device = connect(kind, self.instrument, self.clock, "TCPIP0::10.0.0.9::5025::SOCKET")
            return
        name = IN_THE_EXAMPLE[kind]
        file = example_lab([{"device": name, **fault} for fault in faults])
        self.lab = build_lab(file, self.clock, SCHEMAS, seed=1)
        assert self.lab.plant is not None
        self.device, self.instrument = self.lab.devices[name], self.lab.plant.instruments[name]

    @property
    def sent(self) -> list[bytes]:
        return [exchange.sent for exchange in self.device.link.log]


@pytest.fixture
def make() -> Iterator[Callable[..., Made]]:
    """Make a device of a class, with faults as lab files have them."""
    made: list[Made] = []

    def build(kind: str, *faults: Mapping[str, Any]) -> Made:
        made.append(Made(kind, faults))
        return made[-1]

    yield build
    for one in made:
        one.device.link.close()
        one.clock.close()


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    made = VirtualClock(stall_s=20)
    yield made
    made.close()
