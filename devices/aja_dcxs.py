"""A DC sputter supply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._consumption import Consumption
from devices._device import Identity, LinkedDevice
from devices._signals import Follows, Readback, Setting
from labctl.errors import LabError
from labctl.link import Link, Plausible

OFF, ON = 0, 1
POWER = 0
"""Regulation in which the set point is a power."""


def _text(reply: bytes) -> str:
    return reply.decode("ascii")


def _number(reply: bytes) -> float:
    return float(int(reply))


def _first_shutter(reply: bytes) -> int:
    return reply[0] & 1


@dataclass(frozen=True)
class _Fixed:
    """A one-letter query with a reply of fixed length, and the command that sets the same."""

    query: str
    length: int
    command: str | None = None
    parse: Callable[[bytes], Any] = _number
    plausible: Plausible | None = None

    @override
    def __str__(self) -> str:
        return self.query

    def read(self, link: Link) -> Any:  # as `parse` gives it
        def missing(received: bytes) -> int:
            return self.length - len(received)

        return link.exchange(self.query.encode(), missing, self.parse, plausible=self.plausible)

    def write(self, link: Link, value: Any) -> None:
        if self.command is None:
            raise TypeError(f"{self.query} is read-only")
        link.write(self.command.format(round(value)))


@dataclass(frozen=True)
class _Output:
    """On and off are two letters."""

    @override
    def __str__(self) -> str:
        return "a"

    def read(self, link: Link) -> int:
        return int(_Fixed("a", 1, plausible=Plausible(0, 1)).read(link))

    def write(self, link: Link, value: int) -> None:
        link.write("A" if value else "B")


class AjaDCXS(LinkedDevice):
    """AJA DCXS-750 DC magnetron supply: power regulation, one gun, automatic shutter.

    In another regulation its set point would be volts or milliamperes: `connect` then refuses it.
    The supply opens the gun's shutter `shutter_delay` after its output went on, and closes it when the
    output goes off.
    """

    protocol = "single letters, replies of fixed length, no checksum; numbers are checked for plausibility"
    source = "AJA International, DCXS Series Operating Manual, chapter 'RS-232 command set'"
    safe_state = "Output off; the supply closes the shutter."
    models = ("DCXS",)
    verified = "in simulation, which takes the exchanges of pymeasure's driver; not yet on hardware"
    open_options: ClassVar = {"read_termination": "", "write_termination": "", "baud_rate": 38400}
    process = ("power", "setpoint", "voltage", "current", "output", "shutter", "fault_code")
    consumes: ClassVar = {"power": (Consumption("electricity"), Consumption("target"))}

    power = Cpt(
        Readback,
        point=_Fixed("d", 4, plausible=Plausible(0, 800)),
        units="W",
        follows=Follows("setpoint", 5.0, "output"),
        kind="hinted",
    )
    voltage = Cpt(Readback, point=_Fixed("e", 4, plausible=Plausible(0, 1200)), units="V", kind="normal")
    current = Cpt(Readback, point=_Fixed("f", 4, plausible=Plausible(0, 2500)), units="mA", kind="normal")
    setpoint = Cpt(Setting, point=_Fixed("b", 4, "C{:04d}"), units="W", limits=(0.0, 750.0), kind="normal")
    output = Cpt(Setting, point=_Output(), units=None, dtype="integer", limits=(0, 1), kind="normal")
    shutter = Cpt(Readback, point=_Fixed("p", 1, parse=_first_shutter), units=None, dtype="integer", kind="normal")
    shutter_delay = Cpt(Setting, point=_Fixed("h", 2, "F{:02d}"), units="s", limits=(0.0, 99.0), kind="normal")
    ramp_time = Cpt(Setting, point=_Fixed("g", 2, "E{:02d}"), units="s", limits=(0.0, 99.0), kind="normal")
    deposition_minutes = Cpt(Readback, point=_Fixed("i", 3), units="min", kind="config")
    deposition_seconds = Cpt(Readback, point=_Fixed("j", 2), units="s", kind="config")
    remaining_minutes = Cpt(Readback, point=_Fixed("k", 3), units="min", kind="normal")
    remaining_seconds = Cpt(Readback, point=_Fixed("l", 2), units="s", kind="normal")
    regulation = Cpt(Readback, point=_Fixed("c", 1), units=None, dtype="integer", kind="config")
    gun = Cpt(Setting, point=_Fixed("y", 1, "Z{:d}"), units=None, dtype="integer", limits=(1, 5), kind="config")
    target = Cpt(Readback, point=_Fixed("n", 8, parse=_text), units=None, dtype="string", kind="config")
    fault_code = Cpt(Readback, point=_Fixed("o", 1), units=None, dtype="integer", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask for type and firmware; raises `LinkError`."""
        kind = _Fixed("?", 9, parse=_text).read(self.link)
        return Identity("AJA International", kind.strip(), firmware=_Fixed("z", 5, parse=_text).read(self.link).strip())

    @override
    def alarms(self, readings: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Return the fault, when there is one."""
        code = int(readings[self.fault_code.name]["value"])
        return (f"fault {code}",) if code else ()

    @override
    def connect(self) -> Identity:
        """Check instrument and regulation and keep the identity; raises `LinkError`, LabError."""
        identity = super().connect()
        if self.regulation.get() != POWER:
            raise LabError(f"{self.name} ({self.link.address}) does not regulate power")
        return identity

    @override
    def make_safe(self) -> None:
        """Switch the output off and look, for the command has no reply; raises `LinkError`, LabError."""
        self.output.put(OFF)
        if self.output.get() != OFF:
            raise LabError(f"{self.name}: the output stays on")
