"""A supply with two outputs and a command language of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Readback, Setting
from devices.scpi import Query, identity, switch
from labctl.errors import LabError
from labctl.link import Plausible


def echoed(name: str) -> Callable[[str], float]:
    """Return a parser of replies such as ``V1 1.200``."""

    def parse(reply: str) -> float:
        head, _, number = reply.partition(" ")
        if head != name:
            raise ValueError(f"not {name}")
        return float(number)

    return parse


def with_unit(unit: str) -> Callable[[str], float]:
    """Return a parser of replies such as ``1.200V``."""

    def parse(reply: str) -> float:
        if not reply.endswith(unit):
            raise ValueError(f"not in {unit}")
        return float(reply.removesuffix(unit))

    return parse


def _volts(n: int) -> Query:
    return Query(f"V{n}?", f"V{n} {{:.3f}}", echoed(f"V{n}"), Plausible(0, 33))


def _amperes(n: int) -> Query:
    return Query(f"I{n}?", f"I{n} {{:.4f}}", echoed(f"I{n}"), Plausible(0, 4))


class AimTTiPL303(LinkedDevice):
    """Aim-TTi PL303QMD-P: two outputs of 30 V and 3 A."""

    protocol = "Aim-TTi ASCII lines, no checksum; numbers are checked for plausibility"
    source = "Aim-TTi, New PL & PL-P Series Instruction Manual 48511-1730 issue 18, chapter 'Remote commands'"
    safe_state = "Both outputs off; their set points stay."
    models = ("PL303QMD-P", "PL303QMT-P")
    verified = "in simulation, which pymeasure's driver and its tests for hardware accept; not yet on hardware"
    open_options: ClassVar = {"read_termination": "\r\n", "write_termination": "\n", "baud_rate": 9600}
    process = ()

    setpoint_1 = Cpt(Setting, point=_volts(1), units="V", limits=(0.0, 30.0), kind="normal")
    limit_1 = Cpt(Setting, point=_amperes(1), units="A", limits=(0.0, 3.0), kind="normal")
    voltage_1 = Cpt(Readback, point=Query("V1O?", None, with_unit("V"), Plausible(0, 33)), units="V", kind="normal")
    current_1 = Cpt(Readback, point=Query("I1O?", None, with_unit("A"), Plausible(0, 4)), units="A", kind="normal")
    setpoint_2 = Cpt(Setting, point=_volts(2), units="V", limits=(0.0, 30.0), kind="normal")
    limit_2 = Cpt(Setting, point=_amperes(2), units="A", limits=(0.0, 3.0), kind="normal")
    voltage_2 = Cpt(Readback, point=Query("V2O?", None, with_unit("V"), Plausible(0, 33)), units="V", kind="normal")
    current_2 = Cpt(Readback, point=Query("I2O?", None, with_unit("A"), Plausible(0, 4)), units="A", kind="normal")
    output_1 = switch("OP1?", "OP1 {:d}", kind="normal")
    output_2 = switch("OP2?", "OP2 {:d}", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def make_safe(self) -> None:
        """Switch both outputs off, and look; raises `LinkError`, LabError."""
        self.link.write("OPALL 0")
        if self.output_1.get() or self.output_2.get():
            raise LabError(f"{self.name}: an output stays on")
