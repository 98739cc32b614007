"""The line for indium tin oxide, straight from the physics of the simulated plant: one film in a millisecond or so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labctl.trials import Continuous, SearchSpace

SPACE = SearchSpace(
    (
        Continuous("power", 40.0, 250.0, "W"),
        Continuous("oxygen", 0.02, 2.0, "sccm", "log"),
        Continuous("thickness", 60.0, 300.0, "nm"),
        Continuous("temperature", 150.0, 520.0, "degC"),
        Continuous("ramp", 2.0, 25.0, "K/min"),
        Continuous("dwell", 10.0, 120.0, "min", "log"),
    )
)
"""Of examples/ito, with a continuous dwell."""
_STEP_S, _COOL_K_S = 30.0, 0.08


@dataclass(frozen=True)
class Line:
    """The line with its constants; other ones make a simulation that is roughly right."""

    wear_kWh: float = 2.0
    thickness_factor: float = 1.0
    temperature_K: float = 0.0
    """How much hotter the samples are than what is asked."""
    oxygen_factor: float = 1.0

    def film(self, recipe: Mapping[str, Any], temperature: float | None = None) -> float:
        """Return log10 of the figure of merit [log10(1/ohm)], NaN where the film breaks; `temperature` is as run."""
        from sim_devices.plant.chamber import settled_Pa, wear_of
        from sim_devices.plant.discharge import deposit_of, film_to_monitor_ratio
        from sim_devices.plant.film import Film

        film = Film(roughness_nm=1.0)
        total_Pa, oxygen_Pa = settled_Pa(20.0, recipe["oxygen"] * self.oxygen_factor)
        made = deposit_of(recipe["power"], total_Pa, oxygen_Pa, wear_of(self.wear_kWh))
        grown_nm = recipe["thickness"] * film_to_monitor_ratio(self.wear_kWh) * self.thickness_factor
        film.deposit(grown_nm, vacancies_cm3=made.vacancies_cm3, grain_nm=made.grain_nm, disorder=made.disorder)
        top = (recipe["temperature"] if temperature is None else temperature) + self.temperature_K
        wall = 22.0
        while wall < top:
            wall = min(top, wall + recipe["ramp"] / 60.0 * _STEP_S)
            film.heat(_STEP_S, wall, 0.21)
        for _ in range(int(recipe["dwell"] * 60.0 / _STEP_S)):
            film.heat(_STEP_S, top, 0.21)
        while wall > 80.0:
            wall -= _COOL_K_S * _STEP_S
            film.heat(_STEP_S, wall, 0.21)
        merit = film.figure_of_merit if film.is_whole else 0.0
        return math.log10(merit) if merit > 0 else math.nan

    @staticmethod
    def hours(recipe: Mapping[str, Any]) -> float:
        """Return what a film costs [lab hours]: an hour of moves and measurements besides what its recipe takes."""
        deposition = recipe["thickness"] / (1.9e-3 * recipe["power"]) / 3600.0
        programme = ((recipe["temperature"] - 22.0) / recipe["ramp"] + recipe["dwell"]) / 60.0
        return 1.0 + deposition + programme + (recipe["temperature"] - 80.0) / _COOL_K_S / 3600.0


def furnace_K(rng: Any, hot_K: float, scatter_K: float) -> float:
    """Return how much hotter one of two imperfect furnaces gets than it is asked: one hot_K, one 5 K, and scatter."""
    return float((hot_K, 5.0)[int(rng.integers(2))] + scatter_K * rng.normal())
