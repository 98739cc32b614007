"""An LCR meter."""

from __future__ import annotations

import math

from ophyd import Component as Cpt
from ophyd.status import Status
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Setting, Soft
from devices.scpi import Query, identity, switch
from labctl.errors import LabError

PARALLEL = "CPG"
"""Measurement function: parallel capacitance and conductance."""
APERTURES = ("SHOR", "MED", "LONG")


def _reading(reply: str) -> tuple[float, float, int]:
    """Return capacitance [F], conductance [S] and status of a reading; 0 is a good one."""
    first, second, status = reply.split(",")[:3]
    return float(first), float(second), int(status)


class KeysightE4980A(LinkedDevice):
    """Agilent or Keysight E4980A or E4980AL: parallel capacitance and conductance at a frequency and a bias.

    `trigger` sets the measurement function to CPG and the trigger to the bus, takes one reading and keeps it in
    `capacitance`, `conductance` and `dissipation`; `overload` is 1 where the bridge was not balanced. The bias
    source is that of option 001: 40 V at most; without it the meter refuses more than 2 V.
    """

    protocol = "SCPI"
    source = "Agilent, E4980A/E4980AL Precision LCR Meter User's Guide E4980-90070, chapter 'SCPI command reference'"
    safe_state = "Bias off and at 0 V, test signal at 0 V."
    models = ("E4980A", "E4980AL")
    verified = "in simulation, which pymeasure's driver and its tests for hardware accept; not yet on hardware"
    example_address = "USB0::0x0957::0x0909::MY00000001::INSTR"
    process = ()

    frequency = Cpt(Setting, point=Query("FREQ?", "FREQ {:.6e}"), units="Hz", limits=(20.0, 2e6), kind="normal")
    level = Cpt(Setting, point=Query("VOLT?", "VOLT {:.6g}"), units="V", limits=(0.0, 2.0), kind="normal")
    bias = Cpt(Setting, point=Query("BIAS:VOLT?", "BIAS:VOLT {:.6g}"), units="V", limits=(-40.0, 40.0), kind="normal")
    bias_enabled = switch("BIAS:STAT?", "BIAS:STAT {:d}", kind="normal")
    aperture = Cpt(
        Setting,
        point=Query("APER?", "APER {}", lambda reply: reply.partition(",")[0]),
        units=None,
        dtype="string",
        choices=APERTURES,
        kind="config",
    )
    function = Cpt(
        Setting,
        point=Query("FUNC:IMP?", "FUNC:IMP {}", str),
        units=None,
        dtype="string",
        choices=(PARALLEL, "CPD", "CSRS", "RX", "ZTD", "GB"),
        kind="config",
    )
    open_correction = switch("CORR:OPEN:STAT?", "CORR:OPEN:STAT {:d}", kind="config")
    short_correction = switch("CORR:SHOR:STAT?", "CORR:SHOR:STAT {:d}", kind="config")
    capacitance = Cpt(Soft, value=0.0, units="F", kind="hinted")
    conductance = Cpt(Soft, value=0.0, units="S", kind="normal")
    dissipation = Cpt(Soft, value=0.0, units="", kind="normal")
    overload = Cpt(Soft, value=0.0, units="", saturates=True, kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def trigger(self) -> Status:
        """Take one reading; return a finished status. Raises `LinkError`."""
        self.link.write(f"FUNC:IMP {PARALLEL};:FORM ASC;:TRIG:SOUR BUS;:TRIG")
        capacitance, conductance, status = self.link.query("FETC?", _reading)
        susceptance = 2 * math.pi * self.frequency.get() * capacitance
        self.capacitance.put(capacitance)
        self.conductance.put(conductance)
        self.dissipation.put(conductance / susceptance if susceptance else 0.0)
        self.overload.put(float(status != 0))
        return self.finished()

    @override
    def make_safe(self) -> None:
        """Switch the bias off, set bias and test signal to zero, and look; raises `LinkError`, LabError."""
        self.bias_enabled.put(0)
        self.bias.put(0.0)
        self.level.put(0.0)
        if self.bias_enabled.get():
            raise LabError(f"{self.name}: the bias stays on")
