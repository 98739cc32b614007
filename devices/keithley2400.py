"""A source-measure unit."""

from __future__ import annotations

from ophyd import Component as Cpt
from ophyd.status import Status
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Readback, Setting, Soft
from devices.scpi import Query, flag, identity, quoted
from labctl.errors import LabError

COMPLIANCE_BIT = 1 << 3
"""Of the status word: the source is limited."""


def _function(reply: str) -> str:
    """Return a function's short name; the meter tells ``"VOLT:DC"`` after ``VOLT`` was sent."""
    return quoted(reply).replace(":DC", "")


def _elements(reply: str) -> tuple[float, float, int]:
    """Return voltage [V], current [A] and status word of a reading."""
    voltage, current, _, _, status = reply.split(",")
    return float(voltage), float(current), int(float(status))


def _exactly(function: str) -> str:
    return f':SENS:FUNC:OFF:ALL;:SENS:FUNC "{function}"'


def _flag(header: str) -> Query:
    return Query(f"{header}?", header + " {:d}", flag)


class Keithley2400(LinkedDevice):
    """Keithley 2400 SourceMeter: sources a current or a voltage and measures both, on two or four wires.

    Readings are expected with the five elements that ``*RST`` sets (voltage, current, resistance, time,
    status). A meter with several concurrent sense functions tells all of them, e.g. ``VOLT,CURR``; setting
    `sense_function` leaves that one alone. A reading is taken by `trigger` and kept in `voltage`, `current`,
    `resistance` and `in_compliance`; a quantity that is neither sourced nor sensed reads as 9.91e37.
    """

    protocol = "SCPI"
    source = "Keithley, Series 2400 SourceMeter User's Manual 2400S-900-01 rev. K, sections 17 and 18"
    safe_state = "Output off, source at 0 A and 0 V."
    models = ("2400", "2401")
    verified = "in simulation, which pymeasure's driver and its tests for hardware accept; not yet on hardware"
    example_address = "GPIB0::23::INSTR"
    process = ()

    source_function = Cpt(
        Setting,
        point=Query(":SOUR:FUNC?", ":SOUR:FUNC {}", quoted),
        units=None,
        dtype="string",
        choices=("CURR", "VOLT"),
        kind="config",
    )
    sense_function = Cpt(
        Setting,
        point=Query(":SENS:FUNC?", _exactly("{}"), _function),
        units=None,
        dtype="string",
        choices=("VOLT", "CURR", "RES"),
        kind="config",
    )
    four_wire = Cpt(Setting, point=_flag(":SYST:RSEN"), units=None, dtype="integer", limits=(0, 1), kind="config")
    integration = Cpt(
        Setting, point=Query(":SENS:VOLT:NPLC?", ":SENS:VOLT:NPLC {:g}"), limits=(0.01, 10.0), kind="config"
    )
    filter_enabled = Cpt(Setting, point=_flag(":SENS:AVER"), units=None, dtype="integer", limits=(0, 1), kind="config")
    filter_count = Cpt(
        Setting,
        point=Query(":SENS:AVER:COUN?", ":SENS:AVER:COUN {:d}"),
        units=None,
        dtype="integer",
        limits=(1, 100),
        kind="config",
    )
    off_state = Cpt(
        Setting,
        point=Query(":OUTP:SMOD?", ":OUTP:SMOD {}", quoted),
        units=None,
        dtype="string",
        choices=("NORM", "HIMP", "ZERO", "GUAR"),
        kind="config",
    )
    terminals = Cpt(Readback, point=Query(":ROUT:TERM?", None, quoted), units=None, dtype="string", kind="config")
    source_current = Cpt(
        Setting, point=Query(":SOUR:CURR?", ":SOUR:CURR {:.6e}"), units="A", limits=(-1.05, 1.05), kind="normal"
    )
    source_voltage = Cpt(
        Setting, point=Query(":SOUR:VOLT?", ":SOUR:VOLT {:.6e}"), units="V", limits=(-210.0, 210.0), kind="normal"
    )
    compliance_voltage = Cpt(
        Setting,
        point=Query(":SENS:VOLT:PROT?", ":SENS:VOLT:PROT {:.6g}"),
        units="V",
        limits=(2e-4, 210.0),
        kind="normal",
    )
    compliance_current = Cpt(
        Setting,
        point=Query(":SENS:CURR:PROT?", ":SENS:CURR:PROT {:.6g}"),
        units="A",
        limits=(1e-9, 1.05),
        kind="normal",
    )
    output = Cpt(Setting, point=_flag(":OUTP"), units=None, dtype="integer", limits=(0, 1), kind="normal")
    voltage = Cpt(Soft, value=0.0, units="V", kind="normal")
    current = Cpt(Soft, value=0.0, units="A", kind="normal")
    resistance = Cpt(Soft, value=0.0, units="ohm", kind="hinted")
    in_compliance = Cpt(Soft, value=0.0, units="", saturates=True, kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def trigger(self) -> Status:
        """Take one reading; return a finished status. Raises `LinkError`."""
        voltage, current, status = self.link.query(":READ?", _elements)
        self.voltage.put(voltage)
        self.current.put(current)
        self.resistance.put(voltage / current if current else 0.0)
        self.in_compliance.put(float(bool(status & COMPLIANCE_BIT)))
        return self.finished()

    @override
    def make_safe(self) -> None:
        """Switch the output off, set both sources to zero, and look; raises `LinkError`, LabError."""
        self.output.put(0)
        self.source_current.put(0.0)
        self.source_voltage.put(0.0)
        if self.output.get():
            raise LabError(f"{self.name}: the output stays on")
