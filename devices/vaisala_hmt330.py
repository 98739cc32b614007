"""A temperature and humidity sensor for the room."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from ophyd import Component as Cpt
from pyvisa.constants import Parity
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Readback
from labctl.link import Link, Plausible


@dataclass(frozen=True)
class _Labelled:
    """A number behind its label in the line that ``SEND`` gives."""

    label: str
    plausible: Plausible

    @override
    def __str__(self) -> str:
        return f"SEND {self.label}"

    def read(self, link: Link) -> float:
        def parse(reply: str) -> float:
            match = re.search(rf"\b{self.label}=\s*([-+]?\d+\.?\d*)", reply)
            if match is None:
                raise ValueError(f"no {self.label}")
            return float(match[1])

        return link.query("SEND", parse, plausible=self.plausible)

    def write(self, link: Link, value: float) -> None:
        raise TypeError(f"{self.label} is read-only")


class VaisalaHMT330(LinkedDevice):
    """Vaisala HMT330 transmitter on its serial port, STOP mode, default output format, factory line settings.

    Its echo must be off (``ECHO OFF``), or the command itself comes back in the place of the reply.
    """

    protocol = "ASCII lines, no checksum; numbers are checked for plausibility"
    source = "Vaisala, HMT330 User's Guide M210566EN, chapter 'Serial line commands' (SEND, VERS, SNUM)"
    safe_state = "It only listens: nothing to do."
    models = ("HMT330", "HMT333")
    open_options: ClassVar = {
        "read_termination": "\n",
        "write_termination": "\r",
        "baud_rate": 4800,
        "data_bits": 7,
        "parity": Parity.even,
    }

    temperature = Cpt(Readback, point=_Labelled("T", Plausible(-40, 80, 1.0)), units="degC", kind="normal")
    humidity = Cpt(Readback, point=_Labelled("RH", Plausible(0, 100, 5.0)), units="percent", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask for version and serial number; raises `LinkError`."""
        model, _, firmware = self.link.query("VERS", str).partition(" / ")
        serial = self.link.query("SNUM", str).rpartition(":")[2].strip()
        return Identity("Vaisala", model, serial, firmware)

    @override
    def make_safe(self) -> None:
        """Do nothing: the sensor is passive."""
