"""A tube furnace: what its heater power makes of the wall's temperature and of the samples inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim_devices.plant.line import Line

STEP_S = 5.0
"""The furnace advances on this grid [s], so how often one looks makes no difference."""
_FULL_POWER_K_S = 0.55  # invented: 33 K/min at full power when cold
_LOSS_S = 3000.0  # invented: time constant of the loss through the insulation
_STEFAN_K_S = 6.0e-14  # invented: radiation of the tube's ends, per kelvin to the fourth power
_KELVIN = 273.15
_NEAR_ROOM_K = 2.0

Controller = Callable[[float, float], float]
"""Takes the wall temperature [degC] and a time step [s]; returns the heater power, 0 to 1."""


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
        cold = self.power == 0.0 and abs(self.wall_degC - room) < _NEAR_ROOM_K
        if cold:
            self.wall_degC = room
        else:
            wall_K, room_K = self.wall_degC + _KELVIN, room + _KELVIN
            loss_K_s = (wall_K - room_K) / _LOSS_S + _STEFAN_K_S * (wall_K**4 - room_K**4)
            self.wall_degC += (_FULL_POWER_K_S * self.power - loss_K_s) * STEP_S
        for place in self._places:
            film = self._line.occupant(place)
            if film is not None:
                if cold:
                    film.rest(room)
                else:
                    film.heat(STEP_S, self.wall_degC, self._oxygen)
