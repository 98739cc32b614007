"""A motorized linear stage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import ClockStatus, Identity
from devices._signals import Readback, Setting
from devices.linear_stage import LinearStage
from labctl.errors import LabError, LinkError
from labctl.link import Link

MICROSTEP_MM = 0.047625e-3
"""Of an X-LSM at its default resolution of 64 microsteps a step [mm]."""
SPEED_MM_S = MICROSTEP_MM / 1.6384
"""What the setting maxspeed counts in [mm/s]."""
TRAVEL_MM = 50.8
POLL_S = 0.2
_NO_CHECKSUM = "no checksum"
_REPLY = re.compile(r"@01 0 01 (OK|RJ) (IDLE|BUSY) (\S\S) (.*)$")


def checksum(text: str) -> str:
    """Return what makes the sum of all bytes zero, as two hexadecimal digits."""
    return f"{-sum(text.encode('ascii')) & 0xFF:02X}"


@dataclass(frozen=True)
class Reply:
    """What a stage answers."""

    data: str
    is_busy: bool
    warning: str


def ask(link: Link, command: str) -> Reply:
    """Return the answer of device 1 to a command; its message id and checksum are looked at.

    A stage that puts no checksum into its replies, as a new one does, is told to.

    Raises:
        LinkError: no or an unusable answer.
    """
    body = f"1 0 01 {command}"
    request = f"/{body}:{checksum(body)}"
    try:
        return link.query(request, _checked)
    except LinkError as error:
        if _NO_CHECKSUM not in error.reason:
            raise
        switch = "1 0 01 set comm.checksum 1"
        link.query(f"/{switch}:{checksum(switch)}", lambda reply: _parsed(reply.partition(":")[0]))
        return link.query(request, _checked)


def _checked(reply: str) -> Reply:
    text, colon, check = reply.partition(":")
    if not colon:
        raise ValueError(_NO_CHECKSUM)
    if check != checksum(text[1:]):
        raise ValueError("wrong checksum")
    return _parsed(text)


def _parsed(text: str) -> Reply:
    match = _REPLY.match(text)
    if match is None:
        raise ValueError("not the answer to this message")
    if match[1] != "OK":
        raise ValueError(f"refused: {match[4]}")
    return Reply(match[4], match[2] == "BUSY", match[3])


@dataclass(frozen=True)
class _Setting:
    """A setting of the stage that counts in something."""

    name: str
    unit: float
    write_command: str = ""

    @override
    def __str__(self) -> str:
        return self.name

    def read(self, link: Link) -> float:
        return float(ask(link, f"get {self.name}").data) * self.unit

    def write(self, link: Link, value: float) -> None:
        if not self.write_command:
            raise TypeError(f"{self.name} is read-only")
        ask(link, f"{self.write_command} {round(value / self.unit)}")


@dataclass(frozen=True)
class _State:
    """Whether it moves, or what it warns of."""

    part: str

    @override
    def __str__(self) -> str:
        return self.part

    def read(self, link: Link) -> int | str:
        reply = ask(link, "")
        return reply.warning if self.part == "warning" else int(reply.is_busy)

    def write(self, link: Link, value: object) -> None:
        raise TypeError(f"{self.part} is read-only")


class ZaberXLSM(LinearStage):
    """Zaber X-LSM050 stage at address 1, positions in millimetres; ASCII protocol with message ids and checksums.

    A stage whose replies have no checksum yet gets the setting ``comm.checksum``, which it keeps. Switched on it has no
    reference: `home` it before the first move. `lower_limit` and `upper_limit` are kept by the stage, which does not
    leave them: set them once where a lift could crush a sample.
    """

    protocol = "Zaber ASCII version 2 with checksums"
    source = "Zaber, ASCII Protocol Manual version 2, sections 'Message Format', 'Commands' and 'Checksum'"
    safe_state = "Stopped where it is."
    models = ("X-LSM",)
    verified = "in simulation, which the maker's driver zaber-serial accepts; not yet on hardware"
    is_checked = True
    open_options: ClassVar = {"read_termination": "\r\n", "write_termination": "\n", "baud_rate": 115200}
    process = ("readback",)

    readback = Cpt(Readback, point=_Setting("pos", MICROSTEP_MM), units="mm", kind="hinted")
    is_busy = Cpt(Readback, point=_State("is busy"), units=None, dtype="integer", kind="normal")
    warning = Cpt(Readback, point=_State("warning"), units=None, dtype="string", kind="normal")
    velocity = Cpt(
        Setting,
        point=_Setting("maxspeed", SPEED_MM_S, "set maxspeed"),
        units="mm/s",
        limits=(0.01, 104.0),
        kind="config",
    )
    lower_limit = Cpt(
        Setting,
        point=_Setting("limit.min", MICROSTEP_MM, "set limit.min"),
        units="mm",
        limits=(0.0, TRAVEL_MM),
        kind="config",
    )
    upper_limit = Cpt(
        Setting,
        point=_Setting("limit.max", MICROSTEP_MM, "set limit.max"),
        units="mm",
        limits=(0.0, TRAVEL_MM),
        kind="config",
    )
    driver_temperature = Cpt(Readback, point=_Setting("system.temperature", 1.0), units="degC", kind="normal")

    _KINDS: ClassVar = {50081: "X-LSM050A", 50080: "X-LSM025A", 50082: "X-LSM100A"}

    @override
    def identify(self) -> Identity:
        """Ask for device id, serial number and firmware; raises `LinkError`."""
        number = int(ask(self.link, "get deviceid").data)
        model = self._KINDS.get(number, f"device {number}")
        return Identity("Zaber", model, ask(self.link, "get system.serial").data, ask(self.link, "get version").data)

    @override
    def check_position(self, position: float) -> None:
        """Raise ValueError for a position [mm] outside the limits that the stage keeps; raises `LinkError`."""
        low, high = self.lower_limit.get(), self.upper_limit.get()
        if not low - MICROSTEP_MM <= position <= high + MICROSTEP_MM:
            raise ValueError(f"{self.name}: {position:g} mm is outside {low:.4g}..{high:.4g} mm")

    @override
    def home(self, timeout_s: float) -> ClockStatus:
        """Find the stage's origin; return the status of that; raises `LinkError`."""
        ask(self.link, "home")
        return self._started(timeout_s)

    @override
    def move(self, position: float, timeout_s: float) -> ClockStatus:
        """Move to a position [mm]; return the status of that.

        Raises:
            ValueError: outside its limits; it does not move.
            LinkError: the stage does not answer, or has no reference.
        """
        self.check_position(position)
        ask(self.link, f"move abs {round(position / MICROSTEP_MM)}")
        return self._started(timeout_s)

    def _started(self, timeout_s: float) -> ClockStatus:
        def is_there() -> bool:
            reply = ask(self.link, "")
            if reply.warning.startswith("F"):
                raise LabError(f"{self.name} warns: {reply.warning}")
            return not reply.is_busy

        return self.start_action(timeout_s).poll(POLL_S, is_there)

    @override
    def make_safe(self) -> None:
        """Stop the stage; raises `LinkError`."""
        ask(self.link, "stop")
