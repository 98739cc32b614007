"""The temperature of a furnace's wall at every instant, from noisy readings seconds apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim_devices.eurotherm3216 import NOISE_K
from sim_devices.plant.furnace import FULL_POWER_K_S, STEP_S, is_cold, wall_slope_K_s
from sim_devices.replay._air import RoomAir
from sim_devices.replay._recording import Array, Recording

_READING_VARIANCE_K2 = NOISE_K**2 + 0.1**2 / 12.0
_POWER_STEP = 1e-3
_STEADY = 5.0
"""A power that stands still is rounded the same way each time: its error is taken larger than chance would have it."""
_FORGOTTEN_S = 86_400.0


@dataclass(frozen=True)
class WallTrace:
    """The wall all through one run, on the furnace's grid."""

    first: int
    """Number of the first grid instant: time [s since 1970-01-01 UTC] over `STEP_S`."""
    wall_degC: Array
    """(n,) The wall at each instant [degC]."""
    sigma_K: Array
    """(n,) Its standard deviation [K]."""

    @property
    def last(self) -> int:
        """Number of the last grid instant."""
        return self.first + len(self.wall_degC) - 1


def smooth(recording: Recording, air: RoomAir) -> WallTrace:
    """Return the wall's temperature through a run: thermometer and heat balance, weighed against each other.

    A Kalman filter, forward and back (Rauch, Tung and Striebel, AIAA J. 3 (1965) 1445). The state is the wall's
    temperature; the heater's recorded power moves it by the furnace's heat balance, and readings correct it.

    Raises:
        CannotReplay: temperature or power was not recorded.
    """
    bins = np.floor(recording.times_s / STEP_S).astype(np.int64)
    first, n = int(bins[0]), int(bins[-1] - bins[0]) + 1
    shown, count = _binned(recording.trace("furnace.temperature"), bins - first, n)
    power, power_variance = _every_step(*_binned(recording.trace("furnace.heater_power") / 100.0, bins - first, n))
    room = air.temperature_degC(np.arange(first, first + n, dtype=np.float64) * STEP_S)
    mean, variance, ahead, ahead_variance, fall = (np.zeros(n) for _ in range(5))
    for i in range(n):
        if i == 0:
            ahead[0], ahead_variance[0] = shown[0], 1e4
        else:
            before = float(mean[i - 1])
            slope = wall_slope_K_s(before, float(room[i]), float(power[i]))
            fall[i] = 1.0 + STEP_S * (wall_slope_K_s(before + 1.0, float(room[i]), float(power[i])) - slope)
            ahead[i] = before + slope * STEP_S
            ahead_variance[i] = fall[i] ** 2 * variance[i - 1] + (FULL_POWER_K_S * STEP_S) ** 2 * power_variance[i]
        weight = ahead_variance[i] / (ahead_variance[i] + _READING_VARIANCE_K2 / count[i]) if count[i] else 0.0
        mean[i] = ahead[i] + (weight * (shown[i] - ahead[i]) if count[i] else 0.0)
        variance[i] = (1.0 - weight) * ahead_variance[i]
    for i in range(n - 2, -1, -1):
        back = variance[i] * fall[i + 1] / ahead_variance[i + 1]
        mean[i] += back * (mean[i + 1] - ahead[i + 1])
        variance[i] += back**2 * (variance[i + 1] - ahead_variance[i + 1])
    return WallTrace(first, mean, np.sqrt(variance))


def _binned(values: Array, bins: np.ndarray[tuple[int], np.dtype[np.int64]], n: int) -> tuple[Array, Array]:
    """Return (n,) the mean of the values in each bin, NaN in empty ones, and (n,) how many there are."""
    count = np.bincount(bins, minlength=n).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.bincount(bins, weights=values, minlength=n) / count, count


def _every_step(power: Array, count: Array) -> tuple[Array, Array]:
    """Return (n,) the power in every step and (n,) its variance.

    A step that was not read takes what lies between its neighbours, with half their difference as its error.
    """
    known, steps = np.flatnonzero(count), np.arange(len(power))
    left = power[known[np.searchsorted(known, steps, side="right") - 1]]
    right = power[known[np.searchsorted(known, steps)]]
    rounding = (_STEADY * _POWER_STEP) ** 2 / 12.0
    return np.interp(steps, known, power[known]), rounding + (right - left) ** 2 / 4.0


class FurnaceWall:
    """A furnace's wall through all its runs and the times between, in which it cools with the heater off.

    Args:
        recordings: the furnace's runs in the order of time.
        air: of the room.
    """

    def __init__(self, recordings: Sequence[Recording], air: RoomAir) -> None:
        self._air, self._recordings = air, [recording for recording in recordings if len(recording.times_s)]
        self._traces: dict[str, WallTrace] = {}

    def trace(self, recording: Recording) -> WallTrace:
        """Return the wall through a run; see `smooth`."""
        if recording.name not in self._traces:
            self._traces[recording.name] = smooth(recording, self._air)
        return self._traces[recording.name]

    def span(self, begin: int, end: int) -> list[tuple[float, bool]]:
        """Return the wall's temperature [degC], and whether it is cold, at each grid instant `begin` < i <= `end`."""
        wall_degC, start = self._known(begin)
        found = []
        for instant in range(start + 1, end + 1):
            room_degC, cold = float(self._air.temperature_degC((instant - 1) * STEP_S)), False
            if (trace := self._recorded(instant)) is not None:
                wall_degC = float(trace.wall_degC[instant - trace.first])
            elif cold := is_cold(wall_degC, room_degC, 0.0):
                wall_degC = room_degC
            else:
                wall_degC += wall_slope_K_s(wall_degC, room_degC, 0.0) * STEP_S
            if instant > begin:
                found.append((wall_degC, cold))
        return found

    def _known(self, begin: int) -> tuple[float, int]:
        """Return the wall [degC] at the last instant not after `begin` at which it is known, and that instant."""
        earlier = [recording for recording in self._recordings if recording.times_s[0] // STEP_S <= begin]
        if earlier and begin * STEP_S - earlier[-1].end_s < _FORGOTTEN_S:
            trace = self.trace(earlier[-1])
            instant = min(begin, trace.last)
            return float(trace.wall_degC[instant - trace.first]), instant
        return float(self._air.temperature_degC(begin * STEP_S)), begin  # nothing has heated it

    def _recorded(self, instant: int) -> WallTrace | None:
        for recording in reversed(self._recordings):
            if recording.times_s[0] // STEP_S <= instant:
                trace = self.trace(recording)
                return trace if instant <= trace.last else None
        return None
