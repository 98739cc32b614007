"""A mass flow controller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._consumption import Consumption
from devices._device import Identity
from devices._signals import Follows, Readback, Setting
from devices.flow_controller import FlowController
from labctl.link import Link, Plausible

_FIELDS = ("pressure", "temperature", "volume_flow", "mass_flow", "setpoint", "gas")
_N_ABOUT = 10


def _frame(reply: str) -> list[str]:
    """Return the fields of a data frame; ValueError for anything else.

    Behind the gas there may be status codes, e.g. ``HLD`` or ``LCK``.
    """
    unit, *fields = reply.split()
    if unit != "A" or len(fields) < len(_FIELDS):
        raise ValueError("not a data frame of unit A")
    for number in fields[: _FIELDS.index("gas")]:
        float(number)
    return fields


@dataclass(frozen=True)
class _Field:
    """One field of the data frame; the set point can be written."""

    name: str
    plausible: Plausible | None = None

    @override
    def __str__(self) -> str:
        return f"A {self.name}"

    def read(self, link: Link) -> float | str:
        index = _FIELDS.index(self.name)
        if self.name == "gas":
            return link.query("A", lambda reply: _frame(reply)[index])
        return link.query("A", lambda reply: float(_frame(reply)[index]), plausible=self.plausible)

    def write(self, link: Link, value: float) -> None:
        if self.name != "setpoint":
            raise TypeError(f"{self.name} is read-only")

        def accepted(reply: str) -> None:
            taken = float(_frame(reply)[_FIELDS.index("setpoint")])
            if abs(taken - value) > 0.011:
                raise ValueError(f"set point is {taken:g} after {value:g} was sent")

        link.query(f"AS{value:.2f}", accepted)


@dataclass(frozen=True)
class _StatusCodes:
    """What stands behind the gas in the data frame: codes such as ``HLD`` (valve held) or ``OVR``; often nothing."""

    @override
    def __str__(self) -> str:
        return "A status"

    def read(self, link: Link) -> str:
        return link.query("A", lambda reply: " ".join(_frame(reply)[len(_FIELDS) :]))

    def write(self, link: Link, value: str) -> None:
        raise TypeError("status codes are read-only")


class AlicatMC(FlowController):
    """Alicat MC-series mass flow controller, unit ID A, up to 100 sccm."""

    protocol = "ASCII lines, no checksum; numbers are checked for plausibility"
    source = (
        "Alicat Scientific, MC-Series Operating Manual, chapter 'RS-232 / RS-485 Serial Communication' (polling, AS)"
    )
    safe_state = "Set point 0: the valve is closed."
    models = ("MC-",)
    verified = "in simulation, which the driver alicat accepts; not yet on hardware"
    open_options: ClassVar = {"read_termination": "\r", "write_termination": "\r", "baud_rate": 19200}
    process = ("flow", "setpoint")
    consumes: ClassVar = {"flow": (Consumption("gas"),)}

    flow = Cpt(
        Readback,
        point=_Field("mass_flow", Plausible(-5, 130)),
        units="sccm",
        span=(-5.0, 130.0),
        follows=Follows("setpoint", 0.2),
        kind="hinted",
    )
    setpoint = Cpt(Setting, point=_Field("setpoint"), units="sccm", limits=(0.0, 100.0), kind="normal")
    volume_flow = Cpt(
        Readback, point=_Field("volume_flow", Plausible(-5, 130)), units="cm**3/min", span=(-5.0, 130.0), kind="normal"
    )
    pressure = Cpt(Readback, point=_Field("pressure", Plausible(0, 200)), units="psi", kind="normal")
    temperature = Cpt(Readback, point=_Field("temperature", Plausible(-20, 80)), units="degC", kind="normal")
    gas = Cpt(Readback, point=_Field("gas"), units=None, dtype="string", kind="config")
    status_codes = Cpt(Readback, point=_StatusCodes(), units=None, dtype="string", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask for the manufacturing data (``A??M*``); raises `LinkError`."""

        def missing(received: bytes) -> int:
            return max(0, _N_ABOUT - received.count(b"\r"))

        def parse(reply: bytes) -> dict[str, str]:
            lines = reply.decode("ascii").split("\r")
            return {line[2:5]: line[6:].strip() for line in lines if line.startswith("A M")}

        about = self.link.exchange(b"A??M*\r", missing, parse)

        def last_word(key: str) -> str:
            return (about.get(key, "").split() or [""])[-1]

        return Identity(about.get("M00", ""), last_word("M04"), last_word("M05"), last_word("M09"))

    @override
    def make_safe(self) -> None:
        """Close the valve; raises `LinkError`."""
        self.setpoint.put(0.0)
