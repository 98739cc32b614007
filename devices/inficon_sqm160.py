"""A film-thickness monitor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd.status import Status
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Readback
from labctl.link import Link

_STATUS = {
    ord("B"): "the monitor was reset",
    ord("C"): "invalid command",
    ord("D"): "problem with its data",
    ord("E"): "wrong mode for it",
}
_KILOANGSTROM_NM, _ANGSTROM_NM = 100.0, 0.1


def check_bytes(message: bytes) -> bytes:
    """Return the two check characters of a message: a 14-bit CRC, 7 bits each, above 34."""
    value = 0x3FFF
    for byte in message:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0x2001 if value & 1 else value >> 1
    return bytes(((value & 0x7F) + 34, (value >> 7 & 0x7F) + 34))


def ask(link: Link, command: str, parse: Callable[[str], Any] = str) -> Any:
    """Send a command and return its parsed reply; raises `LinkError`."""
    body = bytes([len(command) + 34]) + command.encode("ascii")

    def missing(received: bytes) -> int:
        whole = 5 if len(received) < 2 else max(received[1] - 35, 1) + 4
        return whole - len(received)

    def message(reply: bytes) -> Any:
        if reply[:1] != b"!":
            raise ValueError("no sync character")
        if check_bytes(reply[1:-2]) != reply[-2:]:
            raise ValueError("wrong checksum")
        if reply[2] != ord("A"):
            raise ValueError(f"refused: {_STATUS.get(reply[2], f'status {chr(reply[2])}')}")
        return parse(reply[3:-2].decode("ascii"))

    return link.exchange(b"!" + body + check_bytes(body), missing, message)


@dataclass(frozen=True)
class _Reading:
    """A number that a one-sensor query gives, times `scale`."""

    query: str
    scale: float = 1.0

    @override
    def __str__(self) -> str:
        return self.query

    def read(self, link: Link) -> float:
        return float(ask(link, self.query, float)) * self.scale

    def write(self, link: Link, value: float) -> None:
        raise TypeError(f"{self.query} is read-only")


class InficonSQM160(LinkedDevice):
    """Inficon SQM-160 with one quartz on channel 1; it calls itself "MON".

    Thickness comes in kiloangstrom with three decimals, so in steps of 0.1 nm, as the panel shows it; one
    public driver takes the same number for angstrom. Compare with the panel before the first deposition.
    """

    protocol = "ASCII frames with a 14-bit CRC"
    source = "Inficon, SQM-160 Operating Manual 074-511-P1, chapter 'Communications' (protocol, query commands)"
    safe_state = "It only listens: nothing to do."
    models = ("MON",)
    verified = "in simulation, which takes the exchanges of pymeasure's driver; not yet on hardware"
    is_checked = True
    open_options: ClassVar = {"read_termination": "", "write_termination": "", "baud_rate": 19200}
    process = ("thickness", "rate")

    thickness = Cpt(Readback, point=_Reading("N1", _KILOANGSTROM_NM), units="nm", kind="hinted")
    rate = Cpt(Readback, point=_Reading("L1?", _ANGSTROM_NM), units="nm/s", kind="normal")
    frequency = Cpt(Readback, point=_Reading("P1"), units="Hz", kind="normal")
    crystal_life = Cpt(Readback, point=_Reading("R1"), units="percent", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask for the version; raises `LinkError`."""
        model, _, firmware = ask(self.link, "@").partition(" Ver ")
        return Identity("Inficon", model.strip(), firmware=firmware.strip())

    def start_from_zero(self) -> Status:
        """Set thickness and rate to zero; return a finished status. Raises `LinkError`."""
        ask(self.link, "S")
        return self.finished()

    @override
    def make_safe(self) -> None:
        """Do nothing: the monitor is passive."""
