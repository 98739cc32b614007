"""A campaign rehearsed: whole nights on simulated instruments in simulated time, and what goes wrong in them."""

from labctl.rehearsal._consumption import FORMULAS, Spent, spent
from labctl.rehearsal._drill import Drilled
from labctl.rehearsal._interlocks import Trip
from labctl.rehearsal._limits import Approach, Departure
from labctl.rehearsal._load import StationLoad
from labctl.rehearsal._night import Night
from labctl.rehearsal._rehearsal import Rehearsal, rehearse
from labctl.rehearsal._simulated import simulated_lab
from labctl.rehearsal._verdict import Verdict

__all__ = [
    "FORMULAS",
    "Approach",
    "Departure",
    "Drilled",
    "Night",
    "Rehearsal",
    "Spent",
    "StationLoad",
    "Trip",
    "Verdict",
    "rehearse",
    "simulated_lab",
    "spent",
]
