"""A simulated HCP TC038 oven controller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.heater_loop import HeaterLoop, HeatingInstrument
from sim_devices.plant import TubeFurnace
from sim_devices.wire import Fault

_START, _END = b"\x02", b"\x03"
_HIGHEST_DEGC, _LOWEST_DEGC = 200.0, 20.0
_IDENTITY = "UT150333 V01.R000000000000000000"
_NO_COMMAND, _NO_REGISTER, _OUT_OF_RANGE, _NO_MONITOR = "0200", "03", "04", "0600"
NOISE_K = 0.05
"""Of one temperature reading, standard deviation [K]."""


class SimHcpTC038(HeatingInstrument):
    """Registers D0002 (temperature) and D0120 (set point) in tenths of a degree; one monitored register.

    Frames are STX, station (2), CPU 01, wait 0, command, ETX and CR. Source: HC Photonics, TC038 Temperature
    Controller User Manual, chapter 'Communication' (a Yokogawa UT150 with PC link and without check sum); the examples
    there. The set point is kept without power, and the oven heats as long as it has power.
    """

    reply_delay_s = 0.02
    fault_kinds: ClassVar = {
        "dead_heater": "the element is broken: no heat whatever the output",
        "stuck_readback": "the temperature keeps its value",
    }

    def __init__(self, clock: Clock, seed: int | str, furnace: TubeFurnace, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        furnace.heater_works = lambda: self.faults.active("dead_heater") is None
        self._loop, self._monitored = HeaterLoop(furnace), ""
        self._loop.is_on = True
        self._shown_degC = furnace.wall_degC

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut off what stands between STX and ETX."""
        end = received.find(_END)
        if end < 0:
            return None
        request = bytes(received[:end])
        del received[: end + 1]
        return request[request.rfind(_START) + 1 :]

    def answer(self, request: bytes) -> bytes | None:
        """Answer station 01; others are not heard."""
        text = request.decode("latin1")
        if text[:5] != "01010":
            return None
        return _START + f"0101{self._act(text[5:])}".encode("latin1") + _END + b"\r"

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the oven is to be warm."""
        is_warm = self.has_power and self._loop.target_degC > 30.0
        return (f"set point {self._loop.target_degC:g} degC",) if is_warm else ()

    def _act(self, command: str) -> str:
        if command.startswith("INF6"):
            return f"OK{_IDENTITY}"
        if command == "WRM":
            return self._read(self._monitored) if self._monitored else f"ER{_NO_MONITOR}"
        register = command[5:10] if command.startswith("WRS01") else command[3:8]
        if register not in ("D0002", "D0120"):
            return f"ER{_NO_REGISTER}01" if command[:3] in ("WRD", "WWR", "WRS") else f"ER{_NO_COMMAND}"
        if command.startswith("WRS01"):
            self._monitored = register
            return "OK"
        if command.startswith("WRD"):
            return self._read(register)
        return self._write(register, command.rpartition(",")[2])

    def _read(self, register: str) -> str:
        if register == "D0120":
            return f"OK{round(self._loop.target_degC * 10):04X}"
        if self.faults.active("stuck_readback") is None:
            self._shown_degC = self._loop.measured_degC + self.random.gauss(0.0, NOISE_K)
        return f"OK{round(self._shown_degC * 10) & 0xFFFF:04X}"

    def _write(self, register: str, word: str) -> str:
        try:
            value = int(word, 16) / 10.0
        except ValueError:
            return "ER0803"
        if register != "D0120" or not _LOWEST_DEGC <= value <= _HIGHEST_DEGC:
            return f"ER{_OUT_OF_RANGE}03"
        self._loop.advance()
        self._loop.target_degC = value
        return "OK"
