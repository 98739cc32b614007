"""A simulated Eurotherm 3216 on a simulated tube furnace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusError, ModbusInstrument
from sim_devices.plant import TubeFurnace
from sim_devices.wire import Fault

_AUTOMATIC, _OFF = 0, 2
_RESET, _RUN, _HELD, _END = 0, 1, 2, 3
_ENDS_OFF = 0
_SENSOR_BREAK_DEGC = 1372.0
NOISE_K = 0.08
"""Of one temperature reading, standard deviation [K]."""


class SimEurotherm3216(ModbusInstrument):
    """Registers, PID loop, set-point ramp and dwell timer.

    Source: Eurotherm 3200 Series Engineering Handbook HA028651 issue 7, sections 5.5 and 15.5. Tuned so
    that a fast ramp overshoots by a few kelvin, as a real furnace does.
    """

    reply_delay_s = 0.012
    fault_kinds: ClassVar = {
        "dead_heater": "the element is broken: no heat whatever the output",
        "stuck_readback": "the temperature register keeps its value",
        "sensor_break": "the thermocouple is open",
        "detuned": "the loop's gain is divided by `amount`, which no register shows: above 1 it overshoots more",
    }

    def __init__(self, clock: Clock, seed: int | str, furnace: TubeFurnace, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._furnace = furnace
        furnace.controller, furnace.heater_works = self._control, lambda: self.faults.active("dead_heater") is None
        self._target, self._rate, self._dwell_min, self._threshold = 0.0, 5.0, 0.0, 2.0
        self._mode, self._timer, self._dwelt_s = _OFF, _RESET, 0.0
        self._working = furnace.wall_degC
        self._integral, self._output, self._alarm = 0.0, 0.0, 1250.0
        self._last_degC = furnace.wall_degC
        self._shown_degC = furnace.wall_degC
        self._tenths: dict[int, Callable[[], float]] = {
            1: self._temperature,
            2: lambda: self._target,
            3: lambda: 0.0,
            4: lambda: 100.0 * self._output,
            5: lambda: self._working,
            6: lambda: 40.0,
            13: lambda: self._alarm,
            35: lambda: self._rate,
            111: lambda: 1200.0,
            112: lambda: 0.0,
            324: lambda: self._dwell_min,
            326: self._remaining_min,
            327: lambda: self._threshold,
        }
        self._whole: dict[int, Callable[[], int]] = {
            8: lambda: 240,
            9: lambda: 24,
            23: lambda: self._timer,
            75: self._status,
            107: lambda: 0x0123,
            122: lambda: 0x3216,
            273: lambda: self._mode,
            328: lambda: _ENDS_OFF,
        }

    def _control(self, wall_degC: float, step_s: float) -> float:
        """Advance set point, timer and PID loop; return the output, 0 to 1."""
        broken = self.faults.active("sensor_break") is not None or wall_degC > 1300.0
        if self._mode != _AUTOMATIC or broken or not self.has_power:
            self._output, self._integral, self._working = 0.0, 0.0, wall_degC
            return 0.0
        reach = self._rate / 60.0 * step_s
        self._working += max(-reach, min(reach, self._target - self._working))
        self._time(wall_degC, step_s)
        error = self._working - wall_degC
        slope = (wall_degC - self._last_degC) / step_s
        self._last_degC = wall_degC
        detuned = self.faults.active("detuned")
        proportional = error / 40.0 / (1.0 if detuned is None else detuned.amount)
        wanted = proportional + self._integral - slope * 0.6
        if 0.0 < wanted < 1.0 or (wanted >= 1.0 and error < 0.0) or (wanted <= 0.0 and error > 0.0):
            self._integral += proportional * step_s / 240.0
        self._output = min(1.0, max(0.0, wanted))
        return self._output

    def _time(self, wall_degC: float, step_s: float) -> None:
        if self._timer != _RUN or abs(self._working - self._target) > 1e-6:
            return
        if self._dwelt_s > 0.0 or abs(wall_degC - self._target) <= self._threshold:
            self._dwelt_s += step_s
        if self._dwelt_s >= self._dwell_min * 60.0 and self._dwelt_s > 0.0:
            self._timer, self._mode = _END, _OFF

    def _temperature(self) -> float:
        if self.faults.active("sensor_break") is not None:
            return _SENSOR_BREAK_DEGC
        if self.faults.active("stuck_readback") is None:
            self._shown_degC = self._furnace.wall_degC + self.random.gauss(0.0, NOISE_K)
        return self._shown_degC

    def _status(self) -> int:
        alarm = 1 if self._furnace.wall_degC > self._alarm else 0
        return alarm | (0x20 if self.faults.active("sensor_break") is not None else 0)

    def _remaining_min(self) -> float:
        return max(0.0, self._dwell_min - self._dwelt_s / 60.0)

    def read_register(self, address: int) -> int:
        """Return a register; numbers have one decimal place."""
        self._furnace.advance()
        if address in self._tenths:
            return round(self._tenths[address]() * 10.0) & 0xFFFF
        if address in self._whole:
            return self._whole[address]()
        raise ModbusError(ILLEGAL_ADDRESS)

    def write_register(self, address: int, word: int) -> None:
        """Set a register."""
        self._furnace.advance()
        value = (word - 0x10000 if word & 0x8000 else word) / 10.0
        if address == 2:
            self._target = _within(value, 0.0, 1200.0)
        elif address == 13:
            self._alarm = _within(value, 0.0, 1300.0)
        elif address == 35:
            self._rate = _within(value, 0.1, 100.0)
        elif address == 327:
            self._threshold = _within(value, 0.1, 50.0)
        elif address == 324:
            self._dwell_min = _within(value, 0.0, 3000.0)
        elif address == 23:
            self._set_timer(int(_within(word, 0, 3)))
        elif address == 273:
            self._set_mode(int(_within(word, 0, 2)))
        else:
            raise ModbusError(ILLEGAL_ADDRESS)

    @override
    def power_down(self) -> None:
        """Lose the power: the heater is off."""
        self._furnace.advance()
        super().power_down()
        self._output = 0.0

    @override
    def power_up(self) -> None:
        """Start with the programme reset; the loop is closed where it was: the heater makes for the target again.

        Source: HA028651 issue 7, section 5.8.1, servo mode SP or PV. It does not say what becomes of the mode; that
        it is kept is the unfavourable answer.
        """
        self._furnace.advance()
        super().power_up()
        self._timer, self._dwelt_s = _RESET, 0.0
        self._working = self._last_degC = self._furnace.wall_degC

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the loop is closed: the heater gets what it asks for."""
        self._furnace.advance()
        closed = self.has_power and self._mode == _AUTOMATIC
        return (f"control on, wall at {self._furnace.wall_degC:.0f} degC",) if closed else ()

    def _set_timer(self, state: int) -> None:
        if state == _RESET:
            self._dwelt_s = 0.0
        self._timer = state

    def _set_mode(self, mode: int) -> None:
        if mode == _AUTOMATIC and self._mode != _AUTOMATIC:
            self._working = self._last_degC = self._furnace.wall_degC  # servo to the measured value
        if mode != _AUTOMATIC:
            self._output = 0.0
        self._mode = mode


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ModbusError(ILLEGAL_VALUE)
    return value
