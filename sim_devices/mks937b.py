"""A simulated MKS 937B gauge controller."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, Instrument

_UNITS = {"TORR": 133.322368, "MBAR": 100.0, "PASCAL": 1.0, "MICRON": 0.133322368}
NOISE = 0.01
"""Of one reading of the chamber, standard deviation as a share."""
_REQUEST = re.compile(r"@(\d{3})([A-Z]+\d?)([?!])(.*);FF$")


class SimMKS937B(Instrument):
    """Pressures in the unit of the front panel, with 3 digits and 2 % noise.

    Source: MKS Instruments, Series 937B Operation Manual, 'RS232/485 Serial Communication Commands'.
    """

    reply_delay_s = 0.015
    fault_kinds: ClassVar = {"stuck_readback": "the pressure keeps its value", "no_gauge": "the sensor is unplugged"}

    def __init__(self, clock: Clock, seed: int | str, chamber: SputterChamber, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._chamber, self._unit, self._shown_Pa = chamber, "TORR", 1e-3

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut off what ends with ``;FF``."""
        end = received.find(b";FF")
        if end < 0:
            return None
        request = bytes(received[: end + 3])
        del received[: end + 3]
        return request

    def answer(self, request: bytes) -> bytes | None:
        """Answer questions to address 253 (and 254, which all hear)."""
        match = _REQUEST.search(request.decode("latin1"))
        if match is None or match[1] not in ("253", "254"):
            return None
        reply = self._set(match[2], match[4]) if match[3] == "!" else self._ask(match[2])
        return f"@253{reply};FF".encode()

    def _set(self, command: str, value: str) -> str:
        if command == "U" and value.upper() in _UNITS:
            self._unit = value.upper()
            return f"ACK{self._unit}"
        return "NAK160" if command != "U" else "NAK169"

    def _ask(self, command: str) -> str:
        texts = {"U": self._unit, "MD": "937B", "SN": "0000000000", "FV": "1.20", "T1": "G"}
        if command in texts:
            return f"ACK{texts[command]}"
        if command in ("PR1", "PR2"):
            if command == "PR1" and self.faults.active("no_gauge") is not None:
                return "ACKNOGAUGE"
            value = self._pressure() if command == "PR1" else 1.2 * (1.0 + self.random.gauss(0.0, 0.02))
            return f"ACK{value / _UNITS[self._unit]:.2E}"
        return "NAK160"

    def _pressure(self) -> float:
        self._chamber.advance()
        if self.faults.active("stuck_readback") is None:
            self._shown_Pa = self._chamber.pressure_Pa * (1.0 + self.random.gauss(0.0, NOISE))
        return self._shown_Pa
