"""Interlocks are watched; what is wrong is written down, answered, and latched until somebody acknowledges it."""

from labctl.safety._alarms import Alarm, Override
from labctl.safety._board import AlarmBoard
from labctl.safety._evaluator import Memory, Reading, evaluate
from labctl.safety._responder import Actions, Responder
from labctl.safety._state import State
from labctl.safety._watch import Watch

__all__ = [
    "Actions",
    "Alarm",
    "AlarmBoard",
    "Memory",
    "Override",
    "Reading",
    "Responder",
    "State",
    "Watch",
    "evaluate",
]
