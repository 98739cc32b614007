"""An electronic load."""

from __future__ import annotations

import re
from typing import ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Readback, Setting
from devices.aimtti_pl303 import with_unit
from devices.scpi import Query, flag, identity
from labctl.errors import LabError
from labctl.link import Plausible


def _amperes(reply: str) -> float:
    """Return a level in amperes; ValueError in another mode."""
    match = re.match(r"A (\d*\.?\d+)A$", reply)
    if match is None:
        raise ValueError("level A is not a current: the load is in another mode than C")
    return float(match[1])


def _last_word(reply: str) -> str:
    return reply.rpartition(" ")[2]


class AimTTiLD400P(LinkedDevice):
    """Aim-TTi LD400P in constant current: level A of up to 80 A.

    In another mode level A has another unit: `connect` then refuses it.
    """

    protocol = "Aim-TTi ASCII lines, no checksum; numbers are checked for plausibility"
    source = "Aim-TTi, LD400 and LD400P Instruction Manual 48511-1790 issue 4, chapter 'Remote commands'"
    safe_state = "Input off."
    models = ("LD400P",)
    verified = "in simulation, which takes the exchanges of pymeasure's driver; not yet on hardware"
    open_options: ClassVar = {"read_termination": "\r\n", "write_termination": "\n", "baud_rate": 9600}
    process = ("current", "voltage")

    level = Cpt(
        Setting, point=Query("A?", "A {:.4f}", _amperes, Plausible(0, 88)), units="A", limits=(0.0, 80.0), kind="normal"
    )
    current = Cpt(Readback, point=Query("I?", None, with_unit("A"), Plausible(0, 88)), units="A", kind="hinted")
    voltage = Cpt(Readback, point=Query("V?", None, with_unit("V"), Plausible(0, 88)), units="V", kind="normal")
    mode = Cpt(Readback, point=Query("MODE?", None, _last_word), units=None, dtype="string", kind="config")
    level_select = Cpt(
        Setting,
        point=Query("LVLSEL?", "LVLSEL {}", _last_word),
        units=None,
        dtype="string",
        choices=("B", "A"),
        kind="config",
    )
    output = Cpt(
        Setting,
        point=Query("INP?", "INP {:d}", lambda reply: flag(_last_word(reply))),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="normal",
    )

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def connect(self) -> Identity:
        """Check instrument and mode and keep the identity; raises `LinkError`, LabError."""
        found = super().connect()
        if self.mode.get() != "C":
            raise LabError(f"{self.name} ({self.link.address}) is not in constant current (mode C)")
        return found

    @override
    def make_safe(self) -> None:
        """Switch the input off, and look; raises `LinkError`, LabError."""
        self.output.put(0)
        if self.output.get():
            raise LabError(f"{self.name}: the input stays on")
