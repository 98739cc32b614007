"""One whole campaign on simulated instruments in simulated time."""

from __future__ import annotations

import functools
import io
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labctl.campaign import Campaign, CheckedCampaign, Ending, Happening, check_campaign
from labctl.clock import VirtualClock
from labctl.errors import LabError
from labctl.lab import FaultEntry, Lab, build_lab, changeovers, closings
from labctl.records import StationUse, automatic_flags, station_use
from labctl.rehearsal._consumption import Spent, spent
from labctl.rehearsal._events import events_of
from labctl.rehearsal._interlocks import Trip, trips_of
from labctl.rehearsal._limits import Approach, Departure, approaches, departures
from labctl.store import RecordedRun, Store

Plans = Mapping[str, Callable[..., Any]]
"""Plan of each operation kind, each with its schema; importable, so that another process finds them too."""


@dataclass(frozen=True)
class Night:
    """What one rehearsed campaign came to."""

    seed: int
    ending: str
    """Why it ended, as a campaign's ending has it."""
    lab_s: float
    """How long it took [s of lab time]."""
    n_trials: int
    n_completed: int
    n_failed: int
    n_lost: int
    best: float | None
    """First objective of the best trial."""
    n_substrates: int
    """Substrates that something was done to."""
    reasons: Mapping[str, int]
    """Why trials failed or were lost, and how many."""
    loads: tuple[StationUse, ...]
    spent: tuple[Spent, ...]
    approaches: tuple[Approach, ...]
    departures: tuple[Departure, ...]
    doubts: Mapping[str, int]
    """In how many runs something makes a record doubtful, by what it is."""
    alarms: Mapping[str, int]
    """How often an instrument complained, by instrument and complaint."""
    trips: tuple[Trip, ...]
    """Interlocks that tripped."""


@dataclass(frozen=True)
class Played:
    """A campaign that was played to its end, while its laboratory and store are still there."""

    campaign: Campaign
    lab: Lab
    ending: Ending
    runs: Sequence[RecordedRun]
    """In the order they were begun."""
    trips: tuple[Trip, ...]
    """Interlocks that tripped."""


def checked_for(file: Path, plans: Plans, seed: int) -> CheckedCampaign:
    """Return a campaign with another seed; raises an ExceptionGroup of `FileError`."""
    return check_campaign(file, {kind: plan.schema for kind, plan in plans.items()}, seed=seed)  # type: ignore[attr-defined]  # set by the decorator


def _take_note(campaign: Campaign, happening: Happening) -> None:
    """Acknowledge alarms at once: a rehearsal waits for nobody."""
    if happening.alarm:
        campaign.tell(lambda: campaign.operator.acknowledge(happening.alarm, "rehearsal"))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what each fault makes fail from being printed; it is in the records."""
    before = {logger: logger.level for logger in map(logging.getLogger, ("ophyd", "labctl.engine", "labctl.safety"))}
    for logger in before:
        logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(io.StringIO()):  # bluesky prints that it aborts
            yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)


@contextmanager
def played(
    file: Path,
    plans: Plans,
    folder: Path,
    seed: int,
    *,
    faults: Sequence[FaultEntry] = (),
    n_trials: int | None = None,
    in_flight: int | None = None,
    before: Callable[[Lab], object] = lambda lab: None,
) -> Iterator[Played]:
    """Play a campaign on simulated instruments; the body sees laboratory and records.

    Args:
        file: of a campaign whose laboratory is simulated.
        plans: of each operation kind.
        folder: where its store will be.
        seed: of the optimizer and the simulated laboratory.
        faults: besides those of the lab file.
        n_trials: at most so many, in place of the campaign's own budget.
        in_flight: at most so many samples under way.
        before: told the laboratory before anything is done.

    Raises:
        LabError: an instrument does not answer; nothing was moved.
    """
    checked = checked_for(file, plans, seed)
    if checked.lab.backend != "simulated":
        raise ValueError(f"{checked.paths['lab']}: backend {checked.lab.backend!r} is not rehearsed with")
    own = checked.file
    budget = own.budget.model_copy(update={"trials": min(n_trials or own.budget.trials, own.budget.trials)})
    changes = {"budget": budget, "in_flight": min(in_flight or own.in_flight, own.in_flight)}
    checked = replace(checked, file=own.model_copy(update=changes))
    if faults:
        simulated = checked.lab.simulated
        simulated = simulated.model_copy(update={"faults": [*simulated.faults, *faults]})
        checked = replace(checked, lab=checked.lab.model_copy(update={"simulated": simulated}))
    clock = VirtualClock()
    with _quiet(), Store.open(folder, name=checked.lab.lab, catalog=False) as store:
        lab = build_lab(checked.lab, clock, checked.schemas, seed=seed, rows=checked.rows or None)
        try:
            before(lab)
            campaign = Campaign(checked, lab, store, plans)
            campaign.on_happening = functools.partial(_take_note, campaign)
            ending = campaign.run()
            runs = [store.run(run.uid) for run in store.runs()]
            runs.sort(key=lambda run: int(run.start["scan_id"]))
            yield Played(campaign, lab, ending, runs, trips_of(folder))
        finally:
            clock.close()
            lab.close()


def play_night(file: Path, plans: Plans, folder: Path, seed: int) -> Night:
    """Return what a campaign comes to.

    Args:
        file: of a campaign whose laboratory is simulated.
        plans: of each operation kind.
        folder: where its store will be.
        seed: of the optimizer and the simulated laboratory.

    Raises:
        LabError: an instrument does not answer.
    """
    try:
        with played(file, plans, folder, seed) as night:
            return _figures(night, seed)
    except LabError as error:
        raise LabError(str(error)) from None  # of a class that another process can send


def _figures(night: Played, seed: int) -> Night:
    campaign, ending, runs = night.campaign, night.ending, night.runs
    checked = campaign.checked
    first = checked.objectives[0].name
    treated = {sample for run in runs if run.start["operation"] != "transfer" for sample in run.start["samples"]}
    failed = [outcome.reason for outcome in campaign.outcomes if outcome.status == "failed"]
    doubts = [
        f"{flag.kind}: {flag.key or flag.stream or 'run'}"
        for run in runs
        for flag in {(flag.kind, flag.key, flag.stream): flag for flag in automatic_flags(run)}.values()
        if flag.kind != "uncalibrated"  # that is a matter of the date, and a rehearsal has none
    ]
    return Night(
        seed,
        ending.reason,
        ending.lab_s,
        ending.n_trials,
        ending.n_completed,
        ending.n_failed,
        ending.n_lost,
        campaign.best.objectives[first] if campaign.best is not None else None,
        len(treated),
        dict(sorted(Counter([*failed, *campaign.lost.values()]).items())),
        station_use(runs, checked.lab.stations, changeovers(checked.lab), closings(checked.lab)),
        spent(runs, checked.lab),
        approaches(runs),
        departures(runs),
        dict(sorted(Counter(doubts).items())),
        events_of(runs, "alarm"),
        night.trips,
    )
