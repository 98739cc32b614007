"""A lab file becomes stations with devices on links."""

from labctl.lab._calendar import ALWAYS, Calendar
from labctl.lab._check import check_lab, read_lab
from labctl.lab._described_kind import is_described
from labctl.lab._extension import extend_lab, extension_problems
from labctl.lab._file import CASSETTE, FaultEntry, LabFile
from labctl.lab._ical import CalendarEvent, read_calendar
from labctl.lab._instrument_file import InstrumentFile
from labctl.lab._kinds import device_kind
from labctl.lab._lab import Lab, Station, build_lab
from labctl.lab._limits import Limits, abilities
from labctl.lab._opening import StationCalendar
from labctl.lab._pauses import changeovers, closings
from labctl.lab._simulated import fault_kinds, has_simulation, wire_faults
from labctl.lab._substrates import Certificate
from labctl.lab._swift import build_swift_plant
from labctl.lab._watchdog_entries import WatchdogLimits

__all__ = [
    "ALWAYS",
    "CASSETTE",
    "Calendar",
    "CalendarEvent",
    "Certificate",
    "FaultEntry",
    "InstrumentFile",
    "Lab",
    "LabFile",
    "Limits",
    "Station",
    "StationCalendar",
    "WatchdogLimits",
    "abilities",
    "build_lab",
    "build_swift_plant",
    "changeovers",
    "check_lab",
    "closings",
    "device_kind",
    "extend_lab",
    "extension_problems",
    "fault_kinds",
    "has_simulation",
    "is_described",
    "read_calendar",
    "read_lab",
    "wire_faults",
]
