"""A digital multimeter."""

from __future__ import annotations

from ophyd import Component as Cpt
from ophyd.status import Status
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Readback, Setting, Soft
from devices.scpi import Query, flag, identity, quoted

OVERLOAD = 9.9e37
QUANTITIES = {"VOLT": "voltage", "CURR": "current", "RES": "resistance", "FRES": "resistance"}
"""Signal that a reading of each function goes into."""

NPLC = (0.02, 0.2, 1.0, 10.0, 100.0)
"""Integration times that the oldest of them has [line cycles]."""


class Keysight34401A(LinkedDevice):
    """HP, Agilent or Keysight 34401A and its successors: voltage, current, resistance on two or four wires.

    The successors are 34410A, 34460A, 34461A and 34465A. A reading is taken by `trigger` with the function that is
    set (voltage and current are direct ones), its range chosen by the meter, and kept in the signal of its quantity;
    the two others are 0. Over the highest range `overload` is 1 and the reading 9.9e37.
    On its serial port the meter needs ``SYST:REM`` first: use GPIB, USB or LAN.
    """

    protocol = "SCPI"
    source = "Hewlett-Packard, HP 34401A User's Guide 34401-90004, chapter 4, pages 105 to 111 (command summary)"
    safe_state = "It only listens: nothing to do."
    models = ("34401A", "34410A", "34460A", "34461A", "34465A")
    verified = "in simulation, which pymeasure's driver and its tests for hardware accept; not yet on hardware"
    example_address = "USB0::0x2A8D::0x1301::MY00000001::INSTR"
    process = ()

    function = Cpt(
        Setting,
        point=Query("FUNC?", 'FUNC "{}"', quoted),
        units=None,
        dtype="string",
        choices=tuple(QUANTITIES),
        kind="config",
    )
    voltage_integration = Cpt(
        Setting, point=Query("VOLT:NPLC?", "VOLT:NPLC {:g}"), limits=(0.02, 100.0), choices=NPLC, kind="config"
    )
    current_integration = Cpt(
        Setting, point=Query("CURR:NPLC?", "CURR:NPLC {:g}"), limits=(0.02, 100.0), choices=NPLC, kind="config"
    )
    resistance_integration = Cpt(
        Setting,
        point=Query("RES:NPLC?", "RES:NPLC {0:g};:FRES:NPLC {0:g}"),
        limits=(0.02, 100.0),
        choices=NPLC,
        kind="config",
    )
    autozero = Cpt(
        Setting,
        point=Query("ZERO:AUTO?", "ZERO:AUTO {:d}", flag),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="config",
    )
    terminals = Cpt(Readback, point=Query("ROUT:TERM?", None, quoted), units=None, dtype="string", kind="config")
    voltage = Cpt(Soft, value=0.0, units="V", kind="hinted")
    current = Cpt(Soft, value=0.0, units="A", kind="normal")
    resistance = Cpt(Soft, value=0.0, units="ohm", kind="normal")
    overload = Cpt(Soft, value=0.0, units="", saturates=True, kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def trigger(self) -> Status:
        """Take one reading; return a finished status. Raises `LinkError`, KeyError for another function."""
        measured = QUANTITIES[self.function.get()]
        reading = self.link.query("READ?", float)
        for quantity in dict.fromkeys(QUANTITIES.values()):
            getattr(self, quantity).put(reading if quantity == measured else 0.0)
        self.overload.put(float(abs(reading) >= OVERLOAD))
        done = Status(self)
        done.set_finished()
        return done

    @override
    def make_safe(self) -> None:
        """Do nothing: the meter is passive."""
