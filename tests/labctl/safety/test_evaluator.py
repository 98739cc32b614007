"""From readings to clear, pending, tripped and latched: pure, so it is tried on histories that Hypothesis invents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.interlocks import Condition, Interlock, Range, Rate, Response, SignalName, Stale, States, Unchanged
from labctl.safety import Memory, Reading, State, evaluate

SIGNAL, OTHER, GATE = (
    SignalName("furnace", "temperature"),
    SignalName("furnace", "setpoint"),
    SignalName("supply", "on"),
)


def interlock(condition: Condition, **more: object) -> Interlock:
    return Interlock("hot", SIGNAL, condition, Response("warn"), **more)  # type: ignore[arg-type]  # any field


def after(lock: Interlock, *seen: tuple[float, object], **others: object) -> Memory:
    """Return the memory after readings (time, value); None stands for one that fails."""
    memory, readings = Memory(0.0), {}
    names = {"minus": OTHER, "gate": GATE}
    for now, value in seen:
        if value is not None:
            readings[SIGNAL] = Reading(value, now)  # type: ignore[arg-type]
        readings |= {names[key]: Reading(told, now) for key, told in others.items()}  # type: ignore[misc]
        memory = evaluate(lock, memory, readings, now)
    return memory


def phases(lock: Interlock, *seen: tuple[float, object], **others: object) -> list[str]:
    return [after(lock, *seen[: n + 1], **others).state.phase for n in range(len(seen))]


def test_a_range_trips_at_once_and_latches() -> None:
    lock = interlock(Range(high=650.0, unit="degC"))
    assert phases(lock, (0, 640.0), (5, 650.5), (10, 649.0)) == ["clear", "tripped", "latched"]
    assert after(lock, (5, 650.5)).wrong == "furnace.temperature is 650.5 degC, above 650 degC"


def test_it_must_be_wrong_for_the_hold_time_without_a_break() -> None:
    lock = interlock(Range(high=650.0), hold_s=10.0)
    assert phases(lock, (0, 660.0), (5, 660.0), (10, 660.0)) == ["pending", "pending", "tripped"]
    assert phases(lock, (0, 660.0), (5, 640.0), (10, 660.0)) == ["pending", "clear", "pending"]


def test_it_is_right_again_only_beyond_the_hysteresis() -> None:
    lock = interlock(Range(high=650.0, hysteresis=10.0))
    assert phases(lock, (0, 651.0), (5, 645.0), (10, 639.0)) == ["tripped", "tripped", "latched"]
    assert phases(lock, (0, 645.0)) == ["clear"]


def test_a_rate_is_that_over_its_time() -> None:
    lock = interlock(Rate(high=10.0, unit="K/min", over_s=60.0))
    slow = [(t, 20.0 + t * 9.0 / 60.0) for t in range(0, 200, 20)]
    fast = [(t, 20.0 + t * 12.0 / 60.0) for t in range(0, 200, 20)]
    assert set(phases(lock, *slow)) == {"clear"}
    assert phases(lock, *fast)[:4] == ["clear", "clear", "clear", "tripped"]
    assert after(lock, *fast).wrong == "furnace.temperature changes by 12 K/min, above 10 K/min"


def test_the_difference_of_two_signals_is_watched() -> None:
    lock = interlock(Range(low=-20.0, unit="K"), minus=OTHER)
    assert after(lock, (0, 290.0), minus=300.0).state.phase == "clear"
    assert after(lock, (0, 270.0), minus=300.0).wrong == (
        "furnace.temperature - furnace.setpoint is -30 K, below -20 K"
    )


@pytest.mark.parametrize(("wrong", "value", "phase"), [(True, "open", "tripped"), (False, "closed", "clear")])
def test_states_are_right_or_wrong(wrong: bool, value: str, phase: str) -> None:
    assert after(interlock(States(("open",) if wrong else ("closed",), wrong)), (0, value)).state.phase == phase


def test_a_value_that_never_changes_is_stuck() -> None:
    lock = interlock(Unchanged(60.0))
    assert phases(lock, (0, 300.1), (30, 300.1), (60, 300.1)) == ["clear", "clear", "tripped"]
    assert phases(lock, (0, 300.1), (30, 300.2), (60, 300.2)) == ["clear", "clear", "clear"]


def test_time_behind_a_closed_gate_does_not_count() -> None:
    lock = interlock(Unchanged(60.0), gate=GATE)
    memory, readings = Memory(0.0), {SIGNAL: Reading(20.0, 0.0)}
    for now, gate in ((0.0, 0.0), (500.0, 0.0), (530.0, 1.0), (560.0, 1.0)):
        readings = {SIGNAL: Reading(20.0, now), GATE: Reading(gate, now)}
        memory = evaluate(lock, memory, readings, now)
    assert memory.state.phase == "tripped"  # since the last reading behind the closed gate, and no sooner
    assert memory.same_since == 500.0


def test_a_gate_that_cannot_be_read_is_taken_for_open() -> None:
    lock = interlock(Range(high=5.0), gate=GATE, stale_s=60.0)
    readings = {SIGNAL: Reading(9.0, 0.0), GATE: Reading(0.0, 0.0)}
    assert evaluate(lock, Memory(0.0), readings, 0.0).state.phase == "clear"
    assert evaluate(lock, Memory(0.0), {SIGNAL: Reading(9.0, 70.0), GATE: Reading(0.0, 0.0)}, 70.0).wrong


@pytest.mark.parametrize("condition", [Stale(), Range(high=650.0), States(("open",), True), Unchanged(1e9)])
def test_what_cannot_be_read_is_wrong(condition: Condition) -> None:
    lock = interlock(condition, stale_s=60.0)
    assert phases(lock, (0, 20.0), (59, None), (60, None)) == ["clear", "clear", "tripped"]
    assert "could not be read for 60 s" in after(lock, (0, 20.0), (60, None)).wrong
    assert phases(lock, (60, None)) == ["tripped"]  # never read since the watch began


def test_no_number_is_no_excuse() -> None:
    assert after(interlock(Range(high=650.0)), (0, float("nan"))).state.phase == "tripped"


histories = st.lists(st.tuples(st.floats(0.01, 30.0), st.booleans(), st.booleans(), st.booleans()), max_size=60)
"""Time that passes [s], whether it is wrong then, whether it is armed, whether somebody acknowledges."""


@given(histories, st.floats(0.0, 60.0))
def test_it_is_raised_exactly_while_somebody_must_know(
    history: list[tuple[float, bool, bool, bool]], hold: float
) -> None:
    state, now, since, must_know = State(), 0.0, None, False
    for passed, wrong, armed, acknowledged in history:
        now += passed
        since = (now if since is None else since) if wrong else None
        if acknowledged:
            state = state.acknowledge()
            must_know = False
        before, state = state, state.advance(wrong, now, hold, armed=armed)
        due = armed and since is not None and now - since >= hold
        # What was due is tripped as long as it lasts; afterwards it is latched until it is acknowledged.
        assert (state.phase == "tripped") == (due or (wrong and armed and before.phase == "tripped"))
        if state.phase == "tripped" and not state.acknowledged:
            must_know = True
        assert state.raised == (must_know or state.phase == "tripped")
        assert state.wrong_since == since
        assert (state.phase == "clear") <= (not wrong)


@given(st.lists(st.floats(-50.0, 50.0), min_size=1, max_size=40), st.floats(0.0, 20.0))
def test_hysteresis_delays_the_end_and_never_the_beginning(values: list[float], hysteresis: float) -> None:
    memory = Memory(0.0)
    for number, value in enumerate(values):
        before = memory.state.phase
        memory = evaluate(
            interlock(Range(-20.0, 20.0, "", hysteresis)), memory, {SIGNAL: Reading(value, number)}, number
        )
        if not -20.0 <= value <= 20.0:
            assert memory.state.phase == "tripped"
        elif before == "tripped":
            inside = -20.0 + hysteresis <= value <= 20.0 - hysteresis
            assert (memory.state.phase == "latched") == inside
        else:
            assert memory.state.phase == before
