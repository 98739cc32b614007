"""Periodic and delayed calls on the lab clock."""

from __future__ import annotations

import heapq
import itertools
import logging
from collections.abc import Callable

from labctl.clock import Clock
from labctl.errors import ClockClosed, ClockStalled, LabError

logger = logging.getLogger("labctl.link")


class Job:
    """A call that waits for its time; `cancel` keeps it from being made again."""

    __slots__ = ("alive", "call", "period_s")

    def __init__(self, call: Callable[[], object], period_s: float | None) -> None:
        self.call, self.period_s, self.alive = call, period_s, True

    def cancel(self) -> None:
        """Never make this call again."""
        self.alive = False


class Poller:
    """One thread that makes calls at their time; it starts with the first call.

    A call that raises `LabError` is logged and kept: the status or stream that asked for it
    decides what a failed reading means. Any other error ends that call and its thread, as a
    programming mistake should; the remaining calls go on in a new thread, for a time-out or a
    furnace's watch may be among them.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        self.clock, self.name = clock, name
        self._heap: list[tuple[float, int, Job]] = []
        self._sequence = itertools.count()
        self._wake = clock.make_event()
        self._lock = clock.make_rlock()
        self._started = self._closed = False

    def every(self, period_s: float, call: Callable[[], object]) -> Job:
        """Call on a fixed grid of `period_s` [s] until it returns False or is cancelled."""
        if period_s <= 0:
            raise ValueError(f"period_s={period_s} must be above 0")
        return self._add(Job(call, period_s), period_s)

    def later(self, delay_s: float, call: Callable[[], object]) -> Job:
        """Call once, `delay_s` [s] from now."""
        return self._add(Job(call, None), delay_s)

    def close(self) -> None:
        """End the thread; pending calls are dropped."""
        self._closed = True
        self._wake.set()

    def _add(self, job: Job, delay_s: float) -> Job:
        with self._lock:
            heapq.heappush(self._heap, (self.clock.monotonic() + delay_s, next(self._sequence), job))
            if not self._started:
                self._started = True
                self.clock.spawn(self._run, f"poll-{self.name}")
        self._wake.set()
        return job

    def _run(self) -> None:
        survived = False
        try:
            self._serve()
            survived = True
        except (ClockClosed, ClockStalled):
            survived = True
            raise
        finally:
            if not survived:
                self.clock.spawn(self._run, f"poll-{self.name}")

    def _serve(self) -> None:
        while not self._closed:
            self._wake.clear()
            due = self._next_due()
            if isinstance(due, tuple):
                self._make(*due)
            elif not self._closed:
                self._wake.wait(due)

    def _next_due(self) -> tuple[float, Job] | float | None:
        """Return the job that is due, or the seconds until one is, or None when there is none."""
        with self._lock:
            while self._heap and not self._heap[0][2].alive:
                heapq.heappop(self._heap)
            if not self._heap:
                return None
            wait_s = self._heap[0][0] - self.clock.monotonic()
            if wait_s > 0:
                return wait_s
            when, _, job = heapq.heappop(self._heap)
            return when, job

    def _make(self, when: float, job: Job) -> None:
        keep: object = True
        try:
            keep = job.call()
        except LabError as error:
            logger.debug("%s: poll failed: %s", self.name, error)
        if job.period_s is None or keep is False or not job.alive:
            return
        missed = max(0.0, self.clock.monotonic() - when) // job.period_s  # an overrun skips points, keeps the grid
        with self._lock:
            heapq.heappush(self._heap, (when + job.period_s * (missed + 1), next(self._sequence), job))
