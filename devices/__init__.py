"""Devices of the laboratory: one plain class per instrument, one module each."""

from importlib import import_module

from devices._ambient import Ambient
from devices._consumption import Consumption
from devices._device import ClockStatus, Identity, LinkedDevice
from devices._events import EventLog
from devices._points import Point
from devices._signals import Readback, Setting, Soft
from devices._trace import Trace

DEVICES = {
    "AjaDCXS": "devices.aja_dcxs",
    "AlicatMC": "devices.alicat_mc",
    "Eurotherm3216": "devices.eurotherm3216",
    "InficonSQM160": "devices.inficon_sqm160",
    "Keithley2182A": "devices.keithley2182a",
    "Keithley2400": "devices.keithley2400",
    "Keithley6221": "devices.keithley6221",
    "Keysight34401A": "devices.keysight34401a",
    "KeysightE4980A": "devices.keysight_e4980a",
    "MKS937B": "devices.mks937b",
    "ProcessTool": "devices.process_tool",
    "RecipeTable": "devices.recipe_table",
    "SampleMover": "devices.sample_mover",
    "ThorlabsPM100D": "devices.thorlabs_pm100d",
    "VaisalaHMT330": "devices.vaisala_hmt330",
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
