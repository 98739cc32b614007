"""Where every sample was when the controller died, from the decisions and the recorded runs."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl.campaign._approvals import Refusal
from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._decisions import (
    APPROVED,
    ASIDE,
    CLOSED,
    ENDED,
    FORETOLD,
    HANDLED,
    HELD,
    LOADED,
    PAUSED,
    REFUSED,
    RELEASED,
    RESUMED,
    RETIRED,
    STARTED,
    SUGGESTED,
    Decisions,
)
from labctl.dispatch import RETRY, Load, Traveller
from labctl.lab import Lab
from labctl.optimize import ID_KEY, ROW_KEY
from labctl.samples import station_of
from labctl.store import RECOVERED, RecordedRun, Store
from labctl.supervisor import made_safe_since

_ASK_AGAIN_S = 2.0
_GOES_ON = (RETRY, "wait", "elsewhere", "set aside", "go on")
"""Verdicts on a failed operation after which its samples are not given up."""


@dataclass(frozen=True)
class Unknown:
    """An operation that was begun and of which nobody saw the end."""

    run: RecordedRun
    travellers: tuple[Traveller, ...]
    made_safe: str = ""
    """What the supervisor did since it was begun, in words; empty where nothing."""

    @property
    def kind(self) -> str:
        """Kind of operation."""
        return str(self.run.start["operation"])

    @property
    def station(self) -> str:
        """Where it was done."""
        return str(self.run.start["station"])


@dataclass
class Resumption:
    """A campaign as its decisions and runs have it."""

    started: Mapping[str, Any] | None = None
    """With which earlier trials and policy it began; None where it never did."""
    points: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What was suggested, by trial, in order."""
    samples: dict[str, str] = field(default_factory=dict)
    """By trial, of what was begun."""
    asks: dict[str, str] = field(default_factory=dict)
    """Why a person has to approve a suggestion, by trial, where nobody has answered yet."""
    refused: dict[str, Refusal] = field(default_factory=dict)
    """Suggestions that were refused, by trial."""
    places: dict[str, str] = field(default_factory=dict)
    """Rack places of samples to which nothing had been done when another one's was given back."""
    by: dict[str, str] = field(default_factory=dict)
    """Who suggested a trial and why, where it was a person."""
    ended: dict[str, str] = field(default_factory=dict)
    """Why each trial that ended has no outcome, empty where it has one; in the order they ended."""
    gains: list[float] = field(default_factory=list)
    """What was left to gain after each trial, where that was asked."""
    steps: list[tuple[str, str]] = field(default_factory=list)
    """``suggested``, ``refused`` or ``ended`` and the trial, in order."""
    loads: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Samples of the newest load of each station."""
    handled: dict[str, str] = field(default_factory=dict)
    """What was decided about each run that failed, by its uid."""
    aside: dict[str, str] = field(default_factory=dict)
    """Why samples were set aside."""
    held: dict[str, str] = field(default_factory=dict)
    """Why stations are held."""
    out_of_service: dict[str, str] = field(default_factory=dict)
    """Why stations are used no more."""
    paused: str = ""
    """Why nothing new is started; empty while work goes on."""
    taken_out: dict[str, str] = field(default_factory=dict)
    """Station out of which a person took each sample."""
    closed: str = ""
    """Why the campaign ended; empty while it has not."""
    travellers: dict[str, Traveller] = field(default_factory=dict)
    """By sample; also those of ended trials, for the places they take."""
    begun: dict[str, float] = field(default_factory=dict)
    """When something was first done to each sample [s since 1970-01-01 UTC]."""
    last: dict[str, RecordedRun] = field(default_factory=dict)
    """The newest run of each sample to which something was done."""
    untouched: set[str] = field(default_factory=set)
    """Samples to which nothing was done since they were brought where they lie."""
    n_runs: int = 0
    n_operations: int = 0
    first_time: float = 0.0
    """When the first run began [s since 1970-01-01 UTC]."""
    last_time: float = 0.0
    """The latest time that was recorded [s since 1970-01-01 UTC]."""
    unknown: list[Unknown] = field(default_factory=list)
    took: list[tuple[Mapping[str, Any], float]] = field(default_factory=list)
    """Start document and duration [s] of every operation that came to its end, in order."""

    def age_s(self, now: float) -> float:
        """Return how long ago the first run began [s]; `now` is a time of day [s since 1970-01-01 UTC]."""
        return max(now, self.last_time) - self.first_time if self.n_runs else 0.0

    def in_doubt(self, rules: Mapping[str, str]) -> set[str]:
        """Return the stations at which something was under way of which only their instruments know what became.

        Args:
            rules: what to do with an operation whose end nobody saw, by kind.
        """
        return {
            unknown.station
            for unknown in self.unknown
            if self.handled.get(unknown.run.uid) not in (RETRY, "wait") and rules[unknown.kind] != "repeat"
        }

    def take(self, kind: str, about: Mapping[str, Any]) -> None:
        """Take the next decision in."""
        trial, station, reason = (str(about.get(key, "")) for key in ("trial", "station", "reason"))
        if kind == STARTED:
            self.started = about
        elif kind == SUGGESTED:
            trial = str(about["point"][ID_KEY])
            self.points[trial], self.samples[trial] = about["point"], str(about["sample"])
            self.steps.append((SUGGESTED, trial))
            self.closed = ""  # it was given more trials
            if about.get("asks"):
                self.asks[trial] = str(about["asks"])
            if about.get("by"):
                self.by[trial] = f"{about['by']}{reason and ': '}{reason}"
        elif kind == APPROVED:
            del self.asks[trial]
        elif kind == REFUSED:
            self.asks.pop(trial, None)
            self.refused[trial] = Refusal(str(about["by"]), reason, about.get("time"))
            self.places |= about.get("places", {})
            self.steps.append((REFUSED, trial))
        elif kind == LOADED:
            self.loads[station] = tuple(about["samples"])
        elif kind == HANDLED:
            self.handled[str(about["run"])] = str(about["verdict"])
            if about["verdict"] == "set aside":
                self.aside |= dict.fromkeys(about["samples"], reason)
            elif about["verdict"] in ("elsewhere", "quarantine", "stop"):
                self.out_of_service[station] = reason
        elif kind == ASIDE:
            self.aside[str(about["sample"])] = reason
        elif kind == RETIRED:
            self.out_of_service[station] = reason
        elif kind == HELD:
            self.held[station] = reason
        elif kind == RELEASED:
            self.held.pop(station, None)
            self.out_of_service.pop(station, None)
            ended = [self.samples[trial] for trial in self.ended]
            self.taken_out |= {sample: station for sample in self.loads.get(station, ()) if sample in ended}
        elif kind in (PAUSED, RESUMED):
            self.paused = reason if kind == PAUSED else ""
        elif kind == ENDED:
            self.ended[trial] = reason
            self.steps.append((ENDED, trial))
        elif kind == FORETOLD:
            self.gains.append(float(about["gain"]))
        elif kind == CLOSED:
            self.closed = reason


def read_resumption(checked: CheckedCampaign, decisions: Decisions, store: Store, supervised: Path) -> Resumption:
    """Return where a campaign stood; an empty one where it never began.

    Args:
        checked: the campaign's files.
        decisions: of the campaign.
        store: of the campaign.
        supervised: folder in which the supervisor keeps its record.

    Raises:
        StoreError: decisions or runs cannot be read.
    """
    found = Resumption()
    decisions.cut_torn_tail()
    for kind, about in decisions.read():
        found.take(kind, about)
    for trial in (*found.asks, *found.refused):
        del found.samples[trial]
    if not found.points:
        return found
    runs: dict[str, list[RecordedRun]] = {sample: [] for sample in found.samples.values()}
    # In the order they were begun, also where the computer's clock was set back meanwhile.
    for summary in sorted(store.runs(campaign=checked.file.campaign), key=lambda run: run.scan_id or 0):
        run = store.run(summary.uid)
        found.last_time = max(found.last_time, summary.time + (summary.duration_s or 0.0))
        found.first_time = found.first_time or run.start["time"]
        found.n_runs = max(found.n_runs, summary.scan_id or 0)
        found.n_operations = max(found.n_operations, int(run.start["operation_id"].removeprefix("op")))
        if run.stop is not None and run.stop["exit_status"] == "success":
            found.took.append((run.start, run.stop["time"] - run.start["time"]))
        for sample in summary.samples:
            runs[sample].append(run)
    for trial, sample in found.samples.items():
        traveller = _traveller(checked, found, trial, sample, runs[sample])
        found.travellers[sample] = traveller
        traveller.aside = found.aside.get(sample, "")
        if station_of(traveller.location) == found.taken_out.get(sample, "-"):
            traveller.location = f"taken out of {traveller.location}"
        done = [run for run in runs[sample] if not (_is_move(run) and _was_cut_off(run))]
        if done and _is_move(done[-1]):
            found.untouched.add(sample)
    found.begun = {sample: of[0].start["time"] for sample, of in runs.items() if of}
    found.last = {sample: of[-1] for sample, of in runs.items() if of}
    unknown = {
        run.uid: run
        for run in found.last.values()
        if _was_cut_off(run) or found.handled.get(run.uid) in (RETRY, "wait")
    }
    found.unknown = [
        Unknown(
            run,
            tuple(found.travellers[name] for name in run.start["samples"] if found.last[name] is run),
            made_safe_since(supervised, run.start["time"]),
        )
        for run in unknown.values()
    ]
    return found


def _is_move(run: RecordedRun) -> bool:
    return bool(run.start["operation"] == "transfer")


def _was_cut_off(run: RecordedRun) -> bool:
    return (run.stop or {}).get("reason") == RECOVERED


def _traveller(
    checked: CheckedCampaign, found: Resumption, trial: str, sample: str, runs: Sequence[RecordedRun]
) -> Traveller:
    suggestion = {name: value for name, value in found.points[trial].items() if name != ID_KEY}
    values = {name: value for name, value in suggestion.items() if name != ROW_KEY}
    traveller = Traveller(sample, trial, checked.recipe(values, suggestion.get(ROW_KEY)), suggestion, "", "")
    traveller.share, traveller.priority = checked.file.campaign, checked.file.dispatch.priority
    traveller.begun = bool(runs)
    for run in runs:
        start, stop = run.start, run.stop or {}
        verdict = found.handled.get(run.uid, "")
        traveller.location = str(start["locations"][list(start["samples"]).index(sample)])
        if _is_move(run):
            traveller.home = traveller.home or traveller.location
        else:
            traveller.runs.append(run.uid)
        if stop.get("exit_status") == "success":
            traveller.reason = ""
            if _is_move(run):
                traveller.location = str(start["parameters"]["destination"])
            else:
                names = dict(zip(start["samples"], start["operation_names"], strict=True))
                traveller.bring_forward_named(str(names[sample]))
                traveller.index += 1
                traveller.done_at = float(stop["time"])
                if not traveller.home:  # where nothing is carried, it is back in the rack at once
                    traveller.location = ""
            traveller.waiting_since = float(stop["time"])
        elif _was_cut_off(run):
            if not _is_move(run):
                traveller.runs.pop()
            traveller.reason = RECOVERED
        elif verdict in _GOES_ON:
            traveller.reason, traveller.waiting_since = "", float(stop["time"])
            if verdict == "go on":
                traveller.leave_out()
        else:
            traveller.reason = f"{start['operation']} on {start['station']}: {stop.get('reason', '')}"
    traveller.home = traveller.home or found.places.get(sample, "")
    traveller.location = traveller.location or traveller.home
    return traveller


def settle(
    found: Resumption,
    lab: Lab,
    plans: Mapping[str, Callable[..., Any]],
    rules: Mapping[str, str],
    decisions: Decisions,
    mute: Collection[str] = (),
) -> list[Load]:
    """Say what is to become of every sample, after asking the instruments where the records do not tell.

    Args:
        found: where the campaign stood; its travellers are brought up to date.
        lab: connected.
        plans: by kind of operation.
        rules: what to do with an operation whose end nobody saw, by kind.
        decisions: which samples are set aside is written there before anything is done with them.
        mute: stations that do not answer, and are not asked.

    Returns:
        What is in the stations.

    Raises:
        LabError: an instrument does not answer.
        StoreError: a decision cannot be written.
    """
    for traveller in found.travellers.values():
        since = traveller.waiting_since or lab.clock.time()
        traveller.waiting_since = lab.clock.monotonic() - max(0.0, lab.clock.time() - since)
        if traveller.done_at is not None:
            traveller.done_at = lab.clock.monotonic() - max(0.0, lab.clock.time() - traveller.done_at)
        if traveller.status == "waiting" and traveller.reason not in ("", RECOVERED):
            traveller.status = "failed"  # the process died before this was told
    loads = []
    for unknown in found.unknown:
        if unknown.kind == "transfer":
            _ask_mover(unknown, found, lab, decisions)
        elif (verdict := found.handled.get(unknown.run.uid, "")) in (RETRY, "wait"):
            failed_s = lab.clock.time() - float((unknown.run.stop or {}).get("time", 0.0))
            loads.append(_failed_load(unknown, verdict, found, lab.clock.monotonic() - max(0.0, failed_s)))
        else:
            plan, is_mute = plans[unknown.kind], unknown.station in mute
            loads.append(_settle_one(unknown, lab, plan, rules[unknown.kind], decisions, is_mute))
    told = {load.station for load in loads}
    stations = dict.fromkeys(station_of(traveller.location) for traveller in found.travellers.values())
    for station in stations:
        if station in lab.stations and station not in told:
            loads.append(_load(station, found))
    return loads


def _settle_one(
    unknown: Unknown, lab: Lab, plan: Callable[..., Any], rule: str, decisions: Decisions, is_mute: bool
) -> Load:
    """Settle one operation whose end nobody saw; return its load."""
    alive = tuple(traveller for traveller in unknown.travellers if not traveller.ended)
    for traveller in alive:
        traveller.reason = ""
    devices = () if is_mute else lab.stations[unknown.station].devices
    said = [reason for device in devices if (reason := device.interruption())] if rule == "continue" else []
    if rule == "continue" and not said:
        return Load(unknown.station, alive, "loading", continues=unknown.run.uid)
    if rule == "repeat":
        return Load(unknown.station, alive, "loading")
    for device in devices:
        device.unstage()
    about = "".join(f"; {text}" for text in (*said, unknown.made_safe) if text)
    for traveller in alive:
        if not traveller.aside:
            traveller.aside = f"{unknown.kind} on {unknown.station} was under way when the controller died{about}"
            decisions.write(ASIDE, sample=traveller.sample, reason=traveller.aside)
    why_closed: Callable[..., str] | None = plan.closed  # type: ignore[attr-defined]  # set by the decorator
    if why_closed is None:
        return Load(unknown.station, alive, "unloading")
    roles = lab.stations[unknown.station].operations[unknown.kind]
    asks = functools.partial(why_closed, *roles, **unknown.run.start["parameters"])
    return Load(unknown.station, alive, "closed", why_closed=asks)


def _failed_load(unknown: Unknown, verdict: str, found: Resumption, failed_at: float) -> Load:
    """Return a load whose operation failed at a lab time [s]: it is tried again, or a person is asked."""
    runs = reversed(unknown.travellers[0].runs)
    failed = list(itertools.takewhile(lambda uid: found.handled.get(uid) in (RETRY, "wait"), runs))
    reason = str((unknown.run.stop or {}).get("reason", ""))
    state = "waiting" if verdict == "wait" else "retrying"
    return Load(
        unknown.station,
        unknown.travellers,
        state,
        reason,
        attempt=len(failed),
        failed_run=unknown.run.uid,
        failed_at=failed_at,
    )


def _ask_mover(unknown: Unknown, found: Resumption, lab: Lab, decisions: Decisions) -> None:
    """Find out whether a move was made: the mover's state has changed since just before it.

    Where it does not tell, the mover is held until a person has looked and releases it: the sample may be in its hand.
    """
    (traveller,) = unknown.travellers
    if traveller.ended:
        return
    traveller.reason = ""
    run, device = unknown.run, lab.stations[lab.mover].operations["transfer"][0]
    mover: Any = device  # ophyd's attributes are untyped
    baseline = run.streams.get("baseline")
    before = "" if baseline is None or not len(baseline.times) else str(baseline.columns[mover.state.name][0])
    while (state := str(mover.state.get())).startswith("MOVING"):
        lab.clock.sleep(_ASK_AGAIN_S)
    source, destination = run.start["parameters"]["source"], run.start["parameters"]["destination"]
    if state == before or not before:
        traveller.location = source
    elif state.startswith("DONE"):
        traveller.location = destination
    elif state.startswith("HALTED") and " at " in state:
        traveller.location = state.rpartition(" at ")[2]
    else:
        traveller.location = f"{source} or {destination}?"
        traveller.status, traveller.reason = "failed", f"not carried to {destination}: the mover says {state!r}"
        reason = f"look where {traveller.sample} is, {traveller.location} the mover says {state!r}"
        found.held[lab.mover] = reason
        decisions.write(HELD, station=lab.mover, reason=reason)
    if traveller.location == destination:
        found.untouched.add(traveller.sample)


def _load(station: str, found: Resumption) -> Load:
    """Return what is in a station in which no operation was under way."""
    inside = [t for t in found.travellers.values() if station_of(t.location) == station]
    if any(traveller.ended for traveller in inside):
        reason = next(traveller.reason for traveller in inside if traveller.ended)
        return Load(station, tuple(inside), "quarantined", reason or "a sample was left in it")
    if all(traveller.sample in found.untouched and not traveller.aside for traveller in inside):
        named = found.loads.get(station, ())
        wanted = [found.travellers[sample] for sample in named if sample in found.travellers]  # some were refused
        coming = [t for t in wanted if not t.ended and not t.aside and t not in inside]
        return Load(station, (*inside, *coming), "loading")
    return Load(station, tuple(inside), "unloading")
