"""The air of the room."""

from __future__ import annotations

import math
import random

from labctl.clock import Clock

_DAY_S = 86_400.0
_SLOW_PERIODS_S = tuple(days * _DAY_S for days in (1.7, 3.1, 7.3))


class Ambient:
    """Room temperature and humidity: a day's cycle and slow seeded weather.

    Both are sums of sines, so a pure, smooth function of time: reading them has no effect.
    Invented for the simulation; the ranges are those of an air-conditioned laboratory.

    Args:
        clock: gives the present time and, once, the hour of the day.
        seed: chooses the weather.
    """

    def __init__(self, clock: Clock, seed: int | str) -> None:
        self._clock = clock
        # Whole seconds: a clock's two times are read a moment apart.
        self._midnight_offset_s = float(round(clock.time() - clock.monotonic())) % _DAY_S
        rng = random.Random(f"{seed}:ambient")
        self._slow = [
            (2 * math.pi / period, *(rng.uniform(0, 2 * math.pi) for _ in "TH")) for period in _SLOW_PERIODS_S
        ]

    def temperature_degC(self, now_s: float | None = None) -> float:
        """Return the air temperature [degC], 19.6 to 24.4.

        Args:
            now_s: instant on the clock's `monotonic()` [s]; the present when omitted.
        """
        now_s = self._clock.monotonic() if now_s is None else now_s
        slow = sum(math.sin(omega * now_s + phase) for omega, phase, _ in self._slow)
        return 22.0 + 1.2 * self._day(now_s, hour_of_peak=16.0) + 0.4 * slow

    def relative_humidity_pct(self, now_s: float | None = None) -> float:
        """Return the relative humidity [%], 19 to 71.

        Args:
            now_s: instant on the clock's `monotonic()` [s]; the present when omitted.
        """
        now_s = self._clock.monotonic() if now_s is None else now_s
        slow = sum(math.sin(omega * now_s + phase) for omega, _, phase in self._slow)
        return 45.0 + 5.0 * self._day(now_s, hour_of_peak=5.0) + 7.0 * slow

    def _day(self, now_s: float, hour_of_peak: float) -> float:
        hours = (self._midnight_offset_s + now_s) / 3600.0
        return math.cos(2 * math.pi * (hours - hour_of_peak) / 24.0)
