"""A simulated AJA DCXS supply on a simulated sputter chamber."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, Instrument

_SETTINGS = {"C": 4, "D": 1, "E": 2, "F": 2, "G": 3, "H": 2, "I": 8, "Z": 1}
"""Length of the parameter of each command."""


NOISE_V = 0.5
"""Of one reading of the voltage, standard deviation [V]."""


class SimAjaDCXS(Instrument):
    """Letters in, fixed lengths out; the output ramps up, the shutter opens after its delay.

    Source: AJA International, DCXS Series Operating Manual, 'RS-232 command set'. Ramp time, shutter
    delay and deposition time can be set only while the output is off.
    """

    reply_delay_s = 0.004
    fault_kinds: ClassVar = {"arc": "the output trips; fault code 4", "stuck_readback": "the power shown stays"}

    def __init__(self, clock: Clock, seed: int | str, chamber: SputterChamber, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._chamber = chamber
        chamber.supplied_W, chamber.uncovered = self._power_W, self._is_open
        self._values = {"C": "0000", "D": "0", "E": "00", "F": "05", "G": "000", "H": "00", "I": "ITO     ", "Z": "1"}
        self._on_since: float | None = None
        self._tripped, self._shown_W = False, 0.0

    def _is_on(self, now_s: float) -> bool:
        since = self._on_since
        return since is not None and now_s >= since and self.faults.struck("arc", since, now_s) is None

    def _power_W(self, now_s: float) -> float:
        if self._on_since is None or not self._is_on(now_s):
            return 0.0
        ramp_s = int(self._values["E"])
        share = min(1.0, (now_s - self._on_since) / ramp_s) if ramp_s else 1.0
        return share * int(self._values["C"])

    def _is_open(self, now_s: float) -> bool:
        return self._on_since is not None and self._is_on(now_s) and now_s >= self._on_since + int(self._values["F"])

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut off one letter with its parameter."""
        if not received:
            return None
        length = 1 + _SETTINGS.get(chr(received[0]), 0)
        if len(received) < length:
            return None
        request = bytes(received[:length])
        del received[:length]
        return request

    def answer(self, request: bytes) -> bytes | None:
        """Act on a letter."""
        self._chamber.advance()
        letter, parameter = chr(request[0]), request[1:].decode("latin1")
        if letter in "AB":
            self._switch(on=letter == "A")
        elif letter in _SETTINGS:
            self._set(letter, parameter)
        else:
            return self._query(letter)
        return None

    @override
    def power_down(self) -> None:
        """Lose the power: the output is off, and stays off when the power is back; a trip is forgotten."""
        super().power_down()
        self._chamber.advance()
        self._on_since, self._tripped = None, False

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the output is on."""
        now_s = self.clock.monotonic()
        return (f"output on at {self._power_W(now_s):.0f} W",) if self._is_on(now_s) else ()

    def _set(self, letter: str, parameter: str) -> None:
        locked = letter in "EFGH" and self._is_on(self.clock.monotonic())
        if not locked and (letter == "I" or parameter.isdigit()):
            self._values[letter] = parameter

    def _switch(self, *, on: bool) -> None:
        now_s = self.clock.monotonic()
        if on and not self._is_on(now_s):
            self._on_since, self._tripped = now_s, False
        elif not on:
            self._tripped = self._has_tripped(now_s)
            self._on_since = None

    def _has_tripped(self, now_s: float) -> bool:
        return self._tripped or (self._on_since is not None and not self._is_on(now_s))

    def _query(self, letter: str) -> bytes | None:
        now_s = self.clock.monotonic()
        power_W = self._power_W(now_s)
        deposit = self._chamber.deposit if power_W > 0.0 else None
        if self.faults.active("stuck_readback") is None:
            self._shown_W = power_W if deposit is not None else 0.0
        voltage = deposit.voltage_V + self.random.gauss(0.0, NOISE_V) if deposit is not None else 0.0
        replies = {
            "?": "DCXS750-4",
            "z": "2.14 ",
            "a": str(int(self._is_on(now_s))),
            "b": self._values["C"],
            "c": self._values["D"],
            "d": f"{round(self._shown_W):04d}",
            "e": f"{round(voltage):04d}",
            "f": f"{round(1000 * deposit.current_A) if deposit is not None else 0:04d}",
            "g": self._values["E"],
            "h": self._values["F"],
            "i": self._values["G"],
            "j": self._values["H"],
            "k": "000",
            "l": "00",
            "n": self._values["I"],
            "o": "4" if self._has_tripped(now_s) else "0",
            "p": chr(0x40 | int(self._is_open(now_s))),
            "y": self._values["Z"],
        }
        return replies[letter].encode("latin1") if letter in replies else None
