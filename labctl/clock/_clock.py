"""What every clock offers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol


class EventLike(Protocol):
    """The part of `threading.Event` that both clocks provide."""

    def is_set(self) -> bool:
        """Return whether the event has been set."""
        ...

    def set(self) -> None:
        """Wake every waiter."""
        ...

    def clear(self) -> None:
        """Let later waiters wait."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for `set`, at most `timeout` lab seconds; return whether it is set."""
        ...


class LockLike(Protocol):
    """A reentrant lock that may be held across a wait on the clock."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class Clock(Protocol):
    """Time for the whole laboratory; nothing else asks the operating system for it."""

    @property
    def virtual(self) -> bool:
        """Whether time is simulated."""
        ...

    def time(self) -> float:
        """Return the time of day [s since 1970-01-01 UTC]."""
        ...

    def monotonic(self) -> float:
        """Return a time that never goes back [s]; its zero means nothing."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Wait `duration_s` lab seconds."""
        ...

    def sleep_until(self, deadline: float) -> None:
        """Wait until `monotonic()` reaches `deadline` [s]."""
        ...

    def spawn(self, target: Callable[[], object], name: str) -> threading.Thread:
        """Start a daemon thread that takes part in the clock."""
        ...

    def make_event(self) -> EventLike:
        """Return an event whose waits run on this clock."""
        ...

    def make_rlock(self) -> LockLike:
        """Return a reentrant lock that may be held while waiting on this clock."""
        ...

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return an asyncio loop whose time is this clock's."""
        ...

    def held(self) -> AbstractContextManager[None]:
        """Take part in the clock while the body runs."""
        ...

    def outside(self, limit_s: float = 0.0) -> AbstractContextManager[None]:
        """Make a call that really blocks: other participants run, simulated time stands still.

        Args:
            limit_s: real seconds that it may take, where that is a minute or more.
        """
        ...

    def flow(self) -> AbstractContextManager[None]:
        """Let simulated time go on while the body runs."""
        ...

    def close(self) -> None:
        """End every wait on this clock; its threads end."""
        ...
