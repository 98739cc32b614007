"""A sputter chamber: gas, plasma, target and the samples that face it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from sim_devices.plant.discharge import Deposit, deposit_of, film_to_monitor_ratio
from sim_devices.plant.line import Line, PlantError

STEP_S = 1.0
"""The chamber advances on this grid [s], so how often one looks makes no difference."""
_SCCM_PA_M3_S = 101_325.0e-6 / 60.0  # one standard cubic centimetre a minute
_PUMP_M3_S = 0.08  # invented: throttled turbo pump, 0.42 Pa at 20 sccm
_PA_SCCM = _SCCM_PA_M3_S / _PUMP_M3_S
_BASE_PA = 2.0e-4  # invented
_MIXING_S = 3.0  # invented: chamber volume over pumping speed, with the gas lines
_MIXED = -math.expm1(-STEP_S / _MIXING_S)
_SETTLED_PA = 1e-9
_AIR_PA, _ROUGH_PA = 101_325.0, 10.0
_EMPTIED = -math.expm1(-STEP_S / 30.0)  # invented: chamber volume over the speed of the backing pump or the vent
_REFERENCE_KWH = 60.0  # invented: life of the target


def settled_Pa(argon_sccm: float, oxygen_sccm: float) -> tuple[float, float]:
    """Return total pressure and partial pressure of oxygen [Pa] that steady flows [sccm] lead to."""
    argon_Pa, oxygen_Pa = argon_sccm * _PA_SCCM, oxygen_sccm * _PA_SCCM
    return _BASE_PA + argon_Pa + oxygen_Pa, oxygen_Pa


def wear_of(target_used_kWh: float) -> float:
    """Return the worn share of a target that has sputtered so much [kWh], 0 to 1."""
    return min(1.0, target_used_kWh / _REFERENCE_KWH)


class SputterChamber:
    """One magnetron with a shutter, two gases and a quartz monitor beside the samples.

    Power, shutter and flows are functions of time [s, monotonic]; the simulated instruments put
    themselves here, and bring the chamber up to the present before they change.

    Args:
        line: has the places.
        places: that face the target.
        target_used_kWh: how worn the target is at the start [kWh]; its race track throws narrower
            with wear, so the film grows thicker than the monitor tells.
    """

    def __init__(self, line: Line, places: Sequence[str], target_used_kWh: float = 2.0) -> None:
        self._line, self._places = line, tuple(places)
        self.target_used_kWh = target_used_kWh
        self.argon_sccm: Callable[[float], float] = lambda now_s: 0.0
        self.oxygen_sccm: Callable[[float], float] = lambda now_s: 0.0
        self.supplied_W: Callable[[float], float] = lambda now_s: 0.0
        self.uncovered: Callable[[float], bool] = lambda now_s: False
        """Whether the shutter is open."""
        self.pumping: Callable[[float], float] = lambda now_s: 1.0
        """Speed of the pump as a share of its full speed, 0 to 1."""
        self.vents: Callable[[float], bool] = lambda now_s: False
        """Whether a vent valve lets the room's air in."""
        self.power_W = 0.0
        """Power in the last step [W]."""
        self.shutter_open = False
        """Whether the shutter was open in the last step."""
        self.monitor_nm = 0.0
        """What the quartz has grown since it was new [nm]."""
        self.deposit: Deposit | None = None
        """What the discharge gave in the last step; None without a plasma."""
        self._rest_Pa, self._argon_Pa, self._oxygen_Pa = _BASE_PA, 0.0, 0.0
        self._index = int(line.clock.monotonic() // STEP_S)
        line.enclose(places, self)

    def let_in(self, gas: str, flow_sccm: Callable[[float], float]) -> None:
        """Take what flows into the chamber from an instrument.

        Args:
            gas: ``argon`` or ``oxygen``.
            flow_sccm: gives the flow [sccm] at an instant [s, monotonic].

        Raises:
            PlantError: another gas.
        """
        if gas not in ("argon", "oxygen"):
            raise PlantError(f"the chamber has no inlet for {gas}")
        setattr(self, f"{gas}_sccm", flow_sccm)

    @property
    def pressure_Pa(self) -> float:
        """Total pressure [Pa]."""
        return self._rest_Pa + self._argon_Pa + self._oxygen_Pa

    @property
    def burns(self) -> bool:
        """Whether there is a plasma: power, and gas enough to carry it."""
        return self.power_W > 0.0 and self.pressure_Pa > 0.05

    def advance(self, now_s: float | None = None) -> None:
        """Bring gas, target, monitor and samples up to `now_s` [s, monotonic]; the present when omitted."""
        now_s = self._line.clock.monotonic() if now_s is None else now_s
        until = int(now_s // STEP_S)
        while self._index < until:
            self._step(self._index * STEP_S)
            self._index += 1
            if self._rests(self._index * STEP_S, until * STEP_S):
                self._index = until

    def _rests(self, from_s: float, to_s: float) -> bool:
        """Return whether nothing changes between two instants: no power, and the gas is settled."""
        if self.power_W > 0.0 or self.supplied_W(from_s) > 0.0 or self.supplied_W(to_s) > 0.0:
            return False
        argon, oxygen = self.argon_sccm(from_s), self.oxygen_sccm(from_s)
        share = _pumped_share(self.pumping(from_s))
        if share != _pumped_share(self.pumping(to_s)) or self._rest_Pa != _BASE_PA / share**2:
            return False
        settled = self._argon_Pa == argon * _PA_SCCM / share and self._oxygen_Pa == oxygen * _PA_SCCM / share
        if self.vents(from_s) or self.vents(to_s):
            return False
        return settled and self.argon_sccm(to_s) == argon and self.oxygen_sccm(to_s) == oxygen

    def _step(self, now_s: float) -> None:
        self.power_W, self.shutter_open = self.supplied_W(now_s), self.uncovered(now_s)
        share = _pumped_share(self.pumping(now_s))
        self._rest_Pa = _emptied(self._rest_Pa, _AIR_PA if self.vents(now_s) else _BASE_PA / share**2)
        self._argon_Pa = _mixed(self._argon_Pa, self.argon_sccm(now_s) * _PA_SCCM / share)
        self._oxygen_Pa = _mixed(self._oxygen_Pa, self.oxygen_sccm(now_s) * _PA_SCCM / share)
        if not self.burns:
            self.deposit = None
            return
        wear = wear_of(self.target_used_kWh)
        deposit = self.deposit = deposit_of(self.power_W, self.pressure_Pa, self._oxygen_Pa, wear)
        self.target_used_kWh += self.power_W * STEP_S / 3.6e6
        if not self.shutter_open:
            return
        grown_nm = deposit.rate_nm_s * STEP_S
        self.monitor_nm += grown_nm
        for place in self._places:
            film = self._line.occupant(place)
            if film is not None:
                film.deposit(
                    grown_nm * film_to_monitor_ratio(self.target_used_kWh),
                    vacancies_cm3=deposit.vacancies_cm3,
                    grain_nm=deposit.grain_nm,
                    disorder=deposit.disorder,
                )


def _pumped_share(speed: float) -> float:
    """Return how well a turbo pump at a share of its speed pumps; at rest its backing pump is left (invented)."""
    return 0.01 + 0.99 * speed


def _emptied(before_Pa: float, target_Pa: float) -> float:
    """Return the pressure of what is left of air after a step; above 10 Pa only the backing pump counts."""
    if before_Pa < _ROUGH_PA and target_Pa < _ROUGH_PA:
        return _mixed(before_Pa, target_Pa)
    return before_Pa + (target_Pa - before_Pa) * _EMPTIED


def _mixed(before_Pa: float, target_Pa: float) -> float:
    after_Pa = before_Pa + (target_Pa - before_Pa) * _MIXED
    return target_Pa if abs(after_Pa - target_Pa) < _SETTLED_PA else after_Pa
