"""A tube furnace: what its heater power makes of the wall's temperature and of the samples inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim_devices.plant.film import Film
from sim_devices.plant.line import Line

STEP_S = 5.0
"""The furnace advances on this grid [s], so how often one looks makes no difference."""
FULL_POWER_K_S = 0.55
"""Heating of the wall at full power [K/s]; invented: 33 K/min when cold."""
_LOSS_S = 3000.0  # invented: time constant of the loss through the insulation
_STEFAN_K_S = 6.0e-14  # invented: radiation of the tube's ends, per kelvin to the fourth power
_KELVIN = 273.15
_NEAR_ROOM_K = 2.0

Controller = Callable[[float, float], float]
"""Takes the wall temperature [degC] and a time step [s]; returns the heater power, 0 to 1."""


def wall_slope_K_s(wall_degC: float, room_degC: float, power: float) -> float:
    """Return how fast the wall's temperature rises [K/s]: heat in less what conduction and radiation take.

    Args:
        wall_degC: temperature of the wall [degC].
        room_degC: of the air around the furnace [degC].
        power: of the heater, 0 to 1.
    """
    wall_K, room_K = wall_degC + _KELVIN, room_degC + _KELVIN
    loss_K_s = (wall_K - room_K) / _LOSS_S + _STEFAN_K_S * (wall_K**4 - room_K**4)
    return FULL_POWER_K_S * power - loss_K_s


def is_cold(wall_degC: float, room_degC: float, power: float) -> bool:
    """Return whether the furnace has taken the room's temperature [degC] and stays there."""
    return power == 0.0 and abs(wall_degC - room_degC) < _NEAR_ROOM_K


def keep_in_tube(film: Film, wall_degC: float, oxygen_fraction: float, *, cold: bool) -> None:
    """Let a film lie in the tube for one step.

    Args:
        film: advanced by `STEP_S`.
        wall_degC: temperature of the wall [degC].
        oxygen_fraction: oxygen in the tube's gas, 0 to 1.
        cold: whether the wall has the room's temperature.
    """
    if cold:
        film.rest(wall_degC)
    else:
        film.heat(STEP_S, wall_degC, oxygen_fraction)


class TubeFurnace:
    """A wall with a heater, and the samples that follow its temperature.

    One heat capacity, conduction to the room and radiation from the ends; all numbers are invented
    to give a usual tube furnace: 33 K/min and 1070 degC at most, 1.5 h from 400 to 80 degC.

    Args:
        line: has the places and the room's air.
        places: inside the tube.
        oxygen_fraction: oxygen in the tube's gas, 0 to 1; air is 0.21.
    """

    def __init__(self, line: Line, places: Sequence[str], oxygen_fraction: float = 0.21) -> None:
        self._line, self._places, self._oxygen = line, tuple(places), oxygen_fraction
        self.controller: Controller = lambda wall_degC, step_s: 0.0
        """Decides on the heater power; the simulated instrument puts itself here."""
        self.heater_works: Callable[[], bool] = lambda: True
        self.wall_degC = line.ambient.temperature_degC()
        self.power = 0.0
        """Heater power in the last step, 0 to 1."""
        self._index = int(line.clock.monotonic() // STEP_S)
        line.enclose(places, self)

    def advance(self, now_s: float | None = None) -> None:
        """Bring wall and samples up to `now_s` [s, monotonic]; the present when omitted."""
        now_s = self._line.clock.monotonic() if now_s is None else now_s
        until = int(now_s // STEP_S)
        while self._index < until:
            self._step(self._index * STEP_S)
            self._index += 1

    def _step(self, now_s: float) -> None:
        room = self._line.ambient.temperature_degC(now_s)
        wanted = min(1.0, max(0.0, self.controller(self.wall_degC, STEP_S)))
        self.power = wanted if wanted == 0.0 or self.heater_works() else 0.0
        if cold := is_cold(self.wall_degC, room, self.power):
            self.wall_degC = room
        else:
            self.wall_degC += wall_slope_K_s(self.wall_degC, room, self.power) * STEP_S
        for place in self._places:
            film = self._line.occupant(place)
            if film is not None:
                keep_in_tube(film, self.wall_degC, self._oxygen, cold=cold)
