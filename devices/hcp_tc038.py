"""An oven controller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ophyd import Component as Cpt
from pyvisa.constants import Parity
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Follows, Readback, Setting
from labctl.link import Link, Plausible

COLD_DEGC = 20.0
"""Lowest set point: below it the oven gets no heat."""
_ERRORS = {
    "02": "unknown command",
    "03": "no such register",
    "04": "set point out of range",
    "05": "wrong number of data",
    "06": "nothing is monitored",
    "08": "illegal parameter",
}


def ask(link: Link, command: str) -> str:
    """Return the data of station 01's answer to a command; raises `LinkError`."""

    def data(reply: str) -> str:
        text = reply.strip()
        if text[:5] != "\x020101" or text[-1:] != "\x03":
            raise ValueError("not an answer of station 01")
        if text[5:7] != "OK":
            raise ValueError(f"refused: {_ERRORS.get(text[7:9], text[5:-1])}")
        return text[7:-1]

    return link.query(f"\x0201010{command}\x03", data)


@dataclass(frozen=True)
class _Register:
    """A register in tenths of a degree."""

    name: str
    plausible: Plausible
    is_settable: bool = False

    @override
    def __str__(self) -> str:
        return self.name

    def read(self, link: Link) -> float:
        def data(reply: str) -> float:
            if reply[:7] != "\x020101OK" or len(reply) < 12:
                raise ValueError("not a register of station 01")
            word = int(reply[7:11], 16)
            return (word - 0x10000 if word & 0x8000 else word) / 10.0

        return link.query(f"\x0201010WRD{self.name},01\x03", data, plausible=self.plausible)

    def write(self, link: Link, value: float) -> None:
        if not self.is_settable:
            raise TypeError(f"{self.name} is read-only")
        ask(link, f"WWR{self.name},01,{round(value * 10):04X}")


class HcpTC038(LinkedDevice):
    """HC Photonics TC038 crystal oven (alternating current; a Yokogawa UT150 inside), station 01.

    It has no command that switches the heater off: made safe, its set point is 20 degC. The line has no checksum; the
    maker's own users report garbled bytes, so that temperatures are checked for plausibility.
    """

    protocol = "Yokogawa PC link without check sum; numbers are checked for plausibility"
    source = "HC Photonics, TC038 Temperature Controller User Manual, chapter 'Communication' (WRD, WWR, INF6)"
    safe_state = "Set point 20 degC: no heat above room temperature."
    models = ("UT150",)
    verified = "in simulation, which takes the exchanges of pymeasure's driver; not yet on hardware"
    open_options: ClassVar = {
        "read_termination": "\r",
        "write_termination": "\r",
        "baud_rate": 9600,
        "parity": Parity.even,
    }
    process = ("temperature", "setpoint")

    temperature = Cpt(
        Readback,
        point=_Register("D0002", Plausible(-20, 250, 5.0)),
        units="degC",
        follows=Follows("setpoint", 2.0),
        kind="hinted",
    )
    setpoint = Cpt(
        Setting,
        point=_Register("D0120", Plausible(COLD_DEGC, 200), is_settable=True),
        units="degC",
        limits=(COLD_DEGC, 200.0),
        kind="normal",
    )

    @override
    def identify(self) -> Identity:
        """Ask for the information about the controller; raises `LinkError`."""
        told = ask(self.link, "INF6")
        return Identity("HC Photonics", told[:8].strip(), firmware=told[9:16].strip())

    @override
    def make_safe(self) -> None:
        """Set the lowest set point; raises `LinkError`."""
        self.setpoint.put(COLD_DEGC)
