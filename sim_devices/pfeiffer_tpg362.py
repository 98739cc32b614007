"""A simulated Pfeiffer TPG 362 gauge controller on a simulated chamber."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, Instrument

_ACK, _NAK, _ENQ, _ETX = b"\x06\r\n", b"\x15\r\n", b"\x05", b"\x03"
_UNIT_PA = (100.0, 133.322368, 1.0, 0.133322368, 100.0)
"""Of the units 0 to 4: mbar, Torr, pascal, micron, hectopascal."""
_OK, _UNDER, _OVER, _ERROR, _OFF, _NO_SENSOR = range(6)
_NO_ERROR, _SYNTAX, _PARAMETER = "0000", "0001", "0010"
_BACKING_PA = 1.2  # invented: what the backing pump reaches
NOISE = 0.01
"""Of one reading, standard deviation as a share."""


class SimPfeifferTPG362(Instrument):
    """Two gauges: a full range gauge on the chamber and a Pirani on its foreline; mnemonics, then ENQ for the data.

    Source: Pfeiffer Vacuum, TPG 361/362 Operating Instructions BG 5500 BEN, chapter 7 'Communication protocol'
    (mnemonics AYT, ERR, PR1, PR2, PRX, RES, SEN, TID, UNI, PNR; ACK, NAK, ENQ).
    """

    reply_delay_s = 0.01
    fault_kinds: ClassVar = {
        "stuck_readback": "the pressure keeps its value",
        "no_gauge": "the gauge on the chamber is unplugged",
    }

    def __init__(self, clock: Clock, seed: int | str, chamber: SputterChamber, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._chamber, self._shown_Pa = chamber, 1e-3
        self._unit, self._on, self._waiting, self._error = 0, [True, True], "", _NO_ERROR

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut off an ENQ, an ETX, or a line."""
        while bytes(received[:1]) in (b"\n", b"\r"):
            del received[:1]
        if bytes(received[:1]) in (_ENQ, _ETX):
            request = bytes(received[:1])
            del received[:1]
            return request
        end = received.find(b"\r")
        if end < 0:
            return None
        request = bytes(received[:end])
        del received[: end + 1]
        return request

    def answer(self, request: bytes) -> bytes | None:
        """Tell the data on ENQ; acknowledge a mnemonic."""
        if request == _ETX:
            self._waiting = ""
            return None
        if request == _ENQ:
            text = self._waiting or self._error
            return text.encode("ascii") + b"\r\n"
        told = self._do(request.decode("latin1").replace(" ", "").upper())
        if told is None:
            return _NAK
        self._waiting, self._error = told, _NO_ERROR
        return _ACK

    def _do(self, text: str) -> str | None:
        mnemonic, _, parameters = text.partition(",")
        readings: dict[str, Callable[[], str]] = {
            "AYT": lambda: "TPG362,PTG28290,44990000,010300,010100",
            "PR1": lambda: self._reading(0),
            "PR2": lambda: self._reading(1),
            "PRX": lambda: f"{self._reading(0)},{self._reading(1)}",
            "TID": lambda: "PKR,TPR" if self.faults.active("no_gauge") is None else "noSEn,TPR",
            "ERR": lambda: self._error,
            "RES": lambda: "0",
            "PNR": lambda: "010300",
            "HDW": lambda: "010100",
        }
        if mnemonic in readings:
            return readings[mnemonic]()
        if mnemonic == "UNI":
            return self._set_unit(parameters)
        if mnemonic == "SEN":
            return self._switch(parameters)
        self._error = _SYNTAX
        return None

    def _set_unit(self, parameters: str) -> str | None:
        if parameters and (not parameters.isdigit() or int(parameters) >= len(_UNIT_PA)):
            self._error = _PARAMETER
            return None
        self._unit = int(parameters or self._unit)
        return str(self._unit)

    def _switch(self, parameters: str) -> str | None:
        """Switch gauges: 0 leaves one, 1 is off, 2 is on."""
        wanted = parameters.split(",") if parameters else ["0", "0"]
        if len(wanted) != 2 or any(each not in ("0", "1", "2") for each in wanted):
            self._error = _PARAMETER
            return None
        self._on = [was if each == "0" else each == "2" for was, each in zip(self._on, wanted, strict=True)]
        return ",".join(str(int(on) + 1) for on in self._on)

    def _reading(self, index: int) -> str:
        if index == 0 and self.faults.active("no_gauge") is not None:
            return f"{_NO_SENSOR},{0.0:+.4E}"
        if not self._on[index]:
            return f"{_OFF},{0.0:+.4E}"
        pascal = self._pressure_Pa() if index == 0 else _BACKING_PA * math.exp(self.random.gauss(0.0, NOISE))
        status = _OK if 5e-7 < pascal < 1e5 else _UNDER if pascal <= 5e-7 else _OVER
        return f"{status},{pascal / _UNIT_PA[self._unit]:+.4E}"

    def _pressure_Pa(self) -> float:
        self._chamber.advance()
        if self.faults.active("stuck_readback") is None:
            self._shown_Pa = self._chamber.pressure_Pa * (1.0 + self.random.gauss(0.0, NOISE))
        return self._shown_Pa

    @override
    def power_down(self) -> None:
        """Lose the power; what was waiting is forgotten."""
        super().power_down()
        self._waiting, self._error = "", _NO_ERROR
