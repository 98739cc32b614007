"""A radio-frequency sputter supply."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._consumption import Consumption
from devices._device import Identity, LinkedDevice
from devices._signals import Follows, Readback, Setting
from labctl.errors import LabError
from labctl.link import Job, Link

HEARTBEAT_S = 1.0
"""How often it is pinged while a setting is in force [s]; after 2 s of silence it switches off."""
RF_ON = 1
STATUS_BITS = {256: "forward power limit", 512: "reverse power limit", 1024: "too hot", 2048: "interlock open"}
_ACKNOWLEDGED, _REFUSED = 0x2A, 0x3F


def checksum(message: bytes) -> bytes:
    """Return the sum of all bytes as two bytes, high one first."""
    return struct.pack(">H", sum(message) & 0xFFFF)


def tell(link: Link, letters: str, first: int = 0, second: int = 0) -> None:
    """Send a command that is acknowledged and has no answer; raises `LinkError`."""

    def acknowledged(reply: bytes) -> None:
        if reply != b"*":
            raise ValueError("refused" if reply[:1] == b"?" else "not acknowledged")

    link.exchange(_command(letters, first, second), lambda got: 1 - len(got), acknowledged)


def ask(link: Link, letters: str, first: int = 0) -> bytes:
    """Return the data of the answer to a query; raises `LinkError`."""

    def missing(got: bytes) -> int:
        if len(got) < 5:
            return 0 if got[:1] == b"?" else 5 - len(got)
        return 7 + int.from_bytes(got[3:5], "big") - len(got)

    def data(reply: bytes) -> bytes:
        if reply[0] != _ACKNOWLEDGED:
            raise ValueError("refused" if reply[0] == _REFUSED else "not acknowledged")
        if reply[1:3] != b"R\x00" or checksum(reply[1:-2]) != reply[-2:]:
            raise ValueError("wrong checksum")
        return reply[5:-2]

    return link.exchange(_command(letters, first, 0), missing, data)


def _command(letters: str, first: int, second: int) -> bytes:
    message = b"C\x00" + letters.encode("ascii") + struct.pack(">HH", first, second)
    return message + checksum(message)


@dataclass(frozen=True)
class _Word:
    """One 16-bit number of an answer, and the command that sets it."""

    query: str
    index: int
    scale: float = 1.0
    command: str = ""

    @override
    def __str__(self) -> str:
        return f"{self.query}[{self.index}]"

    def read(self, link: Link) -> float:
        data = ask(link, self.query)
        return float(int.from_bytes(data[2 * self.index : 2 * self.index + 2], "big")) / self.scale

    def write(self, link: Link, value: float) -> None:
        if not self.command:
            raise TypeError(f"{self.query} is read-only")
        tell(link, self.command, round(value))


@dataclass(frozen=True)
class _Output:
    """Radio frequency on or off."""

    @override
    def __str__(self) -> str:
        return "GS bit 0"

    def read(self, link: Link) -> int:
        return ask(link, "GS")[1] & RF_ON

    def write(self, link: Link, value: int) -> None:
        tell(link, "BR", 0x5555 if value else 0)


class _Held(Setting):
    """A setting that the supply keeps only while it is pinged."""

    @override
    def put(self, value: Any, **kwargs: Any) -> None:
        """Take control, then send; raises LimitError, ValueError, `LinkError`."""
        self.check_value(value)
        self.parent.hold_control()
        super().put(value, **kwargs)


class TCPowerCXN(LinkedDevice):
    """T&C Power Conversion CXN or AG 0113/0313 (also sold by AJA): forward power up to 300 W, automatic matching.

    The supply takes settings only from who has control, and switches itself off when it hears nothing for 2 s. The
    device takes control with the first setting and pings it every second until `make_safe`: when the controller dies,
    the radio frequency goes off within 2 s, whatever the supervisor does.
    """

    protocol = "binary frames with a 16-bit sum"
    source = "T&C Power Conversion, AG Series Plasma Generator User Manual, chapter 'RS-232 serial protocol'"
    safe_state = "Radio frequency off, set point 0 W, control released."
    models = ("AG 0113", "AG 0313")
    is_checked = True
    verified = "in simulation, which takes the exchanges of pymeasure's driver; not yet on hardware"
    open_options: ClassVar = {"read_termination": "", "write_termination": "", "baud_rate": 38400}
    process = ("forward_power", "reverse_power", "load_power", "setpoint", "bias_voltage", "status")
    consumes: ClassVar = {"forward_power": (Consumption("electricity"),), "load_power": (Consumption("target"),)}

    forward_power = Cpt(
        Readback, point=_Word("GP", 0, 10), units="W", follows=Follows("setpoint", 3.0, "output"), kind="hinted"
    )
    reverse_power = Cpt(Readback, point=_Word("GP", 1, 10), units="W", kind="normal")
    load_power = Cpt(Readback, point=_Word("GP", 2, 10), units="W", kind="normal")
    setpoint = Cpt(_Held, point=_Word("GL", 0, 10, "SA"), units="W", limits=(0.0, 300.0), kind="normal")
    load_capacitor = Cpt(Readback, point=_Word("GT", 1, 10), units="percent", kind="normal")
    tune_capacitor = Cpt(Readback, point=_Word("GT", 2, 10), units="percent", kind="normal")
    bias_voltage = Cpt(Readback, point=_Word("GT", 3), units="V", kind="normal")
    preset = Cpt(_Held, point=_Word("GT", 4, 1, "TP"), units=None, dtype="integer", limits=(0, 9), kind="config")
    temperature = Cpt(Readback, point=_Word("GS", 1, 10), units="degC", kind="normal")
    status = Cpt(Readback, point=_Word("GS", 0), units=None, dtype="integer", kind="normal")
    power_limit = Cpt(Readback, point=_Word("Gp", 1, 10), units="W", kind="config")
    output = Cpt(_Held, point=_Output(), units=None, dtype="integer", limits=(0, 1), kind="normal")

    _heartbeat: Job | None = None

    @override
    def identify(self) -> Identity:
        """Ask for name, serial number and firmware; raises `LinkError`."""
        name, serial = (ask(self.link, "Gi", n)[2:].decode("ascii").strip("\0 ") for n in (1, 2))
        ui_major, ui_minor, rf_major, rf_minor = ask(self.link, "Gf")[:4]
        return Identity("T&C Power Conversion", name, serial, f"UI {ui_major}.{ui_minor}, RF {rf_major}.{rf_minor}")

    def hold_control(self) -> None:
        """Take control and keep it until `make_safe`; raises `LinkError`, LabError where somebody else has it."""
        if int.from_bytes(ask(self.link, "BC", 0x5555), "big") != 1:
            raise LabError(f"{self.name} ({self.link.address}) gives no control: its panel or analog port has it")
        if self._heartbeat is None:
            self._heartbeat = self.link.every(HEARTBEAT_S, lambda: tell(self.link, "BP"))

    @override
    def alarms(self, readings: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Return the bits of the status that are a complaint, in words."""
        word = int(readings[self.status.name]["value"])
        return tuple(text for bit, text in STATUS_BITS.items() if word & bit)

    @override
    def make_safe(self) -> None:
        """Release the control, which ends everything at once, and look; raises `LinkError`, LabError."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None
        ask(self.link, "BC", 0)
        if self.output.get():
            raise LabError(f"{self.name}: the radio frequency stays on")
