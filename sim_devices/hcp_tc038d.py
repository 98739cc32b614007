"""A simulated HCP TC038D oven controller."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.heater_loop import HeaterLoop, HeatingInstrument
from sim_devices.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusError, ModbusInstrument
from sim_devices.plant import TubeFurnace
from sim_devices.wire import Fault

_TEMPERATURE, _SETPOINT, _ALARMS = 0x0000, 0x0106, 0x010A
_LOWEST, _HIGHEST = 200, 2000
_ALARM_WORDS = range(_ALARMS, _ALARMS + 4)
NOISE_K = 0.05
"""Of one temperature reading, standard deviation [K]."""


class SimHcpTC038D(HeatingInstrument, ModbusInstrument):
    """Four-byte registers in tenths of a degree: temperature 0x0000, set point 0x0106, alarm values from 0x010A.

    Source: HC Photonics, TC038D Temperature Controller User Manual, chapter 'Communication' (functions 3, 6, 8, 16;
    four-byte addresses), with the examples there.
    """

    reply_delay_s = 0.015
    fault_kinds: ClassVar = {
        "dead_heater": "the element is broken: no heat whatever the output",
        "stuck_readback": "the temperature keeps its value",
    }

    def __init__(self, clock: Clock, seed: int | str, furnace: TubeFurnace, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        furnace.heater_works = lambda: self.faults.active("dead_heater") is None
        self._loop = HeaterLoop(furnace)
        self._loop.is_on = True
        self._words = dict.fromkeys(_ALARM_WORDS, 0)
        self._pending: dict[int, int] = {}
        self._shown = 0

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the oven is to be warm."""
        is_warm = self.has_power and self._loop.target_degC > 30.0
        return (f"set point {self._loop.target_degC:g} degC",) if is_warm else ()

    @override
    def read_register(self, address: int) -> int:
        """Return half of a four-byte register, the high one first."""
        if address in self._words:
            return self._words[address]
        base, is_low = address & ~1, address & 1
        if base == _TEMPERATURE:
            if not is_low and self.faults.active("stuck_readback") is None:
                self._shown = round(10.0 * (self._loop.measured_degC + self.random.gauss(0.0, NOISE_K)))
            return _halves(self._shown)[is_low]
        if base == _SETPOINT:
            return _halves(round(10.0 * self._loop.target_degC))[is_low]
        raise ModbusError(ILLEGAL_ADDRESS)

    @override
    def write_register(self, address: int, word: int) -> None:
        """Set half of a register; a set point counts when both halves are there."""
        if address in self._words:
            self._words[address] = word
            return
        if address & ~1 != _SETPOINT:
            raise ModbusError(ILLEGAL_ADDRESS)
        self._pending[address & 1] = word
        if address & 1:
            (value,) = struct.unpack(">i", struct.pack(">HH", self._pending.get(0, 0), word))
            self._pending = {}
            if not _LOWEST <= value <= _HIGHEST:
                raise ModbusError(ILLEGAL_VALUE)
            self._loop.advance()
            self._loop.target_degC = value / 10.0


def _halves(value: int) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">i", value))
    return high, low
