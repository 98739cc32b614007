"""A digital multimeter with a touch screen."""

from __future__ import annotations

from ophyd import Component as Cpt

from devices._signals import Readback, Setting
from devices.multimeter import Multimeter
from devices.scpi import Query, quoted

QUANTITIES = {"VOLT:DC": "voltage", "CURR:DC": "current", "RES": "resistance", "FRES": "resistance"}
"""Signal that a reading of each function goes into."""


class KeithleyDMM6500(Multimeter):
    """Keithley DMM6500 or DAQ6510 in its SCPI command set: voltage, current, resistance on two or four wires.

    A reading is taken by `trigger` with the function that is set (voltage and current are direct ones), its range
    chosen by the meter, and kept in the signal of its quantity; the two others are 0. Over the highest range
    `overload` is 1 and the reading 9.9e37. `command_set` has to be SCPI.
    """

    source = "Keithley, Model DMM6500 Reference Manual DMM6500-901-01 rev. D, section 12 'SCPI command reference'"
    models = ("DMM6500", "DAQ6510")
    verified = "in simulation, which pymeasure's driver and its tests for hardware accept; not yet on hardware"
    example_address = "USB0::0x05E6::0x6500::00000001::INSTR"
    quantities = QUANTITIES

    function = Cpt(
        Setting,
        point=Query(":SENS:FUNC?", ':SENS:FUNC "{}"', quoted),
        units=None,
        dtype="string",
        choices=tuple(QUANTITIES),
        kind="config",
    )
    voltage_integration = Cpt(
        Setting, point=Query(":SENS:VOLT:NPLC?", ":SENS:VOLT:NPLC {:g}"), limits=(0.0005, 15.0), kind="config"
    )
    current_integration = Cpt(
        Setting, point=Query(":SENS:CURR:NPLC?", ":SENS:CURR:NPLC {:g}"), limits=(0.0005, 15.0), kind="config"
    )
    resistance_integration = Cpt(
        Setting, point=Query(":SENS:FRES:NPLC?", ":SENS:FRES:NPLC {:g}"), limits=(0.0005, 15.0), kind="config"
    )
    offset_compensation = Cpt(
        Setting,
        point=Query(":SENS:FRES:OCOM?", ":SENS:FRES:OCOM {}", quoted),
        units=None,
        dtype="string",
        choices=("ON", "OFF", "AUTO"),
        kind="config",
    )
    command_set = Cpt(Readback, point=Query("*LANG?", None, quoted), units=None, dtype="string", kind="config")
    terminals = Cpt(Readback, point=Query(":ROUT:TERM?", None, quoted), units=None, dtype="string", kind="config")
