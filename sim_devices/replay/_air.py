"""The room's air, between the readings that every operation takes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim_devices.replay._check import COVERAGE, CannotReplay, Check
from sim_devices.replay._recording import Array, Recording
from sim_devices.vaisala_hmt330 import NOISE_K, NOISE_PCT

_DRIFT_K_H, _DRIFT_PCT_H = 0.5, 3.0
"""How fast a room's air may change [K/h], [%/h]: a day's cycle of an air-conditioned room, with slow weather."""
_RESOLUTION = 0.1


class RoomAir:
    """Temperature and humidity at any time, straight lines between readings.

    Args:
        recordings: every run of the laboratory.

    Raises:
        CannotReplay: a run has no reading of the room.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        for recording in recordings:
            for quantity, column in (("temperature", recording.room_degC), ("humidity", recording.room_pct)):
                if not len(column):
                    raise CannotReplay(f"{recording.name}: the baseline has no {quantity} of the room")
        if not recordings:
            raise CannotReplay("nothing was recorded of the room")
        owners = [np.full(len(r.room_times_s), index) for index, r in enumerate(recordings)]
        times = np.concatenate([r.room_times_s for r in recordings])
        order = np.argsort(times, kind="stable")
        self._times, self._owners = times[order], np.concatenate(owners)[order]
        self._degC = np.concatenate([r.room_degC for r in recordings])[order]
        self._pct = np.concatenate([r.room_pct for r in recordings])[order]
        self._index = {r.name: index for index, r in enumerate(recordings)}

    def temperature_degC(self, time_s: float | Array) -> Array:
        """Return the temperature [degC] at times [s since 1970-01-01 UTC]."""
        return np.interp(time_s, self._times, self._degC)

    def relative_humidity_pct(self, time_s: float | Array) -> Array:
        """Return the relative humidity [%] at times [s since 1970-01-01 UTC]."""
        return np.interp(time_s, self._times, self._pct)

    def checks(self, recording: Recording) -> list[Check]:
        """Compare a run's readings of the room with those that other runs took just before and after."""
        others = self._owners != self._index[recording.name]
        if np.count_nonzero(others) < 2:
            return []
        times = recording.room_times_s
        gap_h = _gap_s(self._times[others], times) / 3600.0
        found = []
        for name, unit, own, all_, noise, drift in (
            ("temperature", "degC", recording.room_degC, self._degC, NOISE_K, _DRIFT_K_H),
            ("humidity", "%", recording.room_pct, self._pct, NOISE_PCT, _DRIFT_PCT_H),
        ):
            predicted = np.interp(times, self._times[others], all_[others])
            tolerance = COVERAGE * noise * np.sqrt(2.0) + _RESOLUTION + drift * gap_h
            worst = int(np.argmax(np.abs(own - predicted) / tolerance))
            values = float(predicted[worst]), float(own[worst]), float(tolerance[worst])
            found.append(Check(f"room {name}", *values, unit, "other runs' readings before and after"))
        return found


def _gap_s(known: Array, times: Array) -> Array:
    """Return how far each of `times` is from the nearest of `known` [s]."""
    right = np.clip(np.searchsorted(known, times), 1, len(known) - 1)
    return np.minimum(np.abs(known[right] - times), np.abs(times - known[right - 1]))
