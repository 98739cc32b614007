"""A failure drill: one fault in a short campaign, and what came of it beside the same campaign without."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

from labctl.errors import LabError
from labctl.lab import FaultEntry, Lab, LabFile, fault_kinds, wire_faults
from labctl.link import Exchange
from labctl.records import automatic_flags
from labctl.rehearsal._events import events_of
from labctl.rehearsal._interlocks import Trip, told
from labctl.rehearsal._night import Plans, Played, played

N_TRIALS, IN_FLIGHT = 3, 2
"""A drill's campaign: one sample is under way while another is treated, and a third shows whether it goes on."""
SAFE_LIMIT_S = 12 * 3600.0
"""How long after the campaign's end a drill waits for the laboratory to become safe by itself [s of lab time]."""
_LOOK_S = 60.0
_SHORTEST_S, _LONGEST_S = 2.0, 600.0
_CHANGED = 0.05
"""Share of an objective's value by which it must differ to be told as changed; well above the meters' noise."""


@dataclass(frozen=True)
class Window:
    """When an operation was under way without a fault, and with which devices."""

    begin_s: float
    """[s of lab time]."""
    end_s: float
    operation: str
    devices: tuple[str, ...]


@dataclass(frozen=True)
class Reference:
    """The drill's campaign without a fault."""

    windows: tuple[Window, ...]
    objectives: Mapping[str, Mapping[str, float]]
    """Of each trial that was completed."""
    values: Mapping[str, Mapping[str, Any]]
    """Parameters of each trial that has an outcome."""
    failed: frozenset[str]
    """Trials that their recipe spoilt."""
    n_lost: int
    lab_s: float
    """How long it took [s of lab time]."""
    noticed: frozenset[str]
    """Alarms, trips and flags that are there without a fault too."""


@dataclass(frozen=True)
class Injection:
    """One fault, and when."""

    number: int
    device: str
    kind: str
    start_s: float
    """[s of lab time]."""
    duration_s: float | None
    """[s]; None: until somebody mends it."""
    amount: float
    during: str
    """Operation that is under way then."""


@dataclass(frozen=True)
class Drilled:
    """What came of a fault."""

    device: str
    kind: str
    start_s: float
    """[s of lab time]."""
    duration_s: float | None
    """[s]; None: until somebody mends it."""
    during: str
    """Operation that was under way."""
    outcome: str
    """``no effect``, ``withstood``, ``noticed``, ``unnoticed``, ``samples lost``, ``station lost`` or ``stopped``."""
    detail: str
    n_lost: int
    """Samples that the fault cost: no outcome, or a failed one."""
    delay_s: float
    """How much longer the campaign took [s of lab time]; negative when it ended early."""
    n_errors: int
    """Exchanges with the device that failed, the successfully repeated ones too."""
    trips: tuple[Trip, ...]
    """Interlocks that tripped."""
    hazards: Mapping[str, str]
    """What was not in its safe state when the campaign had ended, by device."""
    safe_after_s: float | None
    """How long after the end everything was safe [s]; None: not within `SAFE_LIMIT_S`."""


def _shortened(file: Path, plans: Plans, folder: Path, seed: int, **others: Any) -> AbstractContextManager[Played]:
    return played(file, plans, folder, seed, n_trials=N_TRIALS, in_flight=IN_FLIGHT, **others)


def reference_of(file: Path, plans: Plans, folder: Path, seed: int) -> Reference:
    """Return the drill's campaign without a fault; raises LabError when an instrument does not answer."""
    try:
        with _shortened(file, plans, folder, seed) as night:
            return _reference(night)
    except LabError as error:
        raise LabError(str(error)) from None  # of a class that another process can send


def _reference(night: Played) -> Reference:
    clock, ambient = night.lab.clock, tuple(device.name for device in night.lab.ambient)
    began = clock.time() - clock.monotonic()
    windows = [
        Window(
            run.start["time"] - began,
            run.stop["time"] - began,
            str(run.start["operation"]),
            (*run.start["roles"].values(), *ambient),
        )
        for run in night.runs
        if run.stop is not None
    ]
    return Reference(
        tuple(windows),
        {o.trial: dict(o.objectives) for o in night.campaign.outcomes if o.status == "completed"},
        {o.trial: dict(o.values) for o in night.campaign.outcomes},
        frozenset(_failed(night)),
        night.ending.n_lost,
        night.ending.lab_s,
        frozenset(_noticed(night)),
    )


def injections(reference: Reference, lab: LabFile, seed: int, n: int | None) -> tuple[Injection, ...]:
    """Return faults at random moments, each while an operation uses the device.

    Every kind of fault that a device in use can have comes once, before one comes again; the device is any of
    those that can have it. A fault of the wire lasts 2 s to 10 min (short ones as often as long ones), another
    one until somebody mends it.

    Args:
        reference: when which device is in use.
        lab: of which class each device is.
        seed: decides on device and moment.
        n: how many faults; None: one of each kind.
    """
    in_use = sorted({device for window in reference.windows for device in window.devices})
    able: dict[str, list[str]] = {kind: [] for kind in wire_faults()}
    for device in in_use:
        for kind in fault_kinds(lab.devices[device].kind):
            able.setdefault(kind, []).append(device)
    kinds = [kind for kind, devices in able.items() if devices]
    wanted = len(kinds) if n is None else n * bool(kinds)
    return tuple(_injection(number, kinds[number % len(kinds)], able, reference, seed) for number in range(wanted))


def _injection(number: int, kind: str, able: Mapping[str, Sequence[str]], reference: Reference, seed: int) -> Injection:
    chance = random.Random(f"{seed}:drill:{number}")
    device = chance.choice(able[kind])
    window = chance.choice([window for window in reference.windows if device in window.devices])
    start_s = chance.uniform(window.begin_s, window.end_s)
    lasting_s = math.exp(chance.uniform(math.log(_SHORTEST_S), math.log(_LONGEST_S)))
    amount = {"late": chance.uniform(1.0, 10.0), "wrong_flow": chance.uniform(0.5, 0.9)}.get(kind, 0.0)
    duration_s = round(lasting_s, 1) if kind in wire_faults() else None
    return Injection(number, device, kind, round(start_s, 1), duration_s, round(amount, 2), window.operation)


class _Failures(deque[Exchange]):
    """A wire log that counts what failed."""

    n = 0

    @override
    def append(self, exchange: Exchange, /) -> None:
        self.n += bool(exchange.error)
        super().append(exchange)


def drill(file: Path, plans: Plans, folder: Path, seed: int, injection: Injection, reference: Reference) -> Drilled:
    """Return what came of a fault.

    Args:
        file: of a campaign whose laboratory is simulated.
        plans: of each operation kind.
        folder: where its store will be.
        seed: of the optimizer and the simulated laboratory; that of the reference.
        injection: the fault.
        reference: the same without it.

    Raises:
        LabError: an instrument does not answer before anything was done.
    """
    lasting = {} if injection.duration_s is None else {"duration": f"{injection.duration_s} s"}
    about = {"device": injection.device, "kind": injection.kind, "start": f"{injection.start_s} s"}
    fault = FaultEntry.model_validate({**about, "amount": injection.amount, **lasting})
    failures = _Failures(maxlen=1000)

    def listen(lab: Lab) -> None:
        lab.devices[injection.device].link.log = failures

    try:
        with _shortened(file, plans, folder, seed, faults=[fault], before=listen) as night:
            hazards, safe_after_s = _left(night.lab)
            outcome, detail = _outcome(night, reference, failures.n)
            trips = night.trips
            n_lost, delay_s = _n_lost(night, reference), night.ending.lab_s - reference.lab_s
    except LabError as error:
        raise LabError(str(error)) from None  # of a class that another process can send
    return Drilled(
        injection.device,
        injection.kind,
        injection.start_s,
        injection.duration_s,
        injection.during,
        outcome,
        detail,
        n_lost,
        delay_s,
        failures.n,
        trips,
        hazards,
        safe_after_s,
    )


def _left(lab: Lab) -> tuple[Mapping[str, str], float | None]:
    """Return what was left unsafe, and after how long nothing was any more [s]."""
    plant, clock = lab.plant, lab.clock
    assert plant is not None
    with clock.held(), clock.flow():
        hazards, ended_s = plant.hazards(), clock.monotonic()
        while plant.hazards():
            if clock.monotonic() - ended_s >= SAFE_LIMIT_S:
                return hazards, None
            clock.sleep(_LOOK_S)
        return hazards, clock.monotonic() - ended_s


def _failed(night: Played) -> set[str]:
    return {outcome.trial for outcome in night.campaign.outcomes if outcome.status == "failed"}


def _n_lost(night: Played, reference: Reference) -> int:
    """Return how many samples a fault cost."""
    return max(0, night.ending.n_lost - reference.n_lost) + len(_failed(night) - reference.failed)


def _outcome(night: Played, reference: Reference, n_errors: int) -> tuple[str, str]:
    """Return what became of the campaign, and why."""
    ending = night.ending
    reason = next(iter(ending.quarantined.values()), "") or next(iter(night.campaign.lost.values()), "")
    if ending.reason.startswith("stopped"):
        return "stopped", f"{ending.reason}: {reason}" if reason else ending.reason
    if ending.quarantined:
        return "station lost", "; ".join(f"{name}: {why}" for name, why in ending.quarantined.items())
    if _n_lost(night, reference):
        spoilt = [o.reason for o in night.campaign.outcomes if o.trial in _failed(night) - reference.failed]
        return "samples lost", reason or next(iter(spoilt), "")
    changed, noticed = "; ".join(_changes(night, reference)), sorted(_noticed(night) - reference.noticed)
    if noticed:
        return "noticed", "; ".join([*noticed, *filter(None, [changed])])
    if changed:
        return "unnoticed", changed
    if n_errors:
        return "withstood", f"{n_errors} failed exchange{'s' * (n_errors > 1)} repeated"
    return "no effect", ""


def _noticed(night: Played) -> set[str]:
    """Return everything that tells a reader of the records that something was wrong."""
    flags = {f"{flag.kind}: {flag.key or flag.stream}" for run in night.runs for flag in automatic_flags(run)}
    return flags | set(events_of(night.runs, "alarm")) | told(night.trips)


def _changes(night: Played, reference: Reference) -> Iterator[str]:
    """Yield each objective that came out otherwise although the trial is the same."""
    for outcome in night.campaign.outcomes:
        if outcome.status != "completed" or reference.values.get(outcome.trial) != dict(outcome.values):
            continue
        for name, before in reference.objectives.get(outcome.trial, {}).items():
            after = outcome.objectives[name]
            if abs(after - before) > _CHANGED * abs(before):
                share = f" ({100 * (after - before) / abs(before):+.0f} %)" if before else ""
                yield f"{name} of {outcome.trial} is {after:.4g} instead of {before:.4g}{share}"
