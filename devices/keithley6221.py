"""A current source."""

from __future__ import annotations

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Readback, Setting
from devices.scpi import Query, identity, quoted, switch
from labctl.errors import LabError

IN_COMPLIANCE = 1 << 3
"""Bit of the measurement condition register."""


def _limited(reply: str) -> int:
    return int(bool(int(reply) & IN_COMPLIANCE))


class Keithley6221(LinkedDevice):
    """Keithley 6220 or 6221: a direct current, with a 2182A on its own link as the voltmeter.

    The delta mode, in which the source reads the 2182A itself, has its settings here; it is armed and started by
    `start_delta`, and `delta_reading` is the newest of its readings, in the unit that is set on the source.
    """

    protocol = "SCPI"
    source = "Keithley, Model 6220/6221 Reference Manual 622x-901-01 rev. C, sections 5 and 14 (SCPI tables)"
    safe_state = "Output off, delta mode aborted, source at 0 A."
    models = ("6221", "6220")
    verified = "in simulation, which pymeasure's driver accepts; not yet on hardware"
    example_address = "GPIB0::12::INSTR"
    process = ()

    current = Cpt(
        Setting, point=Query(":SOUR:CURR?", ":SOUR:CURR {:.7e}"), units="A", limits=(-0.105, 0.105), kind="hinted"
    )
    compliance = Cpt(
        Setting, point=Query(":SOUR:CURR:COMP?", ":SOUR:CURR:COMP {:g}"), units="V", limits=(0.1, 105.0), kind="normal"
    )
    auto_range = switch(":SOUR:CURR:RANG:AUTO?", ":SOUR:CURR:RANG:AUTO {:d}", kind="config")
    delta_high = Cpt(
        Setting,
        point=Query(":SOUR:DELT:HIGH?", ":SOUR:DELT:HIGH {:.7e}"),
        units="A",
        limits=(0.0, 0.105),
        kind="config",
    )
    delta_low = Cpt(
        Setting, point=Query(":SOUR:DELT:LOW?", ":SOUR:DELT:LOW {:.7e}"), units="A", limits=(-0.105, 0.0), kind="config"
    )
    delta_delay = Cpt(
        Setting, point=Query(":SOUR:DELT:DEL?", ":SOUR:DELT:DEL {:g}"), units="s", limits=(0.0, 9999.0), kind="config"
    )
    shield = Cpt(Readback, point=Query(":OUTP:ISH?", None, quoted), units=None, dtype="string", kind="config")
    output = switch(":OUTP?", ":OUTP {:d}", kind="normal")
    in_compliance = Cpt(
        Readback, point=Query(":STAT:MEAS:COND?", None, _limited), units=None, dtype="integer", kind="normal"
    )

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    def start_delta(self) -> None:
        """Arm and start the delta mode; raises `LinkError`."""
        self.link.write(":SOUR:DELT:ARM;:INIT")

    def delta_reading(self) -> tuple[float, float]:
        """Return the newest delta reading and its time [s] since the start; raises `LinkError`."""

        def parse(reply: str) -> tuple[float, float]:
            value, time_s = reply.split(",")[:2]
            return float(value), float(time_s)

        return self.link.query(":SENS:DATA?", parse)

    @override
    def make_safe(self) -> None:
        """End what runs, switch the output off, set 0 A, and look; raises `LinkError`, LabError."""
        self.link.write(":SOUR:SWE:ABOR")
        self.output.put(0)
        self.current.put(0.0)
        if self.output.get():
            raise LabError(f"{self.name}: the output stays on")
