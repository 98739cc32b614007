"""Simulated time for threads.

At most one participating thread runs at a time: it holds the *baton*. The others are parked,
each on its own lock, so the order of everything is (deadline, sequence number) and repeats from
run to run. When the holder parks and nobody is ready, time jumps to the earliest deadline, but
only while somebody asks for time to flow and nobody makes a really blocking call.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from labctl.clock._clock import EventLike, LockLike
from labctl.errors import ClockClosed, ClockStalled

_NOTHING = nullcontext()


class Waiter:
    """A thread's parking place."""

    __slots__ = ("entry", "fired", "lock", "outside", "pending", "state", "thread")

    def __init__(self, thread: threading.Thread | None = None) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()
        self.thread = thread
        self.state = "run"  # run | parked | ready
        self.fired = False
        self.entry: tuple[float, int, Waiter] | None = None
        self.outside = 0
        self.pending = False  # a wake-up that came while running; selectors must not lose it


class VirtualClock:
    """Simulated time that jumps to the next deadline when every participant waits.

    Args:
        epoch: time of day at the start [s since 1970-01-01 UTC].
        stall_s: real seconds without any progress after which waiting threads get
            `ClockStalled`, which names the thread that holds the clock.
    """

    virtual = True

    def __init__(self, epoch: float = 1_700_000_000.0, stall_s: float = 60.0) -> None:
        self.epoch, self.stall_s = epoch, stall_s
        self._now = 0.0
        self._mutex = threading.Lock()
        self._heap: list[tuple[float, int, Waiter]] = []
        self._ready: deque[Waiter] = deque()
        self._holder: Waiter | None = None
        self._sequence = itertools.count()
        self._local = threading.local()
        self._waiters: set[Waiter] = set()
        self._frozen = 0
        self._limits_s: list[float] = []
        self._demand = 0
        self._progress = 0
        self._broken: ClockStalled | ClockClosed | None = None
        self._watch_stop = threading.Event()
        self._watching = False

    def time(self) -> float:
        """Return the simulated time of day [s since 1970-01-01 UTC]."""
        return self.epoch + self._now

    def monotonic(self) -> float:
        """Return the simulated seconds since the start."""
        return self._now

    # The baton.

    def me(self) -> Waiter:
        """Return the calling thread's parking place."""
        waiter: Waiter | None = getattr(self._local, "waiter", None)
        if waiter is None:
            waiter = self._local.waiter = Waiter(threading.current_thread())
        return waiter

    def holding(self) -> bool:
        """Return whether the calling thread holds the baton."""
        return self._holder is self.me()

    def acquire(self) -> None:
        """Become the running participant, after those that are ready already.

        Raises:
            ClockStalled: time cannot go on.
            ClockClosed: the clock was closed.
        """
        waiter = self.me()
        with self._mutex:
            self._check()
            if self._holder is waiter:
                return
            if waiter.outside:
                self._frozen -= 1
            if self._holder is None and not self._ready:
                self._holder, waiter.state = waiter, "run"
                return
            waiter.state = "ready"
            self._ready.append(waiter)
            if self._holder is None:
                self._grant_next()
        self._block(waiter)

    def release(self) -> None:
        """Hand the baton on without waiting for anything."""
        waiter = self.me()
        with self._mutex:
            if self._broken is not None or self._holder is not waiter:
                return
            if waiter.outside:
                self._frozen += 1
            self._holder = None
            self._grant_next()

    def held(self) -> AbstractContextManager[None]:
        """Take part while the body runs; a thread from outside lets time flow meanwhile."""
        return _NOTHING if self.holding() else self._join()

    @contextmanager
    def _join(self) -> Iterator[None]:
        self.acquire()  # before time may flow: it must not jump past the body
        try:
            with self.flow():
                yield
        finally:
            self.release()

    @contextmanager
    def outside(self, limit_s: float = 0.0) -> Iterator[None]:
        """Make a really blocking call: the baton is given up, time stands still.

        Args:
            limit_s: real seconds that it may take, where that is more than `stall_s`.
        """
        if not self.holding():
            yield
            return
        waiter = self.me()
        waiter.outside += 1
        self._limits_s.append(limit_s)
        self.release()
        try:
            yield
        finally:
            try:
                self.acquire()
            finally:
                waiter.outside -= 1
                self._limits_s.remove(limit_s)

    @contextmanager
    def flow(self) -> Iterator[None]:
        """Let simulated time go on while the body runs."""
        self._add_demand(+1)
        try:
            yield
        finally:
            self._add_demand(-1)

    def _add_demand(self, n: int) -> None:
        with self._mutex:
            self._demand += n
            if n > 0 and not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="clock-watchdog", daemon=True).start()
            if self._holder is None and self._broken is None:
                self._grant_next()

    def _grant_next(self) -> None:
        """Pick the next participant; the mutex is held and nobody holds the baton."""
        if self._ready:
            waiter = self._ready.popleft()
        else:
            if self._demand <= 0 or self._frozen > 0:
                return
            while True:
                if not self._heap:
                    return
                top = heapq.heappop(self._heap)
                waiter = top[2]
                if waiter.entry is top:
                    break
            self._now = max(self._now, top[0])
            waiter.entry, waiter.fired = None, False
        waiter.state = "run"
        self._holder = waiter
        self._progress += 1
        waiter.lock.release()

    def _block(self, waiter: Waiter) -> None:
        waiter.lock.acquire()
        if self._broken is not None:
            raise self._broken

    def park(self, deadline: float | None = None, unless: Callable[[], bool] | None = None) -> bool:
        """Give up the baton until `deadline` [s, monotonic] or `wake`; return whether woken.

        Args:
            deadline: None waits for ever.
            unless: asked when no `wake` can come in between; where it is true, nothing is given up.

        Raises:
            ClockStalled: time cannot go on.
            ClockClosed: the clock was closed.
        """
        waiter = self.me()
        with self._mutex:
            self._check()
            assert self._holder is waiter, "park() without the baton"
            if waiter.pending:
                waiter.pending = False
                return True
            if unless is not None and unless():
                return True
            if deadline is not None:
                if self._alone_until(deadline):
                    self._now = max(self._now, deadline)
                    self._progress += 1
                    return False
                waiter.entry = (deadline, next(self._sequence), waiter)
                heapq.heappush(self._heap, waiter.entry)
            waiter.state, waiter.fired, self._holder = "parked", False, None
            self._waiters.add(waiter)
            self._grant_next()
        self._block(waiter)
        return waiter.fired

    def _alone_until(self, deadline: float) -> bool:
        busy = self._ready or self._demand <= 0 or self._frozen
        return not busy and (not self._heap or self._heap[0][0] > deadline)

    def wake(self, waiter: Waiter, *, sticky: bool = False) -> None:
        """Make a parked thread ready; `sticky` keeps the wake-up for one that runs."""
        with self._mutex:
            if waiter.state == "parked":
                waiter.entry, waiter.fired, waiter.state = None, True, "ready"
                self._ready.append(waiter)
                if self._holder is None:
                    self._grant_next()
            elif sticky:
                waiter.pending = True

    def give_way(self) -> None:
        """Let the other ready participants run first, at the same instant."""
        waiter = self.me()
        with self._mutex:
            self._check()
            if not self._ready:
                return
            waiter.state = "ready"
            self._ready.append(waiter)
            self._holder = None
            self._grant_next()
        self._block(waiter)

    # What the laboratory uses.

    def sleep(self, duration_s: float) -> None:
        """Wait `duration_s` simulated seconds."""
        with self.held():
            self.park(self._now + max(0.0, duration_s))

    def sleep_until(self, deadline: float) -> None:
        """Wait until `monotonic()` reaches `deadline` [s]."""
        with self.held():
            self.park(deadline)

    def spawn(self, target: Callable[[], object], name: str) -> threading.Thread:
        """Start a participating thread; its turn is fixed here, not by the operating system."""
        waiter = Waiter()
        waiter.state = "ready"

        def run() -> None:
            self._local.waiter = waiter
            try:
                self._block(waiter)
                target()
            except ClockClosed:
                pass  # the ordinary end of a thread that waits for work
            finally:
                with self._mutex:
                    self._waiters.discard(waiter)
                self.release()

        thread = threading.Thread(target=run, name=name, daemon=True)
        waiter.thread = thread
        thread.start()
        with self._mutex:
            if self._broken is not None:
                waiter.lock.release()
                return thread
            self._waiters.add(waiter)
            self._ready.append(waiter)
            if self._holder is None:
                self._grant_next()
        return thread

    def make_event(self) -> EventLike:
        """Return an event whose waits run on this clock."""
        return VirtualEvent(self)

    def make_rlock(self) -> LockLike:
        """Return a reentrant lock that parks its waiters on this clock."""
        return VirtualRLock(self)

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return an asyncio loop whose thread takes part in this clock."""
        from labctl.clock._loop import VirtualLoop

        return VirtualLoop(self)

    def close(self) -> None:
        """End every wait with `ClockClosed`."""
        self._watch_stop.set()
        self._break(ClockClosed("the laboratory was closed"))

    # The watchdog.

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _break(self, reason: ClockStalled | ClockClosed) -> None:
        with self._mutex:
            if self._broken is not None:
                return
            self._broken = reason
            for waiter in {*self._waiters, *self._ready, *(entry[2] for entry in self._heap)}:
                if waiter.state != "run":
                    waiter.state = "run"
                    waiter.lock.release()

    def _watch(self) -> None:
        last, silent_s, step_s = -1, 0.0, min(1.0, self.stall_s / 4)
        while not self._watch_stop.wait(step_s):
            with self._mutex:
                progress, flowing = self._progress, self._demand > 0
            silent_s = silent_s + step_s if flowing and progress == last else 0.0
            last = progress
            if silent_s >= max([self.stall_s, *self._limits_s]):
                self._break(ClockStalled(self._describe_stall()))
                return

    def _describe_stall(self) -> str:
        with self._mutex:
            holder, frozen = self._holder, self._frozen
            parked = [w.thread.name for w in self._waiters if w.state == "parked" and w.thread is not None]
        text = f"no progress for {self.stall_s:g} real seconds at lab time {self._now:.3f} s: "
        if holder is not None and holder.thread is not None:
            frame = sys._current_frames().get(holder.thread.ident or 0)
            stack = "".join(traceback.format_stack(frame)) if frame is not None else "(thread has ended)"
            return text + f"thread {holder.thread.name!r} holds the clock at\n{stack}"
        if frozen:
            return text + f"{frozen} thread(s) make a blocking call that does not return; parked: {sorted(parked)}"
        return text + f"every participant waits and nothing is due; parked: {sorted(parked)}"


class VirtualEvent:
    """A `threading.Event` whose `wait` parks on the lab clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock, self._flag = clock, False
        self._waiting: list[Waiter] = []

    def is_set(self) -> bool:
        """Return whether the event has been set."""
        return self._flag

    def clear(self) -> None:
        """Let later waiters wait."""
        self._flag = False

    def set(self) -> None:
        """Wake every waiter."""
        self._flag = True
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            self._clock.wake(waiter)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for `set`, at most `timeout` simulated seconds; return whether it is set."""
        clock = self._clock
        with clock.held():
            if self._flag:
                return True
            waiter = clock.me()
            self._waiting.append(waiter)
            # A thread outside the clock may set it at any instant.
            clock.park(None if timeout is None else clock.monotonic() + timeout, unless=self.is_set)
            self._waiting = [w for w in self._waiting if w is not waiter]
            return self._flag


class VirtualRLock:
    """A lock that parks: a plain lock held across a wait would block the holder of the baton."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._owner: Waiter | None = None
        self._depth = 0
        self._queue: deque[Waiter] = deque()

    def __enter__(self) -> VirtualRLock:
        me = self._clock.me()
        if self._owner is me:
            self._depth += 1
            return self
        if self._owner is None and self._clock.holding():
            self._owner, self._depth = me, 1
            return self
        with self._clock.held():
            while self._owner is not None:
                self._queue.append(me)
                self._clock.park(None, unless=self._is_free)  # a thread outside the clock may have left meanwhile
                with suppress(ValueError):
                    self._queue.remove(me)
            self._owner, self._depth = me, 1
        return self

    def _is_free(self) -> bool:
        return self._owner is None

    def __exit__(self, *exc: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
            with suppress(IndexError):  # one that found the lock free has left the queue
                self._clock.wake(self._queue.popleft())
