"""A sputter run: what its traces put on a sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim_devices.alicat_mc import NOISE
from sim_devices.inficon_sqm160 import HZ_NM
from sim_devices.plant.chamber import settled_Pa, wear_of
from sim_devices.plant.discharge import Deposit, deposit_of, film_to_monitor_ratio
from sim_devices.plant.film import Film
from sim_devices.replay._check import COVERAGE, CannotReplay
from sim_devices.replay._recording import Array, Recording

FLOW_NOISE_SCCM = 100.0 * NOISE
FLOW_STEP_SCCM = 0.01


def energy_kWh(recording: Recording) -> float:
    """Return the energy that the target got in a run [kWh]."""
    return float(_energy_kWh(recording)[-1]) if len(recording.times_s) else 0.0


def deposit(film: Film, recording: Recording, target_used_kWh: float) -> None:
    """Put on a film what a sputter run deposited.

    The quartz tells how much by its frequency before and after; power and flows tell what it is.

    Args:
        film: grows.
        recording: of the run.
        target_used_kWh: wear of the target at its beginning [kWh].

    Raises:
        CannotReplay: a quantity is missing.
    """
    total_nm = grown_nm(recording)
    if total_nm <= 0.0:
        return
    steady = discharge(recording, target_used_kWh)
    if not steady:
        raise CannotReplay(f"{recording.name}: the quartz grew, but no reading shows an open shutter and power")
    used_kWh = (target_used_kWh + _energy_kWh(recording))[grows(recording)]
    rate_nm_s = sum(at.rate_nm_s for at in steady)
    for at, worn_kWh in zip(steady, used_kWh, strict=True):
        film.deposit(
            total_nm * at.rate_nm_s / rate_nm_s * film_to_monitor_ratio(float(worn_kWh)),
            vacancies_cm3=at.vacancies_cm3,
            grain_nm=at.grain_nm,
            disorder=at.disorder,
        )


def grows(recording: Recording) -> NDArray[np.bool_]:
    """Return (n,) at which readings the film grows."""
    return (recording.trace("supply.shutter") != 0) & (recording.trace("supply.power") > 0)


def grown_nm(recording: Recording) -> float:
    """Return what the quartz gained [nm], by its frequency, or by its last reading where the run broke off.

    Raises:
        CannotReplay: the frequency was not recorded.
    """
    if "monitor.frequency" not in recording.before:
        raise CannotReplay(f"{recording.name}: the baseline has no monitor.frequency")
    if "monitor.frequency" in recording.after:
        return (recording.before["monitor.frequency"] - recording.after["monitor.frequency"]) / HZ_NM
    thickness = recording.trace("monitor.thickness")[grows(recording)]
    return float(thickness[-1]) if len(thickness) else 0.0


def discharge(recording: Recording, target_used_kWh: float) -> list[Deposit]:
    """Return the discharge at each reading at which the film grows.

    Raises:
        CannotReplay: a quantity is missing.
    """
    used_kWh, power = target_used_kWh + _energy_kWh(recording), recording.trace("supply.power")
    argon, oxygen = flow_sccm(recording, "argon"), flow_sccm(recording, "oxygen")
    found = []
    for at in np.flatnonzero(grows(recording)):
        total_Pa, oxygen_Pa = settled_Pa(float(argon[at]), float(oxygen[at]))
        found.append(deposit_of(float(power[at]), total_Pa, oxygen_Pa, wear_of(float(used_kWh[at]))))
    return found


def flow_sccm(recording: Recording, role: str) -> Array:
    """Return (n,) the flow [sccm]: its set point where the mean reading follows it within the noise, else the readings.

    The controller holds its own reading at the set point, so the noise of a reading is none of the flow.
    """
    shown, setpoint, growing = recording.trace(f"{role}.flow"), recording.trace(f"{role}.setpoint"), grows(recording)
    n = int(np.count_nonzero(growing))
    if n and abs(float(np.mean((shown - setpoint)[growing]))) <= flow_tolerance_sccm(n):
        return setpoint
    return shown


def flow_tolerance_sccm(n: int) -> float:
    """Return how far the mean of `n` readings may be from the flow [sccm]."""
    return COVERAGE * FLOW_NOISE_SCCM / float(np.sqrt(n)) + FLOW_STEP_SCCM / 2


def _energy_kWh(recording: Recording) -> Array:
    """Return (n,) the energy from the beginning to each reading [kWh]."""
    power = recording.trace("supply.power")
    steps = np.diff(recording.times_s) * (power[:-1] + power[1:]) / 2.0
    return np.concatenate(([0.0], np.cumsum(steps))) / 3.6e6
