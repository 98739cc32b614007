"""A simulated AJA DCXS supply on a simulated sputter chamber."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, Instrument

_SETTINGS = {"C": 4, "D": 1, "E": 2, "F": 2, "G": 3, "H": 2, "I": 8, "Z": 1}
"""Length of the parameter of each command."""


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
        self._values = {"C": "0000", "D": "0", "E": "00", "F": "05", "G": "000", "H": "00", "I": "ITO     ", "Z": "1"}
        self._on_since: float | None = None
        self._fault, self._shown_W = 0, 0.0

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
        self._advance()
        letter, parameter = chr(request[0]), request[1:].decode("latin1")
        if letter == "A":
            self._switch(on=True)
        elif letter == "B":
            self._switch(on=False)
        elif letter in _SETTINGS:
            self._set(letter, parameter)
        else:
            return self._query(letter)
        return None

    def _set(self, letter: str, parameter: str) -> None:
        locked = letter in "EFGH" and self._on_since is not None
        if not locked and (letter == "I" or parameter.isdigit()):
            self._values[letter] = parameter

    def _switch(self, *, on: bool) -> None:
        if on and self._on_since is None:
            self._on_since, self._fault = self.clock.monotonic(), 0
        elif not on:
            self._on_since = None
        self._advance()

    def _advance(self) -> None:
        """Bring the chamber to the present, with power and shutter as they were on the way."""
        now = self.clock.monotonic()
        if self._on_since is not None and self.faults.active("arc") is not None:
            self._on_since, self._fault = None, 4
        if self._on_since is None:
            self._chamber.advance(now)
            self._chamber.power_W, self._chamber.shutter_open = 0.0, False
            return
        opens_at = self._on_since + int(self._values["F"])
        if not self._chamber.shutter_open and now >= opens_at:
            self._chamber.advance(opens_at)
            self._chamber.shutter_open = True
        self._chamber.advance(now)
        ramp_s = int(self._values["E"])
        share = min(1.0, (now - self._on_since) / ramp_s) if ramp_s else 1.0
        self._chamber.power_W = share * int(self._values["C"])

    def _query(self, letter: str) -> bytes | None:
        deposit = self._chamber.deposit
        if self.faults.active("stuck_readback") is None:
            self._shown_W = self._chamber.power_W if deposit is not None else 0.0
        voltage = deposit.voltage_V + self.random.gauss(0.0, 0.5) if deposit is not None else 0.0
        replies = {
            "?": "DCXS750-4",
            "z": "2.14 ",
            "a": "1" if self._on_since is not None else "0",
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
            "o": str(self._fault),
            "p": chr(0x40 | int(self._chamber.shutter_open)),
            "y": self._values["Z"],
        }
        return replies[letter].encode("latin1") if letter in replies else None
