"""Devices of the laboratory: one plain class per instrument, one module each."""

import os
from importlib import import_module

# Where an EPICS client is installed, importing ophyd would start its threads and open its sockets; it is chosen when
# the first EPICS device connects (devices/epics.py).
os.environ.setdefault("OPHYD_CONTROL_LAYER", "dummy")

from devices._ambient import Ambient
from devices._consumption import Consumption
from devices._device import ClockStatus, Identity, LinkedDevice
from devices._events import EventLog
from devices._points import Point
from devices._signals import Readback, Setting, Soft
from devices._trace import Trace

DEVICES = {
    "AimTTiLD400P": "devices.aimtti_ld400p",
    "AimTTiPL303": "devices.aimtti_pl303",
    "AjaDCXS": "devices.aja_dcxs",
    "AlicatMC": "devices.alicat_mc",
    "BronkhorstELFlow": "devices.bronkhorst_elflow",
    "Eurotherm2408": "devices.eurotherm2408",
    "Eurotherm3216": "devices.eurotherm3216",
    "HcpTC038": "devices.hcp_tc038",
    "HcpTC038D": "devices.hcp_tc038d",
    "InficonSQM160": "devices.inficon_sqm160",
    "InstrasSCK300": "devices.instras_sck300",
    "Keithley2182A": "devices.keithley2182a",
    "Keithley2400": "devices.keithley2400",
    "Keithley6221": "devices.keithley6221",
    "KeithleyDMM6500": "devices.keithley_dmm6500",
    "Keysight34401A": "devices.keysight34401a",
    "KeysightE3631A": "devices.keysight_e3631a",
    "KeysightE4980A": "devices.keysight_e4980a",
    "LakeShore336": "devices.lakeshore336",
    "MettlerMTSICS": "devices.mettler_mtsics",
    "MKS937B": "devices.mks937b",
    "NewEraNE1000": "devices.newera_ne1000",
    "NewportESP300": "devices.newport_esp300",
    "PfeifferTC400": "devices.pfeiffer_tc400",
    "PfeifferTPG362": "devices.pfeiffer_tpg362",
    "ProcessTool": "devices.process_tool",
    "RecipeTable": "devices.recipe_table",
    "RohdeSchwarzHMP4040": "devices.rohdeschwarz_hmp4040",
    "SampleMover": "devices.sample_mover",
    "SRSLDC500": "devices.srs_ldc500",
    "TCPowerCXN": "devices.tcpower_cxn",
    "ThorlabsPM100D": "devices.thorlabs_pm100d",
    "VaisalaHMT330": "devices.vaisala_hmt330",
    "ZaberXLSM": "devices.zaber_xlsm",
}
"""Module of each device class, as lab files name them."""


def device_class(name: str) -> type[LinkedDevice]:
    """Return a device class by its name; raises KeyError for one that is not in `DEVICES`."""
    found: type[LinkedDevice] = getattr(import_module(DEVICES[name]), name)
    return found


__all__ = [
    "DEVICES",
    "Ambient",
    "ClockStatus",
    "Consumption",
    "EventLog",
    "Identity",
    "LinkedDevice",
    "Point",
    "Readback",
    "Setting",
    "Soft",
    "Trace",
    "device_class",
]
