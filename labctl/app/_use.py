"""How stations spent their time, for people."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.lab import LabFile, changeovers, closings
from labctl.records import StationUse, station_use
from labctl.store import RecordedRun

PARTS = ("busy", "waiting", "set_up", "down", "idle")
"""Attributes of `StationUse` that make up the whole time."""
USES = ("busy", "waiting", "set-up", "down", "idle")
"""The same, as people read them."""


def use_of(runs: Sequence[RecordedRun], lab: LabFile) -> tuple[StationUse, ...]:
    """Return how each station of a laboratory spent its time; raises FileError."""
    return station_use(runs, lab.stations, changeovers(lab), closings(lab))


def shares(use: StationUse) -> tuple[str, ...]:
    """Return the shares of a station's time in words."""
    return tuple(f"{100 * getattr(use, part):.1f} %" for part in PARTS)
