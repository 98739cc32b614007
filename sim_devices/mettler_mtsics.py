"""A simulated Mettler Toledo balance that speaks MT-SICS."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import Line
from sim_devices.wire import Fault, LineInstrument

_PLATE_G, _AREA_CM2, _DENSITY_G_CM3 = 1.7188, 6.25, 7.14  # 25 x 25 x 1.1 mm soda-lime glass; indium oxide
_CAPACITY_G, _READABILITY_G = 320.009, 1e-4
_SETTLE_S = 2.0  # invented: until a new load reads as stable
NOISE_G = 3e-5
"""Of one reading, standard deviation [g]."""


class SimMettlerMTSICS(LineInstrument):
    """Weighs the sample at a place: stable and immediate readings, zero, tare, identity; levels 0 and 1.

    Source: Mettler-Toledo, Reference Manual MT-SICS Interface Commands for Excellence balances 11781363, chapters 2.1
    (command formats, error messages) and 3 (S, SI, Z, ZI, T, TA, TAC, TI, @, I0 to I4). After switching on the balance
    sets zero by itself.
    """

    request_end = b"\n"
    reply_end = b"\r\n"
    reply_delay_s = 0.03
    fault_kinds: ClassVar = {"draught": "the air moves: no reading is stable"}

    def __init__(
        self, clock: Clock, seed: int | str, line: Line, place: str = "", faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(clock, seed, faults)
        self._line, self._place = line, place
        self._zero_g, self._tare_g = 0.0, 0.0
        self._seen_g, self._changed_at = self._load_g(), float("-inf")

    @override
    def power_up(self) -> None:
        """Start: the tare is forgotten, what lies on the pan is the new zero."""
        super().power_up()
        self._zero_g, self._tare_g = self._load_g(), 0.0

    def answer_line(self, line: str) -> str | None:
        """Answer a command; upper case only, as the manual says."""
        command, _, parameter = line.partition(" ")
        acts: dict[str, Callable[[str], str]] = {
            "S": lambda _: self._told("S", waits=True),
            "SI": lambda _: self._told("S", waits=False),
            "Z": lambda _: self._set_zero("Z", waits=True),
            "ZI": lambda _: self._set_zero("ZI", waits=False),
            "T": lambda _: self._set_tare("T", waits=True),
            "TI": lambda _: self._set_tare("TI", waits=False),
            "TA": self._preset_tare,
            "TAC": lambda _: self._clear_tare(),
            "@": lambda _: self._restart(),
            "I1": lambda _: 'I1 A "01" "2.30" "2.22" "" ""',
            "I2": lambda _: 'I2 A "MS304TS 320.0090 g"',
            "I3": lambda _: 'I3 A "1.10 18.6.4.1361.772"',
            "I4": lambda _: 'I4 A "B000000000"',
        }
        if not line:
            return None
        return acts[command](parameter) if command in acts else "ES"

    def _load_g(self) -> float:
        film = self._line.sample_at(self._place) if self._place else None
        if film is None:
            return 0.0
        return _PLATE_G + film.thickness_nm * 1e-7 * _AREA_CM2 * _DENSITY_G_CM3

    def _look(self) -> tuple[float, bool]:
        """Return the gross weight [g] and whether it is stable."""
        now_s, load = self.clock.monotonic(), self._load_g()
        if abs(load - self._seen_g) > 0.5 * _READABILITY_G:
            self._seen_g, self._changed_at = load, now_s
        age = now_s - self._changed_at
        windy = self.faults.active("draught") is not None
        stray = self.random.gauss(0.0, 0.02 if windy else NOISE_G) + 0.1 * math.exp(-age / 0.4)
        return load + stray, not windy and age > _SETTLE_S

    def _told(self, word: str, *, waits: bool) -> str:
        gross, stable = self._look()
        if waits and not stable:
            if self.faults.active("draught") is not None:
                return f"{word} I"
            self.busy_s = _SETTLE_S
            gross, stable = self._load_g(), True
        net = round((gross - self._zero_g - self._tare_g) / _READABILITY_G) * _READABILITY_G
        if gross - self._zero_g > _CAPACITY_G:
            return f"{word} +"
        return f"{word} {'S' if stable else 'D'} {net:10.4f} g"

    def _set_zero(self, word: str, *, waits: bool) -> str:
        gross, stable = self._look()
        if waits and not stable:
            return f"{word} I"
        self._zero_g, self._tare_g = gross, 0.0
        return "Z A" if word == "Z" else f"ZI {'S' if stable else 'D'}"

    def _set_tare(self, word: str, *, waits: bool) -> str:
        gross, stable = self._look()
        if waits and not stable:
            return f"{word} I"
        self._tare_g = gross - self._zero_g
        return f"{word} {'S' if stable else 'D'} {self._tare_g:10.4f} g"

    def _preset_tare(self, parameter: str) -> str:
        value, _, unit = parameter.partition(" ")
        if parameter:
            try:
                wanted = float(value)
            except ValueError:
                return "TA L"
            if unit != "g" or not 0.0 <= wanted <= _CAPACITY_G:
                return "TA L"
            self._tare_g = wanted
        return f"TA A {self._tare_g:10.4f} g"

    def _clear_tare(self) -> str:
        self._tare_g = 0.0
        return "TAC A"

    def _restart(self) -> str:
        self._tare_g = 0.0
        return 'I4 A "B000000000"'
