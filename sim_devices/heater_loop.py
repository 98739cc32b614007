"""A temperature controller's loop on a simulated furnace: ramp, PID, limits."""

from __future__ import annotations

from typing_extensions import override

from sim_devices.plant import TubeFurnace
from sim_devices.wire import Instrument


class HeaterLoop:
    """A PID loop whose set point follows its target at a limited rate; it drives the furnace.

    Tuned so that a step overshoots by a few kelvin, as a real furnace does; the numbers are invented.

    Args:
        furnace: is heated.
        proportional_K: band over which the output goes from none to all [K].
        integral_s: time in which a steady error doubles the output [s].
    """

    def __init__(self, furnace: TubeFurnace, proportional_K: float = 40.0, integral_s: float = 240.0) -> None:
        self._furnace, self._band_K, self._integral_s = furnace, proportional_K, integral_s
        furnace.controller = self._control
        self.is_on = False
        """Whether the loop controls; without it the output is `manual`."""
        self.has_sensor = True
        """Whether the thermocouple is whole; without one there is no heat."""
        self.has_power = True
        """Whether the controller runs; without power there is no heat, and afterwards it begins where the wall is."""
        self.manual = 0.0
        """Output without the loop, 0 to 1."""
        self.target_degC = 20.0
        self.working_degC = furnace.wall_degC
        """Set point in force: on its way to the target."""
        self.rate_K_min = 0.0
        """How fast the set point moves [K/min]; 0 is at once."""
        self.output = 0.0
        self._sum, self._last_degC = 0.0, furnace.wall_degC

    @property
    def measured_degC(self) -> float:
        """Temperature of the furnace, brought up to the present [degC]."""
        self._furnace.advance()
        return self._furnace.wall_degC

    def advance(self) -> None:
        """Bring the furnace up to the present, before a setting changes."""
        self._furnace.advance()

    def _control(self, wall_degC: float, step_s: float) -> float:
        slope, self._last_degC = (wall_degC - self._last_degC) / step_s, wall_degC
        if not self.is_on or not self.has_sensor or not self.has_power:
            self.working_degC, self._sum = wall_degC, 0.0
            self.output = self.manual if self.has_sensor and self.has_power else 0.0
            return self.output
        away = self.target_degC - self.working_degC
        reach = self.rate_K_min / 60.0 * step_s if self.rate_K_min else abs(away)
        self.working_degC += max(-reach, min(reach, away))
        error = self.working_degC - wall_degC
        wanted = error / self._band_K + self._sum - 0.6 * slope
        if 0.0 < wanted < 1.0 or (wanted >= 1.0) == (error < 0.0):
            self._sum += error / self._band_K * step_s / self._integral_s
        self.output = min(1.0, max(0.0, wanted))
        return self.output


class HeatingInstrument(Instrument):
    """A controller that loses its heat with the power, and heats again by itself with the settings there were."""

    _loop: HeaterLoop

    @override
    def power_down(self) -> None:
        """Lose the power, and with it the heat."""
        super().power_down()
        self._loop.advance()
        self._loop.has_power = False

    @override
    def power_up(self) -> None:
        """Go on with the settings there were: it heats again by itself."""
        super().power_up()
        self._loop.advance()
        self._loop.has_power = True
