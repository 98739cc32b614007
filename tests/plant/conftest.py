"""A bare plant: line, chamber and furnace without any instrument."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from labctl.clock import VirtualClock
from sim_devices.plant import Film, Line, SputterChamber, TubeFurnace


class Plant:
    """Places in a rack, a chamber and a furnace, on simulated time that the tests move."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = VirtualClock(stall_s=20)
        self.line = Line(self.clock, seed)
        self.line.add_places("rack", 3)
        self.line.load_substrates("rack")
        self.chamber = SputterChamber(self.line, self.line.add_places("chamber", 2))
        self.furnace = TubeFurnace(self.line, self.line.add_places("furnace", 2))


@pytest.fixture
def make_plant() -> Iterator[Callable[..., Plant]]:
    made: list[Plant] = []

    def make(seed: int = 1) -> Plant:
        made.append(Plant(seed))
        return made[-1]

    yield make
    for plant in made:
        plant.clock.close()


def as_deposited(thickness_nm: float = 150.0, **changes: float) -> Film:
    """Return a film as 100 W and 0.3 sccm oxygen give it."""
    film = Film(serial="S", roughness_nm=changes.pop("roughness_nm", 1.0))
    film.deposit(thickness_nm, **{"vacancies_cm3": 4.0e20, "grain_nm": 8.0, "disorder": 0.6} | changes)
    return film


def anneal(film: Film, peak_degC: float, minutes: float = 60.0, ramp_K_min: float = 8.0, oxygen: float = 0.21) -> Film:
    """Ramp up, dwell and ramp down in steps of 5 s; return the film."""
    degC = film.temperature_degC
    while degC < peak_degC:
        degC = min(peak_degC, degC + ramp_K_min / 12.0)
        film.heat(5.0, degC, oxygen)
    for _ in range(int(minutes * 12)):
        film.heat(5.0, peak_degC, oxygen)
    while degC > 40.0:
        degC -= min(ramp_K_min, 4.0) / 12.0
        film.heat(5.0, degC, oxygen)
    return film
