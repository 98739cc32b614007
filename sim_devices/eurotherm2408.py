"""A simulated Eurotherm 2408 on a simulated tube furnace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.heater_loop import HeaterLoop, HeatingInstrument
from sim_devices.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusError, ModbusInstrument
from sim_devices.plant import TubeFurnace
from sim_devices.wire import Fault

_AUTO, _MANUAL = 0, 1
_SENSOR_BREAK_DEGC = 1372.0
_ALARM, _IN_MANUAL, _SENSOR_BREAK, _LOOP_BREAK = 0x01, 0x10, 0x20, 0x40
NOISE_K = 0.08
"""Of one temperature reading, standard deviation [K]."""


class SimEurotherm2408(HeatingInstrument, ModbusInstrument):
    """Registers of one loop: set point with a rate limit, automatic and manual output, alarm 1, sensor break.

    Source: Eurotherm, Series 2000 Communications Handbook HA026230, chapter 5 'Modbus addresses'; one decimal place.
    After a power failure it goes on in the mode it had, as the 2400 series does without a programmer.
    """

    reply_delay_s = 0.012
    fault_kinds: ClassVar = {
        "dead_heater": "the element is broken: no heat whatever the output",
        "stuck_readback": "the temperature register keeps its value",
        "sensor_break": "the thermocouple is open",
    }

    def __init__(self, clock: Clock, seed: int | str, furnace: TubeFurnace, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        furnace.heater_works = lambda: self.faults.active("dead_heater") is None
        self._loop, self._alarm_degC, self._shown_degC = HeaterLoop(furnace), 1250.0, furnace.wall_degC
        self._loop.rate_K_min = 5.0

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the heater is on."""
        self._loop.advance()
        if not self.has_power:
            return ()
        told = [f"heater at {100 * self._loop.output:.0f} %"] if self._loop.output > 0.0 else []
        if self._loop.is_on and self._loop.target_degC > 30.0:
            told.append(f"controls to {self._loop.target_degC:g} degC")
        return tuple(told)

    def _temperature(self) -> float:
        broken = self.faults.active("sensor_break") is not None
        self._loop.has_sensor = not broken
        if broken:
            return _SENSOR_BREAK_DEGC
        measured = self._loop.measured_degC
        if self.faults.active("stuck_readback") is None:
            self._shown_degC = measured + self.random.gauss(0.0, NOISE_K)
        return self._shown_degC

    def _status(self) -> int:
        self._temperature()
        word = 0 if self._loop.has_sensor else _SENSOR_BREAK
        word |= 0 if self._loop.is_on else _IN_MANUAL
        return word | (_ALARM if self._loop.measured_degC > self._alarm_degC else 0)

    @override
    def read_register(self, address: int) -> int:
        """Return a register; numbers have one decimal place."""
        loop = self._loop
        tenths: dict[int, Callable[[], float]] = {
            1: self._temperature,
            2: lambda: loop.target_degC,
            3: lambda: 100.0 * (loop.output if loop.is_on else loop.manual),
            4: lambda: 100.0 * loop.output,
            5: lambda: loop.working_degC,
            6: lambda: 40.0,
            13: lambda: self._alarm_degC,
            24: lambda: loop.target_degC,
            35: lambda: loop.rate_K_min,
            111: lambda: 1200.0,
            112: lambda: 0.0,
        }
        whole: dict[int, Callable[[], int]] = {
            8: lambda: 240,
            9: lambda: 24,
            75: self._status,
            107: lambda: 0x0461,
            122: lambda: 0x2480,
            273: lambda: _AUTO if loop.is_on else _MANUAL,
        }
        loop.advance()
        if address in tenths:
            return round(tenths[address]() * 10.0) & 0xFFFF
        if address in whole:
            return whole[address]()
        raise ModbusError(ILLEGAL_ADDRESS)

    @override
    def write_register(self, address: int, word: int) -> None:
        """Set a register within its limits."""
        loop, value = self._loop, (word - 0x10000 if word & 0x8000 else word) / 10.0
        loop.advance()
        if address in (2, 24) and 0.0 <= value <= 1200.0:
            loop.target_degC = value
        elif address == 3 and not loop.is_on and 0.0 <= value <= 100.0:
            loop.manual = value / 100.0
        elif address == 13 and 0.0 <= value <= 1300.0:
            self._alarm_degC = value
        elif address == 35 and 0.0 <= value <= 999.9:
            loop.rate_K_min = value
        elif address == 273 and word in (_AUTO, _MANUAL):
            loop.manual = loop.output  # bumpless
            loop.is_on = word == _AUTO
        else:
            known = (2, 3, 13, 24, 35, 273)
            raise ModbusError(ILLEGAL_VALUE if address in known else ILLEGAL_ADDRESS)
