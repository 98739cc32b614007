"""Other ways to the same goal, sketched on the same simulated laboratory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # has no stubs

from labctl.campaign import CheckedCampaign
from labctl.clock import VirtualClock
from labctl.errors import FileError, Problem
from labctl.lab import CalendarEvent, Lab, StationCalendar, build_lab, build_swift_plant, read_calendar
from labctl.objectives import Objective
from labctl.rehearsal._sketch import Sketch, Sketched
from labctl.trials import Outcome

OPENS_H, CLOSES_H = 8, 18
"""Working hours of the baseline that keeps them, Monday to Friday, UTC."""


@dataclass(frozen=True)
class Baseline:
    """One way to look for a recipe."""

    key: str
    description: str
    engine: str = ""
    """Of the optimizer; empty: the campaign's own."""
    in_flight: int | None = None
    """Samples under way at the same time; None: as many as the campaign has."""
    keeps_hours: bool = False
    """Whether every station works in working hours only."""


THIS = Baseline("this", "as the campaign does it")
BASELINES = (
    Baseline(
        "a", f"random recipes, one sample at a time, {OPENS_H:02}:00 to {CLOSES_H}:00 on weekdays", "random", 1, True
    ),
    Baseline("b", "the same optimizer, one sample at a time, day and night", "", 1),
    Baseline("c", "random recipes, as many samples in flight, day and night", "random"),
)


@dataclass(frozen=True)
class Race:
    """One way to the target, with one seed."""

    baseline: str
    seed: int
    target: float
    """Of the first objective."""
    reached: bool
    n_ended: int
    """Trials that had ended by then."""
    n_begun: int
    """Trials that had been begun by then."""
    lab_s: float
    """How long it took [s of lab time]; where the target was not reached, how long was tried."""
    most: int
    """Trials after which it was given up."""


def require_sketchable(checked: CheckedCampaign) -> None:
    """Refuse a campaign with an operation whose physics cannot be driven directly.

    Raises:
        FileError: with every such operation.
    """
    clock = VirtualClock()
    kinds = build_swift_plant(checked.lab, clock, 0).kinds
    clock.close()
    problems = [
        Problem(f"operations[{index}].operation", f"{entry['operation']} cannot be sketched; known: {', '.join(kinds)}")
        for index, entry in enumerate(checked.content["operations"])
        if entry["operation"] not in kinds
    ]
    if problems:
        raise FileError(str(checked.paths["recipe"]), problems)


def race(checked: CheckedCampaign, baseline: Baseline, seed: int, target: float, most: int) -> Race:
    """Return how one way with one seed gets to a value of the first objective.

    Args:
        checked: a campaign in a simulated laboratory.
        baseline: the way.
        seed: of optimizer and simulated laboratory.
        target: value of the first objective.
        most: trials after which it is given up.
    """
    is_reached = _reaches(dataclasses.replace(checked.objectives[0], target=target))
    done = sketched(checked, baseline, seed, most, until=is_reached)
    reached = bool(done) and done[-1].outcome is not None and is_reached(done[-1].outcome)
    n_begun, lab_s = (done[-1].n_begun, done[-1].lab_s) if done else (0, 0.0)
    return Race(baseline.key, seed, target, reached, len(done), n_begun, lab_s, most)


def sketched(
    checked: CheckedCampaign,
    baseline: Baseline,
    seed: int,
    most: int,
    until: Callable[[Outcome], bool] = lambda outcome: False,
) -> list[Sketched]:
    """Return every trial of one way with one seed, in the order in which they ended.

    Args:
        checked: a campaign in a simulated laboratory; its racks are taken to be large enough.
        baseline: the way.
        seed: of optimizer and simulated laboratory.
        most: trials that are begun.
        until: it ends with an outcome of which this is true.
    """
    racks = dict.fromkeys(checked.lab.racks, max(most, *checked.lab.racks.values()))
    file = checked.lab.model_copy(update={"racks": racks})
    own = checked.file.model_copy(update={"seed": seed})
    clock = VirtualClock()
    lab = build_lab(file, clock, checked.schemas, seed=seed, rows=checked.rows or None)
    try:
        if baseline.keeps_hours:
            _keep_hours(lab, file.calendar)
        plant = build_swift_plant(file, clock, seed, checked.rows, lab.substrates)
        there = dataclasses.replace(checked, file=own, lab=file)
        sketch = Sketch(there, lab, plant, engine=baseline.engine, in_flight=baseline.in_flight)
        return sketch.run(most, until=until)
    finally:
        clock.close()
        lab.close()


def _reaches(objective: Objective) -> Callable[[Outcome], bool]:
    def is_reached(outcome: Outcome) -> bool:
        return outcome.status == "completed" and objective.reached(outcome.objectives[objective.name])

    return is_reached


def _keep_hours(lab: Lab, calendar: str) -> None:
    """Let every station but the mover work in working hours only."""
    events: Sequence[CalendarEvent] = read_calendar(Path(calendar), lab.stations) if calendar else ()
    start = datetime(2020, 1, 6, OPENS_H, tzinfo=UTC)
    weekdays = rrulestr("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", dtstart=start.replace(tzinfo=None), cache=True)
    hours = CalendarEvent("hours", frozenset(), True, start, timedelta(hours=CLOSES_H - OPENS_H), (weekdays,))
    for name, station in lab.stations.items():
        if name != lab.mover:
            mine = [event for event in events if event.concerns(name) and not event.is_presence]
            opening = StationCalendar([*mine, hours], attended=True)
            lab.stations[name] = dataclasses.replace(station, calendar=opening, attended=True)
