"""A nanovoltmeter."""

from __future__ import annotations

from ophyd import Component as Cpt
from ophyd.status import Status
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Setting, Soft
from devices.scpi import Query, identity, switch

OVERFLOW = 9.9e37


class Keithley2182A(LinkedDevice):
    """Keithley 2182 or 2182A nanovoltmeter: the voltage on one of its two channels, its range chosen by the meter.

    A reading is taken by `trigger` and kept in `voltage`; over the highest range `overload` is 1.
    """

    protocol = "SCPI"
    source = "Keithley, Model 2182/2182A Nanovoltmeter User's Manual 2182A-900-01 rev. A, section 14 (SCPI tables)"
    safe_state = "It only listens: nothing to do."
    models = ("2182",)
    verified = "in simulation, which takes the exchanges of pymeasure's driver; not yet on hardware"
    example_address = "GPIB0::7::INSTR"
    process = ()

    channel = Cpt(
        Setting,
        point=Query(":SENS:CHAN?", ":SENS:CHAN {:d};:SENS:FUNC 'VOLT'"),
        units=None,
        dtype="integer",
        limits=(1, 2),
        kind="config",
    )
    integration = Cpt(
        Setting, point=Query(":SENS:VOLT:NPLC?", ":SENS:VOLT:NPLC {:g}"), limits=(0.01, 50.0), kind="config"
    )
    digital_filter = switch(":SENS:VOLT:DFIL?", ":SENS:VOLT:DFIL {:d}", kind="config")
    filter_count = Cpt(
        Setting,
        point=Query(":SENS:VOLT:DFIL:COUN?", ":SENS:VOLT:DFIL:COUN {:d}"),
        units=None,
        dtype="integer",
        limits=(1, 100),
        kind="config",
    )
    analog_filter = switch(":SENS:VOLT:LPAS?", ":SENS:VOLT:LPAS {:d}", kind="config")
    voltage = Cpt(Soft, value=0.0, units="V", kind="hinted")
    overload = Cpt(Soft, value=0.0, units="", saturates=True, kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def trigger(self) -> Status:
        """Take one reading; return a finished status. Raises `LinkError`."""
        reading = self.link.query(":READ?", float)
        self.voltage.put(reading)
        self.overload.put(float(abs(reading) >= OVERFLOW))
        return self.finished()

    @override
    def make_safe(self) -> None:
        """Do nothing: the meter is passive."""
