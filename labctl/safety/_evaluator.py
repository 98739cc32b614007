"""What readings mean for an interlock; nothing here knows of files, devices or threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from labctl.interlocks import Interlock, Range, Rate, SignalName, States, Unchanged
from labctl.safety._state import State

Value: TypeAlias = float | str


@dataclass(frozen=True)
class Reading:
    """One value and when it was read."""

    value: Value
    time: float
    """[s, monotonic]"""


@dataclass(frozen=True)
class Memory:
    """What an interlock remembers from one evaluation to the next."""

    read_at: float
    """When its signals were last read [s, monotonic]; at the beginning, when the watch began."""
    state: State = field(default_factory=State)
    wrong: str = ""
    """What is wrong, in words; empty when nothing is."""
    value: Value | None = None
    """Of the signal or the difference; None before it was read."""
    same_since: float = 0.0
    """Since when the value is the same [s, monotonic]."""
    earlier: tuple[Reading, ...] = ()
    """What a rate needs, the oldest first."""


def evaluate(
    interlock: Interlock, memory: Memory, readings: Mapping[SignalName, Reading], now: float, *, armed: bool = True
) -> Memory:
    """Return what an interlock remembers after it has seen the newest readings.

    Args:
        interlock: what must hold.
        memory: from before.
        readings: the newest of each signal; one that was never read is missing.
        now: [s, monotonic], not before any earlier call's.
        armed: False while it is overridden.
    """
    taken = _take(interlock, memory, readings)
    if _gate_is_closed(interlock, readings, now):
        taken = replace(taken, same_since=now, earlier=())
        wrong = ""
    else:
        wrong = _wrong(interlock, taken, now)
    wrong = _stale(interlock, taken, now) or wrong
    state = taken.state.advance(bool(wrong), now, interlock.hold_s, armed=armed)
    return replace(taken, state=state, wrong=wrong)


def _take(interlock: Interlock, memory: Memory, readings: Mapping[SignalName, Reading]) -> Memory:
    newest = readings.get(interlock.signal)
    if newest is not None and interlock.minus is not None:
        newest = _difference(newest, readings.get(interlock.minus))
    if newest is None or (newest.time <= memory.read_at and memory.value is not None):
        return memory
    same_since = memory.same_since if newest.value == memory.value else newest.time
    return replace(
        memory,
        read_at=newest.time,
        value=newest.value,
        same_since=same_since,
        earlier=_kept(interlock, memory.earlier, newest),
    )


def _difference(one: Reading, other: Reading | None) -> Reading | None:
    if other is None or isinstance(one.value, str) or isinstance(other.value, str):
        return None
    return Reading(one.value - other.value, min(one.time, other.time))


def _kept(interlock: Interlock, earlier: tuple[Reading, ...], newest: Reading) -> tuple[Reading, ...]:
    """Return the readings that a rate needs: those of the last while, and one before it."""
    if not isinstance(interlock.condition, Rate):
        return ()
    from_s = newest.time - interlock.condition.over_s
    n_old = sum(reading.time <= from_s for reading in earlier)
    return (*earlier[max(0, n_old - 1) :], newest)


def _gate_is_closed(interlock: Interlock, readings: Mapping[SignalName, Reading], now: float) -> bool:
    if interlock.gate is None:
        return False
    gate = readings.get(interlock.gate)
    return gate is not None and now - gate.time < interlock.stale_s and gate.value == 0


def _stale(interlock: Interlock, memory: Memory, now: float) -> str:
    age_s = now - memory.read_at
    return f"{_what(interlock)} could not be read for {age_s:.0f} s" if age_s >= interlock.stale_s else ""


def _wrong(interlock: Interlock, memory: Memory, now: float) -> str:
    condition, value = interlock.condition, memory.value
    if value is None:
        return ""
    what = _what(interlock)
    if isinstance(condition, States):
        return f"{what} is {_shown(value)}" if (value in condition.values) == condition.wrong else ""
    if isinstance(condition, Unchanged):
        same_s = now - memory.same_since
        return (
            f"{what} has been {_shown(value)} for {same_s:.0f} s: it is stuck" if same_s >= condition.longest_s else ""
        )
    if isinstance(condition, Range):
        number = _rate(condition, memory) if isinstance(condition, Rate) else value
        does = "changes by" if isinstance(condition, Rate) else "is"
        if isinstance(number, float | int):
            outside = _outside(condition, number, memory.state.phase == "tripped")
            return f"{what} {does} {number:.6g} {condition.unit}".rstrip() + f", {outside}" if outside else ""
    return ""


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _what(interlock: Interlock) -> str:
    return str(interlock.signal) if interlock.minus is None else f"{interlock.signal} - {interlock.minus}"


def _rate(condition: Rate, memory: Memory) -> float | None:
    """Return the change per minute, or None while it is not known."""
    if len(memory.earlier) < 2:
        return None
    first, last = memory.earlier[0], memory.earlier[-1]
    if last.time - first.time < condition.over_s or isinstance(first.value, str) or isinstance(last.value, str):
        return None
    return (last.value - first.value) / (last.time - first.time) * 60.0


def _outside(limits: Range, number: float, tripped: bool) -> str:
    """Return which limit is crossed; what has tripped must come back by the hysteresis."""
    margin = limits.hysteresis if tripped else 0.0
    if number > limits.high - margin:
        return f"above {limits.high:g} {limits.unit}".rstrip()
    if number < limits.low + margin:
        return f"below {limits.low:g} {limits.unit}".rstrip()
    return "which is no number" if number != number else ""
