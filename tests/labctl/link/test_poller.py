"""Periodic and delayed calls of a link."""

import threading

import pytest

from labctl.errors import LabError


def test_a_call_is_made_on_its_grid_whatever_it_takes(wire):
    made, times = wire(), []

    def call():
        times.append(made.clock.monotonic())
        if len(times) == 2:
            made.clock.sleep(2.5)  # an overrun skips points and keeps the grid

    made.link.every(1.0, call)
    made.clock.sleep(7.5)
    assert times == [1.0, 2.0, 5.0, 6.0, 7.0]


def test_later_calls_once(wire):
    made, times = wire(), []
    made.link.later(2.0, lambda: times.append(made.clock.monotonic()))
    made.clock.sleep(10.0)
    assert times == [2.0]


def test_calls_at_the_same_instant_keep_their_order(wire):
    made, seen = wire(), []
    for name in "abc":
        made.link.later(1.0, lambda name=name: seen.append(name))
    made.clock.sleep(2.0)
    assert seen == ["a", "b", "c"]


def test_a_cancelled_call_is_not_made(wire):
    made, seen = wire(), []
    job = made.link.every(1.0, lambda: seen.append(1))
    made.clock.sleep(2.5)
    job.cancel()
    made.clock.sleep(5.0)
    assert len(seen) == 2


def test_a_call_that_returns_false_ends_itself(wire):
    made, seen = wire(), []

    def call():
        seen.append(1)
        return len(seen) < 3

    made.link.every(1.0, call)
    made.clock.sleep(10.0)
    assert len(seen) == 3


def test_a_failed_reading_does_not_end_the_polling(wire):
    made, seen = wire(), []

    def call():
        seen.append(1)
        raise LabError("no answer")

    made.link.every(1.0, call)
    made.clock.sleep(3.5)
    assert len(seen) == 3


def test_a_programming_error_in_one_call_does_not_silence_the_others(wire, monkeypatch):
    made, seen, told = wire(), [], []
    monkeypatch.setattr(threading, "excepthook", lambda failure: told.append(failure.exc_type))
    made.link.later(1.0, lambda: {}["missing"])
    made.link.every(1.0, lambda: seen.append(1))
    (thread,) = (t for t in threading.enumerate() if t.name == "poll-counter" and t.is_alive())
    made.clock.sleep(3.5)
    thread.join(5.0)
    assert len(seen) == 3
    assert told == [KeyError]


def test_nothing_is_called_after_close(wire):
    made, seen = wire(), []
    made.link.every(1.0, lambda: seen.append(1))
    made.clock.sleep(1.5)
    made.link.close()
    made.clock.sleep(5.0)
    assert len(seen) == 1


@pytest.mark.parametrize("period_s", [0.0, -1.0])
def test_a_period_must_be_above_zero(wire, period_s):
    with pytest.raises(ValueError, match="must be above 0"):
        wire().link.every(period_s, lambda: None)
