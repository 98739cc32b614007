"""Each device class on its simulated instrument, alone or in the example's laboratory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pyvisa

from devices import DEVICES, LinkedDevice
from labctl.clock import VirtualClock
from labctl.lab import LabFile, build_lab
from labctl.lab._kinds import device_kind
from labctl.link import Link
from sim_devices.wire import Instrument, LineInstrument, SimVisaLibrary
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
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "instruments"
DESCRIBED = {"hot_plate.yaml": EXAMPLES / "hot_plate.yaml", "chiller.yaml": EXAMPLES / "chiller.yaml"}
"""Instruments that a file describes, tried as those that have a class."""
ADDRESSES = {"hot_plate.yaml": "TCPIP0::10.0.0.9::5025::SOCKET", "chiller.yaml": "ASRL9::INSTR"}
CLASSES = (*sorted(DEVICES), *DESCRIBED)


def kind_of(name: str) -> str:
    """Return what stands in a lab file for a class."""
    return str(DESCRIBED.get(name, name))


def class_of(name: str) -> type[LinkedDevice]:
    """Return a device class, or the one that a file describes."""
    return device_kind(kind_of(name))


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
    library, kind = SimVisaLibrary.create(clock), class_of(name)
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


def bench(kind: str, faults: Sequence[Mapping[str, Any]] = ()) -> LabFile:
    """Return a lab file with one device of a class at the one place of a station."""
    address = ADDRESSES.get(kind) or class_of(kind).example_address
    return LabFile.model_validate(
        {
            "lab": "bench",
            "operator": "nobody",
            "devices": {"thing": {"class": kind_of(kind), "address": address}},
            "stations": {"bench": {"operations": {"measure_sheet_resistance": {"meter": "thing"}}}},
            "racks": {"rack": 1},
            "simulated": {"faults": [{"device": "thing", **in_words(fault)} for fault in faults]},
        }
    )


def in_words(fault: Mapping[str, Any]) -> dict[str, Any]:
    return {key: f"{value} s" if key in ("start", "duration") else value for key, value in fault.items()}


class Made:
    """A device, its simulated instrument, and the laboratory around it."""

    def __init__(self, kind: str, file: LabFile) -> None:
        self.clock = VirtualClock(stall_s=20)
        rows = [{"hardness": float(n)} for n in range(10)]
        self.lab = build_lab(file, self.clock, SCHEMAS, seed=1, rows=rows)
        assert self.lab.plant is not None
        name = next(name for name, entry in file.devices.items() if entry.kind == kind_of(kind))
        self.device, self.instrument = self.lab.devices[name], self.lab.plant.instruments[name]

    @property
    def sent(self) -> list[bytes]:
        return [exchange.sent for exchange in self.device.link.log]


@pytest.fixture
def make() -> Iterator[Callable[..., Made]]:
    """Make a device of a class alone on a bench, with faults as lab files have them."""
    yield from making(bench)


@pytest.fixture
def make_in_example() -> Iterator[Callable[..., Made]]:
    """Make a device of a class in the example's laboratory, with faults as lab files have them."""

    def file(kind: str, faults: Sequence[Mapping[str, Any]]) -> LabFile:
        if kind not in IN_THE_EXAMPLE:
            return bench(kind, faults)
        return example_lab([{"device": IN_THE_EXAMPLE[kind], **fault} for fault in faults])

    yield from making(file)


def making(file: Callable[[str, Sequence[Mapping[str, Any]]], LabFile]) -> Iterator[Callable[..., Made]]:
    made: list[Made] = []

    def build(kind: str, *faults: Mapping[str, Any]) -> Made:
        made.append(Made(kind, file(kind, faults)))
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
