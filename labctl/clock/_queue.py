"""A queue whose reader waits on the lab clock."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from labctl.clock._clock import Clock

T = TypeVar("T")


class ClockQueue(Generic[T]):
    """First in, first out, with one reader; any thread may put."""

    def __init__(self, clock: Clock) -> None:
        self._items: deque[T] = deque()
        self._filled = clock.make_event()

    def put(self, item: T) -> None:
        """Add an item and wake the reader."""
        self._items.append(item)
        self._filled.set()

    def get(self, timeout: float | None = None) -> T | None:
        """Return the next item, or None after `timeout` lab seconds."""
        while not self._items:
            self._filled.clear()
            if self._items:
                break
            if not self._filled.wait(timeout):
                return self._items.popleft() if self._items else None
        return self._items.popleft()

    def get_at_once(self) -> T | None:
        """Return the next item, or None when there is none now."""
        return self._items.popleft() if self._items else None
