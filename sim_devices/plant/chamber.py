"""A sputter chamber: gas, plasma, target and the samples that face it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from sim_devices.plant.discharge import Deposit, deposit_of, film_to_monitor_ratio
from sim_devices.plant.line import Line

STEP_S = 1.0
"""The chamber advances on this grid [s] while the plasma burns."""
_SCCM_PA_M3_S = 101_325.0e-6 / 60.0  # one standard cubic centimetre a minute
_PUMP_M3_S = 0.08  # invented: throttled turbo pump, 0.42 Pa at 20 sccm
_BASE_PA = 2.0e-4  # invented
_MIXING_S = 3.0  # invented: chamber volume over pumping speed, with the gas lines
_REFERENCE_KWH = 60.0  # invented: life of the target


class SputterChamber:
    """One magnetron with a shutter, two gases and a quartz monitor beside the samples.

    Args:
        line: has the places.
        places: that face the target.
        target_used_kWh: how worn the target is at the start [kWh]; its race track throws narrower
            with wear, so the film grows thicker than the monitor tells.
    """

    def __init__(self, line: Line, places: Sequence[str], target_used_kWh: float = 2.0) -> None:
        self._line, self._places = line, tuple(places)
        self.target_used_kWh = target_used_kWh
        self.argon_sccm: Callable[[], float] = lambda: 0.0
        """Flow that comes in [sccm]; the flow controllers put themselves here."""
        self.oxygen_sccm: Callable[[], float] = lambda: 0.0
        self.power_W = 0.0
        self.shutter_open = False
        self.monitor_nm = 0.0
        """What the quartz has grown since it was new [nm]."""
        self.deposit: Deposit | None = None
        """What the discharge gave in the last step; None without a plasma."""
        self._argon_Pa, self._oxygen_Pa = 0.0, 0.0
        self._now_s = line.clock.monotonic()
        line.enclose(places, self)

    @property
    def pressure_Pa(self) -> float:
        """Total pressure [Pa]."""
        return _BASE_PA + self._argon_Pa + self._oxygen_Pa

    @property
    def burns(self) -> bool:
        """Whether there is a plasma: power, and gas enough to carry it."""
        return self.power_W > 0.0 and self.pressure_Pa > 0.05

    def advance(self, now_s: float | None = None) -> None:
        """Bring gas, target, monitor and samples up to `now_s` [s, monotonic]; the present when omitted."""
        now_s = self._line.clock.monotonic() if now_s is None else now_s
        while now_s - self._now_s > 1e-9:
            # A plasma needs a fine grid; gas alone relaxes exactly over any time.
            step_s = min(STEP_S, now_s - self._now_s) if self.power_W > 0.0 else now_s - self._now_s
            self._mix(step_s)
            self._grow(step_s)
            self._now_s += step_s

    def _mix(self, step_s: float) -> None:
        share = -math.expm1(-step_s / _MIXING_S)
        self._argon_Pa += (self.argon_sccm() * _SCCM_PA_M3_S / _PUMP_M3_S - self._argon_Pa) * share
        self._oxygen_Pa += (self.oxygen_sccm() * _SCCM_PA_M3_S / _PUMP_M3_S - self._oxygen_Pa) * share

    def _grow(self, step_s: float) -> None:
        if not self.burns:
            self.deposit = None
            return
        wear = min(1.0, self.target_used_kWh / _REFERENCE_KWH)
        deposit = self.deposit = deposit_of(self.power_W, self.pressure_Pa, self._oxygen_Pa, wear)
        self.target_used_kWh += self.power_W * step_s / 3.6e6
        if not self.shutter_open:
            return
        grown_nm = deposit.rate_nm_s * step_s
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
