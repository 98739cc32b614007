"""The state of things at a set hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta, tzinfo

from labctl.clock import Clock
from labctl.notices._notice import Notice

_LONGEST_WAIT_S = 600.0


class DailySummary:
    """Tells a summary at the same hour of each day, on the lab's clock.

    Args:
        at: hour and minute, as ``07:30``.
        zone: of `at`; the computer's when None.
        make: returns the notice; called on a thread of the clock.
        tell: takes it.
        clock: the lab's.
    """

    def __init__(
        self, at: str, zone: tzinfo | None, make: Callable[[], Notice], tell: Callable[[Notice], None], clock: Clock
    ) -> None:
        self._at, self._zone = time.fromisoformat(at), zone
        self._make, self._tell, self._clock = make, tell, clock
        self._closed = clock.make_event()
        clock.spawn(self._run, "summary")

    def next_after(self, moment: float) -> float:
        """Return when the hour strikes next [s since 1970-01-01 UTC]."""
        today = datetime.fromtimestamp(moment, self._zone).date()
        times = (datetime.combine(today + timedelta(days), self._at, self._zone).timestamp() for days in range(3))
        return next(time for time in times if time > moment)

    def close(self) -> None:
        """Tell nothing more."""
        self._closed.set()

    def _run(self) -> None:
        last = None
        while True:
            due = self.next_after(self._clock.time())
            while (left_s := due - self._clock.time()) > 0:  # the wall clock may be set meanwhile
                if self._closed.wait(min(left_s, _LONGEST_WAIT_S)):
                    return
            notice = self._make()
            if self._clock.virtual and last is not None and notice.text == last.text:
                return  # a day without anything: simulated time must be able to stall, or a hang would never be seen
            self._tell(notice)
            last = notice
