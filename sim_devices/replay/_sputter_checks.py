"""A sputter run: whether its traces fit each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim_devices.aja_dcxs import NOISE_V
from sim_devices.inficon_sqm160 import NOISE_A_S
from sim_devices.mks937b import NOISE as PRESSURE_NOISE
from sim_devices.plant.chamber import settled_Pa
from sim_devices.replay._check import COVERAGE, Check
from sim_devices.replay._recording import Array, Recording
from sim_devices.replay._sputter import (
    FLOW_STEP_SCCM,
    discharge,
    flow_sccm,
    flow_tolerance_sccm,
    grown_nm,
    grows,
)

_STEP_W, _STEP_V, _STEP_MA, _STEP_NM, _STEP_NM_S = 1.0, 1.0, 1.0, 0.1, 1e-3
"""What the instruments resolve."""
_THREE_DIGITS = 5e-3
"""Half of the last of three digits is at most this share."""
_HALF = 0.501
_RATE_NOISE_NM_S = NOISE_A_S / 10.0
_STOP_S = 2.0
"""The plan asks for the thickness every second, and the zero is set within a second of the shutter's opening."""


def sputter_checks(recording: Recording, target_used_kWh: float) -> list[Check]:
    """Predict every process quantity of a sputter run from the others.

    Args:
        recording: of the run.
        target_used_kWh: wear of the target at its beginning [kWh].

    Raises:
        CannotReplay: a quantity is missing.
    """
    checks = [*_settings(recording), *_states(recording)]
    if np.count_nonzero(grows(recording)) < 3:
        return checks
    return [*checks, *_gas(recording), *_plasma(recording, target_used_kWh), *_quartz(recording)]


def _settings(recording: Recording) -> list[Check]:
    """Compare the set points, while the supply is on, with what was asked."""
    on = np.flatnonzero(recording.trace("supply.output") != 0)
    if len(on) < 2:
        return []
    found = []
    for key, parameter, step, unit in (
        ("supply.setpoint", "power", _STEP_W, "W"),
        ("argon.setpoint", "argon_flow", FLOW_STEP_SCCM, "sccm"),
        ("oxygen.setpoint", "oxygen_flow", FLOW_STEP_SCCM, "sccm"),
    ):
        asked, shown = recording.asked(parameter), recording.trace(key)[on]
        farthest = float(shown[np.argmax(np.abs(shown - asked))])
        found.append(Check(key, asked, farthest, _HALF * step, unit, "what was asked"))
    settled = on[1:]  # the first reading may see the plasma being lit
    setpoint, power = recording.trace("supply.setpoint")[settled], recording.trace("supply.power")[settled]
    worst = int(np.argmax(np.abs(power - setpoint)))
    values = float(setpoint[worst]), float(power[worst])
    return [*found, Check("supply.power", *values, _STEP_W, "W", "its set point")]


def _states(recording: Recording) -> list[Check]:
    """Compare states with what they let happen."""
    times, slack = recording.times_s, 2.0 * recording.period_s
    fault, power, rate = (recording.trace(key) for key in ("supply.fault_code", "supply.power", "monitor.rate"))
    output, shutter = recording.trace("supply.output"), recording.trace("supply.shutter")
    grew = rate > COVERAGE * _RATE_NOISE_NM_S + _STEP_NM_S
    found = [
        Check("supply.fault_code", 0.0, float(np.max(np.abs(fault), initial=0.0)), 0.0, "", "no fault"),
        Check("supply.output, on", _lasts(times, power > 0), _lasts(times, output == 1), slack, "s", "power above 0"),
        Check("supply.shutter, open", _lasts(times, grew), _lasts(times, shutter == 1), slack, "s", "the quartz grows"),
    ]
    on, opened = np.flatnonzero(output), np.flatnonzero(shutter)
    if len(on) and len(opened):
        delay, asked = float(times[opened[0]] - times[on[0]]), recording.asked("presputter")
        found.append(Check("supply.shutter, delay", asked, delay, slack, "s", "presputter asked"))
    return found


def _lasts(times: Array, state: NDArray[np.bool_]) -> float:
    """Return how long a state lasts [s]."""
    return float(np.sum(np.diff(times, append=times[-1:])[state]))


def _gas(recording: Recording) -> list[Check]:
    """Compare mean flows with their set points, and the mean pressure with the flows."""
    growing, found, flows = grows(recording), [], []
    n = int(np.count_nonzero(growing))
    for role in ("argon", "oxygen"):
        setpoint, flow = (float(np.mean(recording.trace(f"{role}.{key}")[growing])) for key in ("setpoint", "flow"))
        found.append(Check(f"{role}.flow, mean", setpoint, flow, flow_tolerance_sccm(n), "sccm", "its set point"))
        flows.append(float(np.mean(flow_sccm(recording, role)[growing])))
    total_Pa, _ = settled_Pa(*flows)
    tolerance = total_Pa * (COVERAGE * PRESSURE_NOISE / float(np.sqrt(n)) + _THREE_DIGITS)
    pressure = float(np.mean(recording.trace("gauge.pressure")[growing]))
    return [*found, Check("gauge.pressure, mean", total_Pa, pressure, tolerance, "Pa", "flows")]


def _plasma(recording: Recording, target_used_kWh: float) -> list[Check]:
    """Compare means while the film grows with the model of the discharge, and the power with voltage and current."""
    growing, steady = grows(recording), discharge(recording, target_used_kWh)
    keys = ("supply.power", "supply.voltage", "supply.current", "monitor.rate")
    watts, volts, milliamperes, rate = (float(np.mean(recording.trace(key)[growing])) for key in keys)
    means = np.mean([(at.voltage_V, 1000.0 * at.current_A, at.rate_nm_s) for at in steady], axis=0)
    few = COVERAGE / float(np.sqrt(len(steady)))
    volt_tolerance, rate_tolerance = few * NOISE_V + _STEP_V / 2, few * _RATE_NOISE_NM_S + _STEP_NM_S
    product = volts * milliamperes / 1000.0
    shares = volt_tolerance / float(means[0]) + _HALF * _STEP_MA / float(means[1])
    basis = "power, flows, wear of the target"
    return [
        Check("supply.voltage, mean", float(means[0]), volts, volt_tolerance, "V", basis),
        Check("supply.current, mean", float(means[1]), milliamperes, _HALF * _STEP_MA, "mA", basis),
        Check("supply.power, mean", product, watts, watts * shares + _STEP_W / 2, "W", "voltage x current"),
        Check("monitor.rate, mean", float(means[2]), rate, rate_tolerance, "nm/s", "power, flows"),
    ]


def _quartz(recording: Recording) -> list[Check]:
    """Compare the monitor's thickness with the integral of its rate, with its frequency and with what was asked."""
    growing = np.flatnonzero(grows(recording))[1:]  # the first reading may be from before the zeroing
    times, rate, thickness = (
        column[growing]
        for column in (recording.times_s, recording.trace("monitor.rate"), recording.trace("monitor.thickness"))
    )
    steps, mean = np.diff(times), float(np.mean(rate))
    integral, grown = float(np.trapezoid(rate, times)), float(thickness[-1] - thickness[0])
    noise = COVERAGE * _RATE_NOISE_NM_S * float(np.sqrt(np.sum(steps**2))) + _STEP_NM_S / 2 * float(np.sum(steps))
    tolerance = noise + _STOP_S * mean + _STEP_NM
    found = [Check("monitor.thickness, grown", integral, grown, tolerance, "nm", "integral of the rate")]
    if "monitor.frequency" in recording.after:
        total, left_nm = grown_nm(recording), mean * (recording.end_s - float(times[-1]))
        values = total - left_nm / 2, float(thickness[-1])
        slack = _STOP_S * mean + _STEP_NM
        found.append(Check("monitor.thickness, last", *values, left_nm + slack, "nm", "frequency of the quartz"))
        if recording.is_complete:
            asked = recording.asked("thickness")
            found.append(Check("monitor.frequency, change", asked, total, 2 * slack, "nm", "thickness asked"))
    return found
