"""A turbo pump."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._consumption import Consumption
from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Readback, Setting
from labctl.errors import LabError
from labctl.link import Link

POLL_S = 5.0
_REFUSALS = {"NO_DEF": "no such parameter", "_RANGE": "out of range", "_LOGIC": "access error"}


def checksum(text: str) -> str:
    """Return the sum of all characters modulo 256 as three digits."""
    return f"{sum(text.encode('ascii')) % 256:03d}"


def _converse(link: Link, action: str, parameter: str, data: str) -> str:
    body = f"001{action}{parameter}{len(data):02d}{data}"

    def answer(reply: str) -> str:
        text, check = reply[:-3], reply[-3:]
        if check != checksum(text):
            raise ValueError("wrong checksum")
        if text[:8] != f"00110{parameter}" or not text[8:10].isdigit() or len(text) != 10 + int(text[8:10]):
            raise ValueError("another telegram")
        told = text[10:]
        if told in _REFUSALS:
            raise ValueError(f"refused: {_REFUSALS[told]}")
        return told

    return link.query(body + checksum(body), answer)


@dataclass(frozen=True)
class _Parameter:
    """One parameter of the drive.

    Args:
        number: three digits.
        kind: ``boolean`` (six ones or zeros), ``whole`` and ``real`` (six digits), ``short`` (three), ``text``.
        is_settable: whether it can be written.
    """

    number: str
    kind: str = "whole"
    is_settable: bool = False

    @override
    def __str__(self) -> str:
        return f"parameter {self.number}"

    def read(self, link: Link) -> Any:  # as its kind says
        told = _converse(link, "00", self.number, "=?")
        if self.kind == "boolean":
            return int(told == "111111")
        if self.kind == "text":
            return told.strip()
        return int(told) / 100.0 if self.kind == "real" else int(told)

    def write(self, link: Link, value: float) -> None:
        if not self.is_settable:
            raise TypeError(f"{self} is read-only")
        data = {
            "boolean": "111111" if value else "000000",
            "real": f"{round(100 * value):06d}",
            "short": f"{round(value):03d}",
        }[self.kind]
        if _converse(link, "10", self.number, data) != data:
            raise LabError(f"{link.device} ({link.address}): {self} is not taken")


class PfeifferTC400(LinkedDevice):
    """Pfeiffer HiPace turbo pump with the drive TC 400 or TC 80 at address 1.

    Made safe it is not driven any more, and its rotor runs down for many minutes: keep it out of the devices of an
    operation whose end must not cost the vacuum, and let an interlock watch it. `error` is not 000000 after a fault;
    acknowledge it at the drive.
    """

    protocol = "Pfeiffer Vacuum protocol: ASCII telegrams with a checksum"
    source = (
        "Pfeiffer Vacuum, TC 400 Electronic Drive Unit Operating Instructions PT 0203 BEN, chapters 'Pfeiffer Vacuum "
        "protocol' and 'Parameter set'"
    )
    safe_state = "Motor off: the rotor runs down, and the drive vents as its venting mode says."
    models = ("TC 400", "TC 80", "TC400")
    verified = "in simulation, which the driver pfeiffer-vacuum-protocol accepts; not yet on hardware"
    is_checked = True
    open_options: ClassVar = {"read_termination": "\r", "write_termination": "\r", "baud_rate": 9600}
    process = ("speed", "drive_power", "bearing_temperature", "error")
    consumes: ClassVar = {"drive_power": (Consumption("electricity"),)}

    speed = Cpt(Readback, point=_Parameter("309"), units="Hz", kind="hinted")
    nominal_speed = Cpt(Readback, point=_Parameter("315"), units="Hz", kind="config")
    target_speed = Cpt(Readback, point=_Parameter("308"), units="Hz", kind="normal")
    standby_speed = Cpt(
        Setting, point=_Parameter("707", "real", is_settable=True), units="percent", limits=(20.0, 100.0), kind="normal"
    )
    speed_mode = Cpt(
        Setting,
        point=_Parameter("026", "short", is_settable=True),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="normal",
    )
    at_speed = Cpt(Readback, point=_Parameter("306", "boolean"), units=None, dtype="integer", kind="normal")
    motor = Cpt(
        Setting,
        point=_Parameter("023", "boolean", is_settable=True),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="normal",
    )
    drive_power = Cpt(Readback, point=_Parameter("316"), units="W", kind="normal")
    drive_current = Cpt(Readback, point=_Parameter("310", "real"), units="A", kind="normal")
    bearing_temperature = Cpt(Readback, point=_Parameter("342"), units="degC", kind="normal")
    motor_temperature = Cpt(Readback, point=_Parameter("346"), units="degC", kind="normal")
    operating_hours = Cpt(Readback, point=_Parameter("311"), units="h", kind="config")
    error = Cpt(Readback, point=_Parameter("303", "text"), units=None, dtype="string", kind="normal")
    pumping = Cpt(
        Setting,
        point=_Parameter("010", "boolean", is_settable=True),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="normal",
    )

    venting = Cpt(
        Setting,
        point=_Parameter("012", "boolean", is_settable=True),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="config",
    )
    vent_mode = Cpt(
        Setting,
        point=_Parameter("030", "short", is_settable=True),
        units=None,
        dtype="integer",
        limits=(0, 2),
        kind="config",
    )

    @override
    def identify(self) -> Identity:
        """Ask for name and firmware of the drive; raises `LinkError`."""
        firmware = _Parameter("312", "text").read(self.link)
        return Identity("Pfeiffer Vacuum", _Parameter("349", "text").read(self.link), firmware=firmware)

    def run_up(self, timeout_s: float) -> ClockStatus:
        """Start pumping; return a status that ends when the rotor has its speed; raises `LinkError`."""
        self.motor.put(1)
        self.pumping.put(1)

        def is_up() -> bool:
            if (error := self.error.get()) != "000000":
                raise RuntimeError(f"{self.name} has stopped: {error}")
            return bool(self.at_speed.get())

        return self.start_action(timeout_s).poll(POLL_S, is_up)

    def run_down(self, below: float, timeout_s: float) -> ClockStatus:
        """Stop pumping; return a status that ends when the rotor is slower than `below` [Hz]; raises `LinkError`."""
        self.pumping.put(0)
        return self.start_action(timeout_s).poll(POLL_S, lambda: self.speed.get() < below)

    @override
    def alarms(self, readings: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Return the drive's error."""
        error = str(readings[self.error.name]["value"])
        return () if error == "000000" else (f"drive says {error}",)

    @override
    def make_safe(self) -> None:
        """Switch the motor off; raises `LinkError`, LabError."""
        self.pumping.put(0)
