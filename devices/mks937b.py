"""A vacuum gauge controller."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity
from devices._signals import Readback, Setting
from devices.vacuum_gauge import VacuumGauge
from labctl.link import Link

_PASCAL = {"TORR": 133.322368, "MBAR": 100.0, "PASCAL": 1.0, "MICRON": 0.133322368}
_REPLY = re.compile(rb"@253ACK(.*);FF$")
_SHORTEST = len(b"@253ACK0;FF")


def ask(link: Link, command: str, parse: Callable[[str], Any] = str) -> Any:
    """Return the parsed answer of the controller at address 253 to a query such as ``PR1?``; raises `LinkError`."""

    def missing(received: bytes) -> int:
        if received.endswith(b";FF"):
            return 0
        return max(1, _SHORTEST - len(received))

    def answer(reply: bytes) -> Any:
        match = _REPLY.search(reply)
        if match is None:
            raise ValueError("not an acknowledged reply of address 253")
        return parse(match[1].decode("ascii"))

    return link.exchange(f"@253{command};FF".encode(), missing, answer)


def _pascal(unit: str) -> float:
    if unit.upper() not in _PASCAL:
        raise ValueError(f"unknown unit {unit}")
    return _PASCAL[unit.upper()]


@dataclass(frozen=True)
class _Pressure:
    """A sensor's pressure [Pa], whatever unit the front panel is set to."""

    channel: int

    @override
    def __str__(self) -> str:
        return f"PR{self.channel}?"

    def read(self, link: Link) -> float:
        unit_Pa = ask(link, "U?", _pascal)
        return float(ask(link, f"PR{self.channel}?", float)) * unit_Pa

    def write(self, link: Link, value: float) -> None:
        raise TypeError("a pressure is read-only")


@dataclass(frozen=True)
class _Word:
    """A text answer, which some commands also set."""

    query: str
    is_settable: bool = False

    @override
    def __str__(self) -> str:
        return self.query

    def read(self, link: Link) -> str:
        return str(ask(link, self.query))

    def write(self, link: Link, value: str) -> None:
        if not self.is_settable:
            raise TypeError(f"{self.query} is read-only")

        def taken(reply: str) -> None:
            if reply.upper() != value:
                raise ValueError(f"{reply} after {value} was sent")

        ask(link, f"{self.query.rstrip('?')}!{value}", taken)


@dataclass(frozen=True)
class _SetPoint:
    """The pressure at which a relay switches [Pa], whatever unit the front panel is set to."""

    command: str

    @override
    def __str__(self) -> str:
        return f"{self.command}?"

    def read(self, link: Link) -> float:
        return float(ask(link, f"{self.command}?", float)) * float(ask(link, "U?", _pascal))

    def write(self, link: Link, value: float) -> None:
        ask(link, f"{self.command}!{value / float(ask(link, 'U?', _pascal)):.2E}", float)


class MKS937B(VacuumGauge):
    """MKS 937B gauge controller at address 253: a cold cathode on channel 1, a Pirani on channel 2.

    Relay 1 belongs to channel 1; what is wired to it is the laboratory's interlock, so that `make_safe` leaves it and
    the gauges as they are. A gauge that is off, unplugged or out of range answers with a word in place of a number;
    reading its pressure then fails with that word.
    """

    protocol = "MKS ASCII, @253 ... ;FF; no checksum"
    source = "MKS Instruments, Series 937B Operation Manual, chapter 9 'RS232/485 Serial Communication Commands'"
    safe_state = "It only listens: nothing to do."
    models = ("937B",)
    verified = "in simulation, which takes the exchanges of pymeasure's driver; not yet on hardware"
    open_options: ClassVar = {"read_termination": "", "write_termination": "", "baud_rate": 9600}
    process = ("pressure",)

    pressure = Cpt(Readback, point=_Pressure(1), units="Pa", kind="hinted")
    foreline_pressure = Cpt(Readback, point=_Pressure(2), units="Pa", kind="normal")
    gauge_power = Cpt(
        Setting,
        point=_Word("CP1?", is_settable=True),
        units=None,
        dtype="string",
        choices=("ON", "OFF"),
        kind="config",
    )
    relay_setpoint = Cpt(Setting, point=_SetPoint("SP1"), units="Pa", limits=(1e-7, 1e5), kind="config")
    relay_hysteresis = Cpt(Setting, point=_SetPoint("SH1"), units="Pa", limits=(1e-7, 1e5), kind="config")
    relay_direction = Cpt(
        Setting,
        point=_Word("SD1?", is_settable=True),
        units=None,
        dtype="string",
        choices=("BELOW", "ABOVE"),
        kind="config",
    )
    relay_enabled = Cpt(
        Setting,
        point=_Word("EN1?", is_settable=True),
        units=None,
        dtype="string",
        choices=("ENABLE", "CLEAR", "SET"),
        kind="config",
    )
    relay = Cpt(Readback, point=_Word("SS1?"), units=None, dtype="string", kind="normal")
    gauge_type = Cpt(Readback, point=_Word("T1?"), units=None, dtype="string", kind="config")
    panel_unit = Cpt(Readback, point=_Word("U?"), units=None, dtype="string", kind="config")

    @override
    def identify(self) -> Identity:
        """Ask for model, serial number and firmware; raises `LinkError`."""
        return Identity("MKS", ask(self.link, "MD?"), ask(self.link, "SN?"), ask(self.link, "FV?"))

    @override
    def make_safe(self) -> None:
        """Do nothing: the gauge is passive."""
