"""What carries bytes between a host and a simulated instrument, and what goes wrong on the way."""

from sim_devices.wire._faults import WIRE_FAULTS, Fault, Faults
from sim_devices.wire._instrument import Instrument, LineInstrument, Reply
from sim_devices.wire._memory import WireMemory, cut_power, requests
from sim_devices.wire._serve import InstrumentServer
from sim_devices.wire._visa import SimVisaLibrary

__all__ = [
    "WIRE_FAULTS",
    "Fault",
    "Faults",
    "Instrument",
    "InstrumentServer",
    "LineInstrument",
    "Reply",
    "SimVisaLibrary",
    "WireMemory",
    "cut_power",
    "requests",
]
