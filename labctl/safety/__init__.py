"""Interlocks are watched; what is wrong is written down, answered, and latched until somebody acknowledges it."""

from labctl.safety._alarms import Alarm, Override
from labctl.safety._board import AlarmBoard
from labctl.safety._evaluator import Memory, Reading, evaluate
from labctl.safety._progress import Estimate, Progress
from labctl.safety._responder import Actions, Responder
from labctl.safety._state import State
from labctl.safety._telling import alarm_notice
from labctl.safety._watch import Watch
from labctl.safety._watchdogs import Watchdog, Watchdogs

__all__ = [
    "Actions",
    "Alarm",
    "AlarmBoard",
    "Estimate",
    "Memory",
    "Override",
    "Progress",
    "Reading",
    "Responder",
    "State",
    "Watch",
    "Watchdog",
    "Watchdogs",
    "alarm_notice",
    "evaluate",
]
