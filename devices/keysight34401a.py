"""A digital multimeter."""

from __future__ import annotations

from ophyd import Component as Cpt

from devices._signals import Readback, Setting
from devices.multimeter import Multimeter
from devices.scpi import Query, quoted, switch

QUANTITIES = {"VOLT": "voltage", "CURR": "current", "RES": "resistance", "FRES": "resistance"}
"""Signal that a reading of each function goes into."""

NPLC = (0.02, 0.2, 1.0, 10.0, 100.0)
"""Integration times that the oldest of them has [line cycles]."""


class Keysight34401A(Multimeter):
    """HP, Agilent or Keysight 34401A and its successors: voltage, current, resistance on two or four wires.

    The successors are 34410A, 34460A, 34461A and 34465A. A reading is taken by `trigger` with the function that is
    set (voltage and current are direct ones), its range chosen by the meter, and kept in the signal of its quantity;
    the two others are 0. Over the highest range `overload` is 1 and the reading 9.9e37.
    On its serial port the meter needs ``SYST:REM`` first: use GPIB, USB or LAN.
    """

    source = "Hewlett-Packard, HP 34401A User's Guide 34401-90004, chapter 4, pages 105 to 111 (command summary)"
    models = ("34401A", "34410A", "34460A", "34461A", "34465A")
    verified = "in simulation, which pymeasure's driver and its tests for hardware accept; not yet on hardware"
    example_address = "USB0::0x2A8D::0x1301::MY00000001::INSTR"
    quantities = QUANTITIES

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
    autozero = switch("ZERO:AUTO?", "ZERO:AUTO {:d}", kind="config")
    terminals = Cpt(Readback, point=Query("ROUT:TERM?", None, quoted), units=None, dtype="string", kind="config")
