"""A simulated Inficon SQM-160 thickness monitor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, Instrument

_NEW_HZ, HZ_NM = 5_990_000.0, 60.0
"""Frequency of a new quartz [Hz], and what it falls by for each nanometre of film [Hz/nm]."""
NOISE_A_S = 0.02
"""Of one reading of the rate, standard deviation [angstrom/s]."""
_LIFE_NM = 60_000.0


def check_bytes(message: bytes) -> bytes:
    """Return the 14-bit CRC of a message as two characters above 34."""
    value = 0x3FFF
    for byte in message:
        value ^= byte
        for _ in range(8):
            carry, value = value & 1, value >> 1
            if carry:
                value ^= 0x2001
    return bytes(((value & 0x7F) + 34, (value >> 7) + 34))


class SimInficonSQM160(Instrument):
    """One quartz: rate [angstrom/s], thickness [kiloangstrom], frequency [Hz], life [%]; zeroing.

    Source: Inficon, SQM-160 Operating Manual 074-511-P1, 'Communications'.
    """

    reply_delay_s = 0.006
    fault_kinds: ClassVar = {"dead_crystal": "the quartz does not swing: rate and thickness stay"}

    def __init__(self, clock: Clock, seed: int | str, chamber: SputterChamber, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._chamber, self._zero_nm, self._dead_nm = chamber, chamber.monitor_nm, 0.0

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut off what starts with ``!`` and is as long as it says."""
        start = received.find(b"!")
        if start < 0:
            received.clear()
            return None
        del received[:start]
        if len(received) < 2 or len(received) < received[1] - 34 + 4:
            return None
        length = max(1, received[1] - 34) + 4
        request = bytes(received[:length])
        del received[:length]
        return request

    def answer(self, request: bytes) -> bytes | None:
        """Act on a frame."""
        message, check = request[1:-2], request[-2:]
        if check_bytes(message) != check:
            return None
        command = message[1:].decode("latin1")
        self._chamber.advance()
        if command == "S":
            self._zero_nm = self._chamber.monitor_nm
            return self._frame("A")
        text = self._query(command)
        return self._frame("C") if text is None else self._frame("A", text)

    def _frame(self, status: str, text: str = "") -> bytes:
        body = bytes([len(text) + 1 + 35]) + status.encode() + text.encode("ascii")
        return b"!" + body + check_bytes(body)

    def _query(self, command: str) -> str | None:
        if command == "@":
            return "MON Ver 4.13"
        if command == "J":
            return "1"
        if command in ("N1", "O"):
            return f" {self._thickness_nm() / 100.0:.3f} "
        if command in ("L1?", "L1", "M"):
            deposit = self._chamber.deposit
            grows = deposit is not None and self._chamber.shutter_open and not self.faults.active("dead_crystal")
            rate = deposit.rate_nm_s if deposit is not None and grows else 0.0
            return f" {10.0 * rate + self.random.gauss(0.0, NOISE_A_S):.2f} "
        if command == "P1":
            return f"{_NEW_HZ - HZ_NM * self._chamber.monitor_nm:.2f}"
        if command == "R1":
            return f"{max(0.0, 100.0 * (1.0 - self._chamber.monitor_nm / _LIFE_NM)):.0f}"
        return None

    def _thickness_nm(self) -> float:
        if self.faults.active("dead_crystal") is None:
            self._dead_nm = self._chamber.monitor_nm - self._zero_nm
        return self._dead_nm
