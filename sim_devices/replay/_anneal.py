"""An anneal: whether its traces fit each other."""

from __future__ import annotations

import numpy as np

from sim_devices.eurotherm3216 import NOISE_K
from sim_devices.plant.furnace import FULL_POWER_K_S, STEP_S, wall_slope_K_s
from sim_devices.replay._air import RoomAir
from sim_devices.replay._check import COVERAGE, Check
from sim_devices.replay._recording import Array, Recording
from sim_devices.replay._wall import WallTrace

_THRESHOLD_K = 2.0
"""The dwell begins when the furnace is so near its target; the controller's own setting."""
_STEP_PCT, _STEP_K = 0.1, 0.1
"""What the controller's registers resolve [%], [K]."""


def anneal_checks(recording: Recording, trace: WallTrace, air: RoomAir) -> list[Check]:
    """Predict every process quantity of an anneal from the others.

    Args:
        recording: of the run.
        trace: its wall temperature, smoothed.
        air: of the room.

    Raises:
        CannotReplay: a quantity is missing.
    """
    status = float(np.max(np.abs(recording.trace("furnace.summary_status")), initial=0.0))
    checks = [Check("furnace.summary_status", 0.0, status, 0.0, "", "no alarm")]
    first, last = _programme_span(recording)
    if last - first >= 3:
        checks += [*_setpoint(recording, first, last), *_dwell(recording, first, last)]
        checks.append(_balance(recording, air, "programme", first, last))
    if len(recording.times_s) - last > 5:
        checks += [_balance(recording, air, "cooling", last + 2, len(recording.times_s) - 1)]
        checks.append(_released(recording, trace, last + 2))
    return checks


def _programme_span(recording: Recording) -> tuple[int, int]:
    """Return the first and the last reading while the programme runs; the same where it never did."""
    heating = np.flatnonzero(recording.trace("furnace.heater_power") > 0.0)
    on_target = np.flatnonzero(np.abs(recording.trace("furnace.working_setpoint") - _target(recording)) < _STEP_K / 2)
    last = max((int(found[-1]) for found in (heating, on_target) if len(found)), default=0)
    return (int(heating[0]) if len(heating) else last), last


def _target(recording: Recording) -> float:
    return round(recording.asked("temperature"), 1)


def _instants(recording: Recording) -> Array:
    """Return (n,) the furnace's grid instant that each reading shows."""
    return np.floor(recording.times_s / STEP_S)


def _setpoint(recording: Recording, first: int, last: int) -> list[Check]:
    """Compare the working set point with the ramp and the target that were asked."""
    span = slice(first, last + 1)
    working, instants = recording.trace("furnace.working_setpoint")[span], _instants(recording)[span]
    rate_K_s, target = round(recording.asked("ramp_rate"), 1) / 60.0, _target(recording)
    reach = rate_K_s * STEP_S * (instants - instants[0])
    predicted = working[0] + np.clip(target - working[0], -reach, reach)
    worst = int(np.argmax(np.abs(working - predicted)))
    begun = float(recording.trace("furnace.temperature")[max(first - 1, 0)])
    slack = rate_K_s * 3.0 * STEP_S + COVERAGE * NOISE_K + _STEP_K
    name, values = "furnace.working_setpoint", (float(predicted[worst]), float(working[worst]))
    return [
        Check(name, *values, 2.0 * rate_K_s * STEP_S + 2 * _STEP_K, "degC", "ramp rate and temperature asked"),
        Check(f"{name}, begins", begun, float(working[0]), slack, "degC", "temperature of the furnace"),
    ]


def _dwell(recording: Recording, first: int, last: int) -> list[Check]:
    """Compare the time at the target with the dwell that was asked."""
    times, shown, target = recording.times_s, recording.trace("furnace.temperature"), _target(recording)
    on_target = np.abs(recording.trace("furnace.working_setpoint") - target) < _STEP_K / 2
    there = np.flatnonzero((on_target & (shown >= target - _THRESHOLD_K))[first : last + 1]) + first
    if not recording.is_complete or not len(there) or shown[first] > target:
        return []
    begun, asked = float(times[there[0]]), recording.asked("dwell") * 60.0
    held, slack = float(times[last]) - begun, 2.0 * recording.period_s + 4.0 * STEP_S
    return [Check("furnace.temperature, dwell", asked, held, slack, "s", "dwell asked")]


def _balance(recording: Recording, air: RoomAir, part: str, first: int, last: int) -> Check:
    """Compare the heater's mean power with what the course of the temperature needs.

    The power is rounded, perhaps always the same way; a step that was not read may have either neighbour's power;
    the temperatures at both ends are single readings.
    """
    span = slice(first, last + 1)
    times, instants = recording.times_s[span], _instants(recording)[span]
    shown, power = recording.trace("furnace.temperature")[span], recording.trace("furnace.heater_power")[span]
    room = air.temperature_degC(times)
    loss = np.array([-wall_slope_K_s(float(t), float(r), 0.0) for t, r in zip(shown, room, strict=True)])
    n_steps = float(instants[-1] - instants[0])
    lost_K_s = float(np.trapezoid(loss, instants)) / n_steps
    needed = (float(shown[-1] - shown[0]) / (n_steps * STEP_S) + lost_K_s) / FULL_POWER_K_S * 100.0
    mean = float(np.interp(np.arange(instants[0] + 1, instants[-1] + 1), instants, power).mean())
    between = float(np.sqrt(np.sum((np.diff(power) * (np.diff(instants) - 1) / 2) ** 2))) / n_steps
    ends = COVERAGE * NOISE_K * np.sqrt(2.0) / (n_steps * STEP_S) / FULL_POWER_K_S * 100.0
    tolerance = float(_STEP_PCT / 2 + 2.0 * between + ends)
    return Check(f"furnace.heater_power, {part}", needed, mean, tolerance, "%", "heat balance of the temperature")


def _released(recording: Recording, trace: WallTrace, first: int) -> Check:
    """Compare the working set point, once the controller is off, with the wall that it follows one step behind."""
    working = recording.trace("furnace.working_setpoint")[first:]
    wall = trace.wall_degC[_instants(recording)[first:].astype(int) - trace.first - 1]
    worst = int(np.argmax(np.abs(working - wall)))
    values = float(wall[worst]), float(working[worst])
    return Check("furnace.working_setpoint, off", *values, 0.5, "degC", "temperature of the furnace")
