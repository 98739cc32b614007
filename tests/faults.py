"""One fault of one instrument at one moment of one operation, and what comes of it."""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from labctl.dispatch import default_rule
from labctl.lab import fault_kinds, wire_faults
from labctl.link import Exchange
from labctl.records import automatic_flags, deviations_of
from labctl.store._run import gather
from tests.laboratory import SCHEMAS, Laboratory

MOMENTS = ("begin", "middle", "end")
BRIEF_S = 5.0
"""How long a fault lasts that mends itself [s]."""
CHANGED = 0.05
"""Share by which a result must differ to be told as changed; well above the meters' noise."""
AMOUNTS = {"wrong_flow": 0.7, "detuned": 3.0}
HIDDEN = ("wrong_flow", "detuned", "dead_crystal")
"""Faults by which an instrument tells what is not so; a crystal that is dead for good is noticed by the time limit."""


@dataclass(frozen=True)
class Trial:
    """How an operation is done, and within what lab time it must have ended [s]."""

    station: str
    parameters: Mapping[str, Any]
    within_s: float
    place: str = ""


_SPUTTER = {"power": "100 W", "thickness": "10 nm", "argon_flow": "20 sccm", "oxygen_flow": "0.3 sccm"}
_ANNEAL = {"temperature": "120 degC", "ramp_rate": "20 K/min", "dwell": "5 min", "unload_below": "60 degC"}
TRIALS = {
    "sputter": Trial("sputter", _SPUTTER | {"presputter": "20 s", "time_limit": "10 min"}, 900, "sputter.1"),
    "anneal": Trial("furnace_a", _ANNEAL, 13.5 * 3600, "furnace_a.1"),  # the plan's own limit of 12 h for cooling
    "measure_sheet_resistance": Trial("probe", {}, 300, "probe.1"),
    "measure_transmittance": Trial("photometer", {}, 300, "photometer.1"),
    "transfer": Trial("mover", {"source": "rack.2", "destination": "probe.1"}, 1900),
}


@dataclass(frozen=True)
class Cell:
    """One fault."""

    operation: str
    device: str
    fault: str
    moment: str
    duration_s: float

    @property
    def on_the_wire(self) -> bool:
        """Whether it is the wire's and not the instrument's."""
        return self.fault in wire_faults()


@dataclass(frozen=True)
class Outcome:
    """What came of a fault."""

    kind: str
    """``no effect``, ``repeated`` (exchanges were), ``again`` (the operation was), ``flagged``, ``spoilt``, ``failed``,
    ``hidden``; or what must not be: ``hung``, ``incomplete``, ``unclear``, ``unnoticed``."""
    reason: str = ""
    safe: str = "safe"
    """``safe``, ``wire gone`` or ``unsafe``."""
    lab_s: float = 0.0


DECLARED = ("no effect", "repeated", "again", "flagged", "spoilt", "failed", "hidden")


@dataclass(frozen=True)
class _Done:
    """An operation that ended, and what it left."""

    stop: Mapping[str, Any]
    n_stops: int
    told: frozenset[str]
    left: Mapping[str, float]
    hazards: Mapping[str, str]
    begin_s: float
    end_s: float
    ended_in_time: bool
    n_errors: int


def cells() -> Iterator[Cell]:
    """Yield every fault of every instrument that an operation uses, at each moment, short and lasting."""
    lab = Laboratory()
    with lab:
        room = [device.name for device in lab.lab.ambient]
        for operation, trial in TRIALS.items():
            used = [device.name for device in lab.lab.stations[trial.station].operations[operation]]
            for device in [*used, *room]:
                for fault in fault_kinds(type(lab.lab.devices[device]).__name__):
                    for duration_s in (BRIEF_S, math.inf):
                        yield from (Cell(operation, device, fault, moment, duration_s) for moment in MOMENTS)


def outcome(cell: Cell) -> Outcome:
    """Do the operation with the fault; what may be repeated is repeated as a campaign does it by default."""
    before = _undisturbed(cell.operation)
    share = {"begin": 0.0, "middle": 0.5, "end": 1.0}[cell.moment]
    last_s = max(before.end_s - 1.0, 0.95 * before.end_s)
    start_s = share * last_s
    fault: dict[str, Any] = {"device": cell.device, "kind": cell.fault, "start": start_s}
    fault |= {"amount": AMOUNTS.get(cell.fault, 0.0)}
    if math.isfinite(cell.duration_s):
        fault["duration"] = cell.duration_s
    with Laboratory([fault]) as laboratory:
        done = _do(laboratory, cell)
        rule = default_rule(SCHEMAS[cell.operation])
        first = _judged(cell, done, before)
        if first.kind == "failed" and rule.retries:
            with laboratory.clock.held(), laboratory.clock.flow():
                laboratory.clock.sleep(rule.after)
            second = _do(laboratory, cell, prepared=True)
            found = _judged(cell, second, before)
            first = found if found.kind not in ("no effect", "repeated") else replace(found, kind="again")
            first = replace(first, reason=first.reason or done.stop["reason"])
            done = second
    return replace(first, safe=_safe(cell, done, start_s + cell.duration_s), lab_s=done.end_s)


def _safe(cell: Cell, done: _Done, until_s: float) -> str:
    if not done.hazards:
        return "safe"
    gone = cell.on_the_wire and set(done.hazards) == {cell.device} and done.end_s <= until_s
    return "wire gone" if gone else "unsafe"


@functools.cache
def _undisturbed(operation: str) -> _Done:
    with Laboratory() as laboratory:
        return _do(laboratory, Cell(operation, "room", "late", "begin", 0.0))


class _Failures(deque[Exchange]):
    n = 0

    def append(self, exchange: Exchange, /) -> None:
        self.n += bool(exchange.error)


def _do(laboratory: Laboratory, cell: Cell, *, prepared: bool = False) -> _Done:
    trial, clock, plant = TRIALS[cell.operation], laboratory.clock, laboratory.lab.plant
    assert plant is not None
    laboratory.documents.clear()
    failures = laboratory.lab.devices[cell.device].link.log = _Failures()
    if trial.place and not prepared:
        laboratory.put(trial.place)
        if trial.station != "sputter":
            laboratory.film(trial.place).deposit(150.0, vacancies_cm3=3e20, grain_nm=10.0, disorder=0.3)
    begin_s, ended, late = clock.monotonic(), clock.make_event(), []

    def watch() -> None:
        if not ended.wait(trial.within_s):
            late.append(True)
            laboratory.engine.abort("not ended in time")

    clock.spawn(watch, "watch")
    stop = laboratory.run(cell.operation, trial.station, **trial.parameters)
    with clock.held():
        ended.set()
        hazards = plant.hazards()
    run = gather(laboratory.documents)
    flags = {f"{flag.kind}: {flag.key}" for flag in automatic_flags(run)}
    events = {row["event_message"] for row in laboratory.rows("events")}
    told = flags | events | {f"deviation: {deviation.key}" for deviation in deviations_of(run)}
    n_stops = sum(name == "stop" for name, _ in laboratory.documents)
    left = dict(_left(laboratory, trial)) | (laboratory.rows("result") or [{}])[-1]
    return _Done(stop, n_stops, frozenset(told), left, hazards, begin_s, clock.monotonic(), not late, failures.n)


def _left(laboratory: Laboratory, trial: Trial) -> Iterator[tuple[str, float]]:
    """Yield what the operation left of the sample."""
    film = laboratory.film(trial.place or str(trial.parameters["destination"]))
    yield "present", float(film is not None)
    if film is not None and trial.station in ("sputter", "furnace_a"):
        names = ("thickness_nm", "peak_degC", "sheet_resistance_ohm")
        yield from ((name, float(getattr(film, name))) for name in names)


def _judged(cell: Cell, done: _Done, before: _Done) -> Outcome:
    reason = str(done.stop.get("reason") or "")
    if not done.ended_in_time:
        return Outcome("hung", reason)
    if done.n_stops != 1 or "exit_status" not in done.stop:
        return Outcome("incomplete", reason)
    if done.stop["exit_status"] != "success":
        is_named = cell.device in reason or any(cell.device in text for text in done.told - before.told)
        return Outcome("failed" if is_named else "unclear", reason)
    if done.left.get("valid") == 0.0:
        return Outcome("spoilt")
    changes = [
        f"{name} {before.left[name]:.4g} > {value:.4g}"
        for name, value in done.left.items()
        if abs(value - before.left[name]) > CHANGED * abs(before.left[name]) and not name.endswith("_error")
    ]
    told = done.told - before.told
    if told:
        return Outcome("flagged", "; ".join(sorted(told)))
    if changes:
        return Outcome("hidden" if cell.fault in HIDDEN else "unnoticed", "; ".join(changes))
    return Outcome("repeated" if done.n_errors else "no effect")
