"""Stations that do not answer when a campaign is taken up again: they may only be slower than the controller."""

from __future__ import annotations

import functools
from collections.abc import Callable

from labctl.dispatch import Dispatcher
from labctl.errors import LabError
from labctl.lab import Lab

HOLDER = "restart"
LIMIT_S = 3600.0
"""How long a station is asked again before it is given up [s of lab time]."""
_ASK_AGAIN_S = 30.0


class Awaiting:
    """Holds stations that do not answer yet, asks them again, and lets them go as soon as they do.

    Args:
        lab: of the stations.
        dispatcher: that holds, lets go and retires them.
        on_answer: told a station that answers, from another thread.
        on_silence: told a station that was given up, and why, from another thread.
    """

    def __init__(
        self,
        lab: Lab,
        dispatcher: Dispatcher,
        on_answer: Callable[[str], None],
        on_silence: Callable[[str, str], None],
    ) -> None:
        self._lab, self._dispatcher = lab, dispatcher
        self._on_answer, self._on_silence = on_answer, on_silence
        self._over = lab.clock.make_event()

    def hold(self, station: str, reason: str) -> None:
        """Begin nothing on a station until it answers."""
        self._dispatcher.hold(station, HOLDER, reason)
        self._lab.clock.spawn(functools.partial(self._ask, station, reason), f"awaits-{station}")

    def end(self) -> None:
        """Ask no more."""
        self._over.set()

    def _ask(self, station: str, reason: str) -> None:
        until = self._lab.clock.monotonic() + LIMIT_S
        while reason and self._lab.clock.monotonic() < until:
            if self._over.wait(_ASK_AGAIN_S):
                return
            reason = self._silence(station)
        if reason:
            self._dispatcher.retire(station, reason)
            self._on_silence(station, reason)
        else:
            self._on_answer(station)
        self._dispatcher.let_go(station, HOLDER)

    def _silence(self, station: str) -> str:
        """Return why a station cannot be used; empty when all its instruments answer."""
        for device in self._lab.stations[station].devices:
            try:
                device.connect()
            except LabError as error:
                return str(error)
        return ""
