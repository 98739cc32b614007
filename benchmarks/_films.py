"""Films computed straight from the physics: what an effect truly is, one quantity changed, all others kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Film:
    """How one film was made."""

    thickness: float
    temperature: float
    oxygen_flow: float
    wear: float
    overshoot: float
    roughness: float
    humidity: float
    idle_h: float

    def resistance(self) -> float:
        """Return the sheet resistance [ohm] after 20 min at the temperature, 15 K/min, 40 W."""
        from sim_devices.plant.chamber import settled_Pa, wear_of
        from sim_devices.plant.discharge import deposit_of, film_to_monitor_ratio
        from sim_devices.plant.film import Film as Plate

        film = Plate(roughness_nm=self.roughness)
        total_Pa, oxygen_Pa = settled_Pa(20.0, self.oxygen_flow)
        made = deposit_of(40.0, total_Pa, oxygen_Pa, wear_of(self.wear))
        grown_nm = self.thickness * film_to_monitor_ratio(self.wear)
        film.deposit(grown_nm, vacancies_cm3=made.vacancies_cm3, grain_nm=made.grain_nm, disorder=made.disorder)
        for _ in range(int(12 * self.idle_h)):
            film.expose(300.0, self.humidity)
        wall_degC = 22.0
        while wall_degC < self.temperature:
            wall_degC = min(self.temperature, wall_degC + 2.5)
            film.heat(10.0, wall_degC, 0.21)
        for time_s in range(0, 1200, 10):
            over_K = self.overshoot * np.e * time_s / 400.0 * np.exp(-time_s / 400.0)
            film.heat(10.0, self.temperature + over_K, 0.21)
        while wall_degC > 80.0:
            wall_degC -= 0.3 + (wall_degC - 22.0) / 150.0
            film.heat(20.0, wall_degC, 0.21)
        return film.sheet_resistance_ohm


RANGES = {
    "thickness": (70.0, 80.0),
    "temperature": (250.0, 260.0),
    "oxygen_flow": (0.28, 0.32),
    "wear": (1.0, 14.0),
    "overshoot": (6.0, 30.0),
    "roughness": (0.6, 1.6),
    "humidity": (25.0, 65.0),
    "idle_h": (2.0, 9.0),
}
SET = ("thickness", "temperature", "oxygen_flow")


def covered(n_seeds: int, n_samples: int) -> tuple[int, int]:
    """Return how many intervals of 95 % held the true effect, and how many there were, over made sets of films."""
    from labctl.records._explain import _Search
    from labctl.records._measured import Measured

    n_held, n = 0, 0
    for seed in range(n_seeds):
        rng = np.random.default_rng([seed, 7])
        films = [Film(**{name: rng.uniform(*ends) for name, ends in RANGES.items()}) for _ in range(n_samples)]
        values = np.array([film.resistance() for film in films]) * (1 + 3e-4 * rng.normal(size=n_samples))
        keys = {name: f"asked.film.{name}" if name in SET else f"wear.film.{name}" for name in RANGES}
        columns: dict[str, Any] = {key: [getattr(film, name) for film in films] for name, key in keys.items()}
        columns |= {f"before.film.noise_{k}": list(rng.normal(size=n_samples)) for k in range(30)}
        names = tuple(f"film-{k}" for k in range(n_samples))
        found = _Search(Measured("resistance", "ohm", names, values, columns, {}, ("film",), {}), rng).explanation()
        of_key = {one.quantity: one for one in found.of("explains", "one of several")}
        for name, key in keys.items():
            if (one := of_key.get(key)) is not None:
                ends = [_mean_log(films, name, value) for value in (one.begin, one.end)]
                n, n_held = n + 1, n_held + (one.low <= 100 * np.expm1(ends[1] - ends[0]) <= one.high)
    return n_held, n


def _mean_log(films: list[Film], name: str, value: float) -> float:
    return float(np.mean([np.log(replace(film, **{name: value}).resistance()) for film in films]))
