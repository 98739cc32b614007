"""What linear stages have in common."""

from __future__ import annotations

from devices._device import ClockStatus, LinkedDevice
from devices._signals import Readback


class LinearStage(LinkedDevice):
    """A stage that moves along one line; it tells where it is as `readback` [mm]."""

    readback: Readback

    def check_position(self, position: float) -> None:
        """Raise ValueError (LimitError is one) for a position [mm] outside the limits; nothing moves."""
        raise NotImplementedError

    def home(self, timeout_s: float) -> ClockStatus:
        """Find the stage's origin; return the status of that; raises `LinkError`."""
        raise NotImplementedError

    def move(self, position: float, timeout_s: float) -> ClockStatus:
        """Move to a position [mm]; return the status of that.

        Raises:
            ValueError: outside the travel; nothing was sent.
            LinkError: the stage does not answer.
        """
        raise NotImplementedError
