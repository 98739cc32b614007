"""How much the noise of the recorded readings may move what is computed from them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from sim_devices.eurotherm3216 import NOISE_K as WALL_NOISE_K
from sim_devices.replay._recording import Array, Recording
from sim_devices.replay._sputter import FLOW_NOISE_SCCM
from sim_devices.vaisala_hmt330 import NOISE_K, NOISE_PCT

_STEP = 0.1 / math.sqrt(12.0)
"""Standard deviation of a number rounded to tenths."""
_PROCESS = {
    "furnace.temperature": math.hypot(WALL_NOISE_K, _STEP),
    "argon.flow": FLOW_NOISE_SCCM,
    "oxygen.flow": FLOW_NOISE_SCCM,
}
"""Standard deviation of the noise of each process quantity that goes into a film. The others are exact but for their
last digit: power and set points stand on whole numbers, and the frequency resolves 2e-4 nm."""
_POWER_PCT = 0.05


def blurred(recording: Recording, rng: np.random.Generator) -> Recording:
    """Return a recording with the instruments' noise once more in it.

    What is computed from it differs from what is computed from the original by as much as the original differs
    from the truth, in the mean of many. The heater's power, which is rounded, is shifted as a whole.
    """

    def more(column: Array, sigma: float) -> Array:
        return column + rng.normal(0.0, sigma, len(column)) if sigma else column

    process = {key: more(column, _PROCESS.get(key, 0.0)) for key, column in recording.process.items()}
    if (power := process.get("furnace.heater_power")) is not None:
        process["furnace.heater_power"] = np.where(power > 0.0, power + rng.uniform(-_POWER_PCT, _POWER_PCT), 0.0)
    room_degC = more(recording.room_degC, math.hypot(NOISE_K, _STEP))
    room_pct = more(recording.room_pct, math.hypot(NOISE_PCT, _STEP))
    return dataclasses.replace(recording, process=process, room_degC=room_degC, room_pct=room_pct)
