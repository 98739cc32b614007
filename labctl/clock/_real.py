"""The wall clock."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from labctl.clock._clock import EventLike, LockLike


class RealClock:
    """Time as the operating system tells it."""

    virtual = False

    def time(self) -> float:
        """Return the time of day [s since 1970-01-01 UTC]."""
        return time.time()

    def monotonic(self) -> float:
        """Return a time that never goes back [s]."""
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        """Wait `duration_s` seconds."""
        time.sleep(max(0.0, duration_s))

    def sleep_until(self, deadline: float) -> None:
        """Wait until `monotonic()` reaches `deadline` [s]."""
        self.sleep(deadline - time.monotonic())

    def spawn(self, target: Callable[[], object], name: str) -> threading.Thread:
        """Start a daemon thread."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread

    def make_event(self) -> EventLike:
        """Return a `threading.Event`."""
        return threading.Event()

    def make_rlock(self) -> LockLike:
        """Return a `threading.RLock`."""
        return threading.RLock()

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return an ordinary asyncio loop."""
        return asyncio.new_event_loop()

    def held(self) -> AbstractContextManager[None]:
        """Do nothing: real threads need no turn."""
        return nullcontext()

    def outside(self, limit_s: float = 0.0) -> AbstractContextManager[None]:
        """Do nothing: real time goes on by itself."""
        return nullcontext()

    def flow(self) -> AbstractContextManager[None]:
        """Do nothing: real time goes on by itself."""
        return nullcontext()

    def close(self) -> None:
        """Do nothing: there is nothing to end."""
