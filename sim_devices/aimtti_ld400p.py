"""A simulated Aim-TTi LD400P electronic load on a small supply."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.scpi import ILLEGAL_VALUE, Handler, ScpiError, ScpiInstrument, boolean, number
from sim_devices.wire import Fault

_SOURCE_V, _SOURCE_OHM = 5.0, 0.05  # invented: what it is connected to
_MODES = {"C": ("A", 80.0), "P": ("W", 400.0), "R": ("OHM", 10_000.0), "G": ("SIE", 40.0), "V": ("V", 80.0)}
"""Unit and highest level of each mode."""
_NOISE_A, _NOISE_V = 2e-4, 5e-4


class SimAimTTiLD400P(ScpiInstrument):
    """Constant current, power, resistance, conductance or voltage; two levels, one of which is chosen.

    Source: Aim-TTi, LD400 and LD400P Instruction Manual 48511-1790 issue 4, chapter 'Remote commands' (MODE, LVLSEL, A,
    B, INP, V?, I?); replies echo the command and have units.
    """

    reply_end = b"\r\n"
    reply_delay_s = 0.01
    identity = "THURLBY THANDAR, LD400P, 000000, 1.10-1.06"
    fault_kinds: ClassVar = {"no_source": "nothing is connected: no voltage"}

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = ()) -> None:
        self.reset()
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Return to the factory's settings: constant current, levels 0, input off."""
        self._mode, self._selected, self._levels, self._is_on = "C", "A", {"A": 0.0, "B": 0.0}, False
        self._last = 0

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that it takes current."""
        level = self._levels.get(self._selected, 0.0)
        return (f"input on at {level:g} {_MODES[self._mode][0]}",) if self._is_on and level > 0.0 else ()

    @override
    def commands(self) -> Mapping[str, Handler]:
        """Return the load's own commands."""
        return {
            ":MODE": self._set_mode,
            ":MODE?": lambda _: f"MODE {self._mode}",
            ":LVLSEL": self._select,
            ":LVLSEL?": lambda _: f"LVLSEL {self._selected}",
            ":A": lambda p: self._set_level("A", p),
            ":A?": lambda _: f"A {self._levels['A']:.4f}{_MODES[self._mode][0]}",
            ":B": lambda p: self._set_level("B", p),
            ":B?": lambda _: f"B {self._levels['B']:.4f}{_MODES[self._mode][0]}",
            ":INP": self._switch,
            ":INP?": lambda _: f"INP {int(self._is_on)}",
            ":V?": lambda _: f"{max(0.0, self._voltage() + self.random.gauss(0.0, _NOISE_V)):.3f}V",
            ":I?": lambda _: f"{max(0.0, self._current() + self.random.gauss(0.0, _NOISE_A)):.4f}A",
            ":EER?": lambda _: str(self._take_error()),
            ":QER?": lambda _: "0",
            ":LOCAL": lambda _: None,
        }

    @override
    def raise_error(self, entry: tuple[int, str]) -> None:
        """Keep the last execution error for ``EER?``, too."""
        super().raise_error(entry)
        self._last = 100

    def _take_error(self) -> int:
        last, self._last = self._last, 0
        return last

    def _set_mode(self, parameters: str) -> None:
        if parameters.upper() not in _MODES:
            raise ScpiError(ILLEGAL_VALUE)
        self._mode, self._is_on = parameters.upper(), False

    def _select(self, parameters: str) -> None:
        if parameters.upper() not in ("A", "B", "T", "V", "E"):
            raise ScpiError(ILLEGAL_VALUE)
        self._selected = parameters.upper()

    def _set_level(self, name: str, parameters: str) -> None:
        self._levels[name] = number(parameters, 0.0, _MODES[self._mode][1])

    def _switch(self, parameters: str) -> None:
        self._is_on = boolean(parameters)

    def _current(self) -> float:
        """Return the current that flows [A]."""
        level = self._levels.get(self._selected, 0.0)
        if not self._is_on or self.faults.active("no_source") is not None or level <= 0.0:
            return 0.0
        most, volts = _SOURCE_V / _SOURCE_OHM, _SOURCE_V
        wanted = {
            "C": level,
            "P": (volts - math.sqrt(max(0.0, volts**2 - 4.0 * _SOURCE_OHM * level))) / (2.0 * _SOURCE_OHM),
            "R": volts / (level + _SOURCE_OHM),
            "G": volts / (1.0 / level + _SOURCE_OHM),
            "V": max(0.0, (volts - level) / _SOURCE_OHM),
        }[self._mode]
        return min(wanted, most)

    def _voltage(self) -> float:
        """Return the voltage on the terminals [V]."""
        if self.faults.active("no_source") is not None:
            return 0.0
        return _SOURCE_V - self._current() * _SOURCE_OHM
