"""A campaign rehearsed: whole nights on simulated instruments in simulated time, and what goes wrong in them."""

from labctl.rehearsal._acceleration import Acceleration, Spread, accelerations
from labctl.rehearsal._baselines import BASELINES, THIS, Baseline, Race, race, require_sketchable, sketched
from labctl.rehearsal._consumption import FORMULAS, Spent, spent
from labctl.rehearsal._drill import Drilled
from labctl.rehearsal._extension import Gain, extended, gain_of
from labctl.rehearsal._interlocks import Trip
from labctl.rehearsal._limits import Approach, Departure
from labctl.rehearsal._night import Night
from labctl.rehearsal._rehearsal import Rehearsal, rehearse
from labctl.rehearsal._simulated import simulated_lab
from labctl.rehearsal._sketch import Sketch, Sketched
from labctl.rehearsal._verdict import Verdict

__all__ = [
    "BASELINES",
    "FORMULAS",
    "THIS",
    "Acceleration",
    "Approach",
    "Baseline",
    "Departure",
    "Drilled",
    "Gain",
    "Night",
    "Race",
    "Rehearsal",
    "Sketch",
    "Sketched",
    "Spent",
    "Spread",
    "Trip",
    "Verdict",
    "accelerations",
    "extended",
    "gain_of",
    "race",
    "rehearse",
    "require_sketchable",
    "simulated_lab",
    "sketched",
    "spent",
]
