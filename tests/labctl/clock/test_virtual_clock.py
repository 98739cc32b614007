"""Simulated time: order, repeatability, and a clear word when it cannot go on."""

import asyncio
import threading

import pytest

from labctl.clock import ClockQueue, VirtualClock
from labctl.errors import ClockClosed, ClockStalled


def test_ten_hours_pass_at_once():
    clock = VirtualClock(epoch=1000.0)
    clock.sleep(36_000)
    assert (clock.monotonic(), clock.time()) == (36_000, 37_000)
    clock.close()


def test_threads_run_in_order_of_deadline_then_of_arrival():
    clock, seen, done = VirtualClock(), [], threading.Event()

    def worker(name, delays):
        def run():
            for delay in delays:
                clock.sleep(delay)
                seen.append((clock.monotonic(), name))
            if name == "c":
                done.set()

        return run

    with clock.held():
        for name, delays in (("a", (1, 1, 1)), ("b", (2, 1)), ("c", (3, 1))):
            clock.spawn(worker(name, delays), name)
    with clock.flow():
        assert done.wait(5)
    assert seen == [(1, "a"), (2, "b"), (2, "a"), (3, "c"), (3, "b"), (3, "a"), (4, "c")]
    clock.close()


def test_time_stands_still_while_a_thread_blocks_outside():
    clock = VirtualClock()
    with clock.held():
        started = threading.Event()
        clock.spawn(lambda: (started.set(), clock.sleep(5)), "sleeper")
        with clock.outside():
            assert started.wait(5)
        assert clock.monotonic() == 0.0
        clock.sleep(7)
        assert clock.monotonic() == 7.0
    clock.close()


def test_event_wait_times_out_on_lab_time_and_is_woken_before():
    clock = VirtualClock()
    event = clock.make_event()
    assert event.wait(10) is False
    assert clock.monotonic() == 10.0
    clock.spawn(lambda: (clock.sleep(3), event.set()), "setter")
    assert event.wait(100) is True
    assert clock.monotonic() == 13.0
    clock.close()


def test_lock_may_be_held_across_a_wait():
    clock, order = VirtualClock(), []
    lock = clock.make_rlock()

    def user(name):
        with lock, lock:
            clock.sleep(5)
            order.append((name, clock.monotonic()))

    with clock.held():
        for name in "ab":
            clock.spawn(lambda name=name: user(name), name)
        clock.sleep(20)
    assert order == [("a", 5), ("b", 10)]
    clock.close()


def test_queue_gives_items_in_order_and_none_after_the_time_out():
    clock = VirtualClock()
    queue = ClockQueue(clock)
    queue.put(1)
    queue.put(2)
    assert (queue.get(), queue.get(), queue.get(4.0)) == (1, 2, None)
    assert clock.monotonic() == 4.0
    clock.close()


def test_asyncio_loop_sleeps_on_lab_time():
    clock = VirtualClock()
    loop = clock.new_event_loop()
    with clock.flow():
        loop.run_until_complete(asyncio.sleep(3600))
    clock.release()
    assert clock.monotonic() == 3600
    loop.close()
    clock.close()


def test_watchdog_names_the_thread_that_holds_the_clock():
    clock, let_go = VirtualClock(stall_s=0.2), threading.Event()

    def hog():
        let_go.wait(10)

    with pytest.raises(ClockStalled, match=r"thread 'greedy' holds the clock(.|\n)*let_go\.wait"), clock.held():
        clock.spawn(hog, "greedy")
        clock.sleep(1)
    let_go.set()


def test_a_blocking_call_may_say_that_it_takes_long():
    clock, never = VirtualClock(stall_s=0.1), threading.Event()
    with clock.held(), clock.outside(limit_s=20):
        never.wait(0.4)
    with pytest.raises(ClockStalled, match="blocking call"), clock.held(), clock.outside():
        never.wait(0.4)


def test_watchdog_says_when_everybody_waits_for_ever():
    clock = VirtualClock(stall_s=0.2)
    with pytest.raises(ClockStalled, match="every participant waits"):
        clock.make_event().wait()


def test_close_ends_threads_that_wait():
    clock = VirtualClock()
    event = clock.make_event()
    thread = clock.spawn(lambda: event.wait(), "waiting")
    clock.sleep(1)
    clock.close()
    thread.join(5)
    assert not thread.is_alive()
    with pytest.raises(ClockClosed):
        clock.sleep(1)


@pytest.fixture
def clock():
    made = VirtualClock(stall_s=20)
    yield made
    made.close()


def parking_is_late(clock, monkeypatch, meanwhile):
    """Let something happen on another thread when a waiter has decided to park and does not park yet."""
    park, happened = clock.park, []

    def late(*arguments, **options):
        if not happened:
            happened.append(True)
            other = threading.Thread(target=meanwhile)
            other.start()
            other.join(5)
        return park(*arguments, **options)

    monkeypatch.setattr(clock, "park", late)


def test_an_event_that_is_set_just_before_its_waiter_parks_is_not_missed(clock, monkeypatch):
    event, seen = clock.make_event(), threading.Event()
    parking_is_late(clock, monkeypatch, event.set)

    def wait():
        event.wait()
        seen.set()

    clock.spawn(wait, "waiter")
    assert seen.wait(5)


def test_a_lock_that_is_released_just_before_its_waiter_parks_is_not_missed(clock, monkeypatch):
    lock, taken, seen, free = clock.make_rlock(), threading.Event(), threading.Event(), threading.Event()

    def hold():  # a thread from outside, as a person's
        with lock:
            taken.set()
            free.wait(5)

    def want():
        with lock:
            seen.set()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(5)
    parking_is_late(clock, monkeypatch, lambda: (free.set(), holder.join(5)))
    clock.spawn(want, "waiter")
    assert seen.wait(5)
