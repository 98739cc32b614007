"""Devices of the laboratory: one plain class per instrument, one module each."""

from devices._device import ClockStatus, Identity, LinkedDevice
from devices._points import Point
from devices._signals import Readback, Setting, Soft
from devices._trace import Trace

__all__ = ["ClockStatus", "Identity", "LinkedDevice", "Point", "Readback", "Setting", "Soft", "Trace"]
