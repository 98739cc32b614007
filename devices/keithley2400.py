"""A source-measure unit."""

from __future__ import annotations

from ophyd import Component as Cpt
from ophyd.status import Status
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Setting, Soft
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


class Keithley2400(LinkedDevice):
    """Keithley 2400 SourceMeter: sources a current, measures the voltage, on two or four wires.

    Readings are expected with the five elements that ``*RST`` sets (voltage, current, resistance, time,
    status). A meter with several concurrent sense functions tells all of them, e.g. ``VOLT,CURR``.
    A reading is taken by `trigger` and kept in `voltage`, `current`, `resistance` and `in_compliance`.
    """

    protocol = "SCPI"
    source = "Keithley, Series 2400 SourceMeter User's Manual 2400S-900-01 rev. K, sections 17 and 18"
    safe_state = "Output off, source at 0 A."
    models = ("2400", "2401")
    process = ()

    source_function = Cpt(
        Setting, point=Query(":SOUR:FUNC?", ":SOUR:FUNC {}", quoted), units=None, dtype="string", kind="config"
    )
    sense_function = Cpt(
        Setting, point=Query(":SENS:FUNC?", ':SENS:FUNC "{}"', _function), units=None, dtype="string", kind="config"
    )
    four_wire = Cpt(
        Setting,
        point=Query(":SYST:RSEN?", ":SYST:RSEN {:d}", flag),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="config",
    )
    integration = Cpt(
        Setting, point=Query(":SENS:VOLT:NPLC?", ":SENS:VOLT:NPLC {:g}"), limits=(0.01, 10.0), kind="config"
    )
    source_current = Cpt(
        Setting, point=Query(":SOUR:CURR?", ":SOUR:CURR {:.6e}"), units="A", limits=(-1.05, 1.05), kind="normal"
    )
    compliance_voltage = Cpt(
        Setting,
        point=Query(":SENS:VOLT:PROT?", ":SENS:VOLT:PROT {:.6g}"),
        units="V",
        limits=(2e-4, 210.0),
        kind="normal",
    )
    output = Cpt(
        Setting,
        point=Query(":OUTP?", ":OUTP {:d}", flag),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="normal",
    )
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
        done = Status(self)
        done.set_finished()
        return done

    @override
    def make_safe(self) -> None:
        """Switch the output off, set the source to zero, and look; raises `LinkError`, LabError."""
        self.output.put(0)
        self.source_current.put(0.0)
        if self.output.get():
            raise LabError(f"{self.name}: the output stays on")
