"""An asyncio loop whose thread takes part in simulated time."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

from labctl.errors import ClockClosed

if TYPE_CHECKING:
    from labctl.clock._virtual import VirtualClock, Waiter


class _VirtualSelector:
    """Waits on the lab clock where an ordinary selector would wait in the kernel."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock, self._selector = clock, selectors.DefaultSelector()
        self.waiter: Waiter | None = None

    def __getattr__(self, name: str) -> Any:  # the rest of the selector's interface, unchanged
        return getattr(self._selector, name)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        clock = self._clock
        if self.waiter is None or not clock.holding():
            self.waiter = clock.me()
            clock.acquire()
        events = self._selector.select(0)
        if events or (timeout is not None and timeout <= 0):
            clock.give_way()
            return events
        clock.park(None if timeout is None else clock.monotonic() + timeout)
        return self._selector.select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop on a `VirtualClock`."""

    def __init__(self, clock: VirtualClock) -> None:
        self._lab_clock = clock
        self._lab_selector = _VirtualSelector(clock)
        super().__init__(self._lab_selector)  # type: ignore[arg-type]  # delegates what it does not define

    def run_forever(self) -> None:
        """Run until stopped, or until the clock is closed; the thread leaves the clock then."""
        try:
            super().run_forever()
        except ClockClosed:
            return
        finally:
            self._lab_clock.release()

    def time(self) -> float:
        """Return the simulated monotonic time [s]."""
        return self._lab_clock.monotonic()

    def _write_to_self(self) -> None:  # asyncio's only hook for "another thread called call_soon"
        super()._write_to_self()  # type: ignore[misc]  # private in the type stubs
        if self._lab_selector.waiter is not None:
            self._lab_clock.wake(self._lab_selector.waiter, sticky=True)
