"""An axis that moves at a constant speed between its ends."""

from __future__ import annotations

from labctl.clock import Clock


class Axis:
    """Where a carriage is: it moves at a constant speed, and is somewhere unknown until it was homed.

    Args:
        clock: the lab's.
        low: lower end [mm].
        high: upper end [mm].
        position: where it is when it is switched on [mm].
    """

    def __init__(self, clock: Clock, low: float, high: float, position: float) -> None:
        self._clock, self.low, self.high = clock, low, high
        self.speed = 5.0
        """Of the next move [mm/s]."""
        self.is_homed = False
        self._from, self._to, self._pace, self._since = position, position, 5.0, clock.monotonic()

    @property
    def position(self) -> float:
        """Where it is now [mm]."""
        reach = self._pace * (self._clock.monotonic() - self._since)
        away = self._to - self._from
        return self._to if reach >= abs(away) else self._from + (reach if away > 0 else -reach)

    @property
    def is_moving(self) -> bool:
        """Whether it moves."""
        return self.position != self._to

    def move(self, to: float) -> None:
        """Start to move to a position [mm]."""
        self._from, self._to, self._pace, self._since = self.position, to, self.speed, self._clock.monotonic()

    def home(self) -> None:
        """Start to move to the lower end, where it learns its position."""
        self.move(self.low)
        self.is_homed = True

    def halt(self) -> None:
        """Stay where it is."""
        self._from = self._to = self.position
