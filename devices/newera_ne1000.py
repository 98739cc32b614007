"""A syringe pump."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Readback, Setting
from labctl.errors import LinkError
from labctl.link import Job, Link

POLL_S = 1.0
RUNNING = "IWX"
"""First letters of the states in which it pumps: infusing, withdrawing, purging."""
SILENCE_S = 60
"""After so long without a word a pump in safe mode stops [s]."""
HEARTBEAT_S = 20.0
"""How often it is spoken to while it pumps [s]."""
_BASIC_MODE = "the pump is in its basic mode"
_STX, _ETX = 0x02, 0x03
_ERRORS = {
    "?": "unknown command",
    "?NA": "not applicable now",
    "?OOR": "out of range",
    "?COM": "garbled on the way",
    "?IGN": "ignored",
}
_ALARMS = {"R": "was reset", "S": "motor stalled", "T": "heard nothing for too long", "E": "program error"}
_MILLILITRES = {"UL": 1e-3, "ML": 1.0}
_MILLILITRES_MIN = {"UM": 1e-3, "MM": 1.0, "UH": 1e-3 / 60.0, "MH": 1.0 / 60.0}


def crc(data: bytes) -> bytes:
    """Return the CRC of a safe-mode packet: polynomial 0x1021, starting at 0, high byte first."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1) ^ 0x1021 if value & 0x8000 else value << 1
        value &= 0xFFFF
    return struct.pack(">H", value)


def ask(link: Link, command: str, parse: Callable[[str, str], Any] = lambda state, data: data) -> Any:
    """Return what `parse` makes of state and data of the answer to a command of pump 00.

    A pump that is in its basic mode, as after switching on, is told to be in its safe mode.

    Raises:
        LinkError: no or an unusable answer, an alarm, a refusal.
    """
    try:
        return _ask(link, command, parse)
    except LinkError as error:
        if _BASIC_MODE not in error.reason:
            raise
        _ask(link, f"SAF{SILENCE_S}", lambda state, data: data)
        return _ask(link, command, parse)


def _ask(link: Link, command: str, parse: Callable[[str, str], Any]) -> Any:
    body = command.encode("ascii")
    request = bytes((_STX, len(body) + 4)) + body + crc(body) + bytes((_ETX,))

    def missing(got: bytes) -> int:
        if len(got) < 4:
            return 4 - len(got)
        if got[1:3] == b"00":  # the basic mode has no length: a packet would be 48 bytes long
            return int(got[-1] != _ETX)
        return max(0, got[1] + 1 - len(got))

    def answer(reply: bytes) -> Any:
        if reply[:3] == bytes((_STX,)) + b"00":
            raise ValueError(_BASIC_MODE)
        if reply[0] != _STX or reply[-1] != _ETX or crc(reply[2:-3]) != reply[-3:-1]:
            raise ValueError("wrong checksum")
        text = reply[2:-3].decode("ascii")
        if text[:2] != "00":
            raise ValueError("another pump")
        if text[2:4] == "A?":
            raise ValueError(f"alarm: {_ALARMS.get(text[4:5], text[4:])}")
        if text[3:] in _ERRORS:
            raise ValueError(f"refused: {_ERRORS[text[3:]]}")
        return parse(text[2:3], text[3:])

    return link.exchange(request, missing, answer)


def _number(units: dict[str, float]) -> Callable[[str, str], float]:
    def parse(state: str, data: str) -> float:
        match = re.match(r"(\d*\.?\d*)([A-Z]*)$", data)
        if match is None or not match[1]:
            raise ValueError("not a number")
        return float(match[1]) * units.get(match[2], 1.0)

    return parse


@dataclass(frozen=True)
class _Value:
    """A number or a word, with the commands that set it, each a format."""

    command: str
    parse: Callable[[str, str], Any]
    writes: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        return self.command

    def read(self, link: Link) -> Any:  # as `parse` gives it
        return ask(link, self.command, self.parse)

    def write(self, link: Link, value: Any) -> None:
        if not self.writes:
            raise TypeError(f"{self.command} is read-only")
        for form in self.writes:
            ask(link, form.format(value))


@dataclass(frozen=True)
class _Volume(_Value):
    """The volume of a run [mL]; the pump counts small syringes in microlitres."""

    @override
    def write(self, link: Link, value: float) -> None:
        unit = ask(link, "VOL")[-2:]
        ask(link, f"VOL{_digits(value / _MILLILITRES[unit])}")


@dataclass(frozen=True)
class _Run:
    """Whether it pumps."""

    @override
    def __str__(self) -> str:
        return "RUN"

    def read(self, link: Link) -> int:
        return int(ask(link, "DIA", lambda state, data: state in RUNNING))

    def write(self, link: Link, value: int) -> None:
        if bool(self.read(link)) != bool(value):
            ask(link, "RUN" if value else "STP")


class _Running(Setting):
    """Whether it pumps; while it does it is spoken to."""

    @override
    def put(self, value: Any, **kwargs: Any) -> None:
        """Start or stop it; raises LimitError, ValueError, `LinkError`."""
        super().put(value, **kwargs)
        self.parent.keep_alive(bool(value))


def _digits(value: float) -> str:
    """Return a number as the pump takes it: at most four digits and a point."""
    return f"{value:.3f}"[:5].rstrip(".")


def _dispensed(way: int) -> Callable[[str, str], float]:
    def parse(state: str, data: str) -> float:
        match = re.match(r"I(\d*\.?\d*)W(\d*\.?\d*)([UM]L)$", data)
        if match is None:
            raise ValueError("not the dispensed volumes")
        return float(match[way]) * _MILLILITRES[match[3]]

    return parse


class NewEraNE1000(LinkedDevice):
    """New Era NE-1000, NE-500 or NE-1010 syringe pump, address 00, in packets of its safe mode.

    Set the diameter first: the highest rate depends on it, and small syringes count in microlitres. A volume of 0
    pumps until it is stopped. While it pumps only the rate may be set, and the device speaks to it every 20 s: when the
    controller dies, the pump stops by itself within a minute.
    """

    protocol = "New Era safe mode: packets with a 16-bit CRC"
    verified = "in simulation, which the driver nesp-lib accepts as well; not yet on hardware"
    source = "New Era Pump Systems, NE-1000 Multi-Phaser User Manual, section 10 (RS-232 protocol, safe mode, commands)"
    safe_state = "Stopped."
    models = ("NE1000", "NE500", "NE1010")
    is_checked = True
    open_options: ClassVar = {"read_termination": "", "write_termination": "", "baud_rate": 19200}
    process = ("infused", "withdrawn", "running")

    diameter = Cpt(
        Setting, point=_Value("DIA", _number({}), ("DIA{:.2f}",)), units="mm", limits=(0.1, 50.0), kind="config"
    )
    rate = Cpt(
        Setting,
        point=_Value("RAT", _number(_MILLILITRES_MIN), ("RAT{:.5g}MM",)),
        units="mL/min",
        limits=(0.001, 28.0),
        kind="normal",
    )
    volume = Cpt(Setting, point=_Volume("VOL", _number(_MILLILITRES)), units="mL", limits=(0.0, 60.0), kind="normal")
    direction = Cpt(
        Setting,
        point=_Value("DIR", lambda state, data: data, ("DIR{}",)),
        units=None,
        dtype="string",
        choices=("INF", "WDR"),
        kind="normal",
    )
    infused = Cpt(Readback, point=_Value("DIS", _dispensed(1)), units="mL", kind="hinted")
    withdrawn = Cpt(Readback, point=_Value("DIS", _dispensed(2)), units="mL", kind="normal")
    running = Cpt(_Running, point=_Run(), units=None, dtype="integer", limits=(0, 1), kind="normal")

    _heartbeat: Job | None = None

    @override
    def identify(self) -> Identity:
        """Ask for the version; raises `LinkError`."""
        model, _, firmware = ask(self.link, "VER").partition("V")
        return Identity("New Era Pump Systems", model, firmware=firmware)

    def dispense(self, volume: float, rate: float, timeout_s: float) -> ClockStatus:
        """Infuse a volume; return a status that ends when it is out.

        Args:
            volume: [mL], above 0, within the limits of `volume`.
            rate: [mL/min].
            timeout_s: lab seconds after which it fails.

        Raises:
            LimitError: a value is outside its limits; nothing was sent.
            LinkError: the pump does not answer or refuses.
        """
        self.volume.check_value(volume)
        self.rate.check_value(rate)
        self.make_safe()
        self.direction.put("INF")
        self.rate.put(rate)
        self.volume.put(volume)
        self.running.put(1)
        return self.start_action(timeout_s).poll(POLL_S, lambda: not self.running.get())

    def keep_alive(self, pumps: bool) -> None:
        """Speak to the pump from now on, or no more."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._heartbeat = self.link.every(HEARTBEAT_S, lambda: ask(self.link, "DIA")) if pumps else None

    @override
    def make_safe(self) -> None:
        """Stop it, where it pumps; raises `LinkError`."""
        self.running.put(0)
