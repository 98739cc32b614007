"""A lab file becomes stations with devices on links."""

from labctl.lab._calendar import ALWAYS, Calendar
from labctl.lab._check import check_lab, read_lab
from labctl.lab._file import FaultEntry, LabFile
from labctl.lab._lab import Lab, Station, build_lab
from labctl.lab._limits import Limits, abilities
from labctl.lab._simulated import fault_kinds, has_simulation, wire_faults
from labctl.lab._substrates import Certificate
from labctl.lab._watchdog_entries import WatchdogLimits

__all__ = [
    "ALWAYS",
    "Calendar",
    "Certificate",
    "FaultEntry",
    "Lab",
    "LabFile",
    "Limits",
    "Station",
    "WatchdogLimits",
    "abilities",
    "build_lab",
    "check_lab",
    "fault_kinds",
    "has_simulation",
    "read_lab",
    "wire_faults",
]
