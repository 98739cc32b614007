"""A simulated T&C Power Conversion CXN radio-frequency supply on a simulated sputter chamber."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, Instrument

_LENGTH = 10
_HOLD_S = 2.0
_LIMIT_DW, _REVERSE_DW = 3000, 700  # tenths of a watt
_RF_ON, _FORWARD_LIMIT, _REVERSE_LIMIT, _TOO_HOT, _INTERLOCK = 1, 256, 512, 1024, 2048
_TUNE_S = 4.0  # invented: time the matching network needs
_NORMAL = 1


def checksum(message: bytes) -> bytes:
    """Return the sum of all bytes as two bytes, high one first."""
    return struct.pack(">H", sum(message) & 0xFFFF)


class SimTCPowerCXN(Instrument):
    """Power set point, radio frequency on and off, automatic matching, status; control is lost after 2 s of silence.

    Source: T&C Power Conversion, AG Series Plasma Generator User Manual (AG 0313), chapter 'RS-232 serial protocol':
    commands of 10 bytes ('C', address, two letters, four bytes, sum), acknowledged with '*', refused with '?';
    answers 'R', address, length, data, sum. Settings need control, which is asked for (``BC``) and lost when
    nothing is sent for 2 s: set point 0 and radio frequency off then.
    """

    reply_delay_s = 0.004
    fault_kinds: ClassVar = {
        "arc": "the reverse power trips the output",
        "interlock_open": "the interlock is open: no radio frequency",
    }

    def __init__(self, clock: Clock, seed: int | str, chamber: SputterChamber, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._chamber = chamber
        if chamber.supplied_W(0.0) == 0.0:
            chamber.supplied_W = self._load_W
        self._setpoint_W, self._on_since, self._heard_s = 0, None, float("-inf")  # type: int, float | None, float
        self._has_control = False
        self._mode, self._ramp, self._manual, self._preset = _NORMAL, [1, 1], False, 0
        self._capacitors, self._presets = [425, 630], {n: [50, 50] for n in range(10)}

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut off the first ten bytes from a 'C' on."""
        start = received.find(b"C")
        if start < 0:
            received.clear()
            return None
        del received[:start]
        if len(received) < _LENGTH:
            return None
        request = bytes(received[:_LENGTH])
        del received[:_LENGTH]
        return request

    def answer(self, request: bytes) -> bytes | None:
        """Act on a command whose sum is right."""
        if checksum(request[:-2]) != request[-2:]:
            return b"?"
        self._look()
        self._heard_s = self.clock.monotonic()
        self._chamber.advance()
        letters, data = request[2:4].decode("latin1"), request[4:8]
        if letters == "BC":
            self._take(wants=data[:2] == b"\x55\x55")
            return b"*" + self._frame(struct.pack(">H", int(self._has_control)))
        if letters == "BP":
            return b"*"
        told = self._tell(letters, data)
        if told is not None:
            return b"*" + self._frame(told)
        return b"*" if self._set(letters, data) else b"?"

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the radio frequency is on."""
        self._look()
        return (f"radio frequency on at {self._setpoint_W} W",) if self._is_on() else ()

    @override
    def power_down(self) -> None:
        """Lose the power, and with it the control."""
        super().power_down()
        self._chamber.advance()
        self._take(wants=False)

    def _frame(self, data: bytes) -> bytes:
        message = b"R\x00" + struct.pack(">H", len(data)) + data
        return message + checksum(message)

    def _take(self, *, wants: bool) -> None:
        self._has_control = wants
        if not wants:
            self._setpoint_W, self._on_since = 0, None

    def _look(self) -> None:
        """Lose the control where nothing was heard for too long, at the time it happened."""
        if self._has_control and self.clock.monotonic() - self._heard_s > _HOLD_S:
            self._chamber.advance(self._heard_s + _HOLD_S)
            self._take(wants=False)

    def _is_on(self) -> bool:
        since = self._on_since
        if since is None or self.faults.active("interlock_open") is not None:
            return False
        return self.faults.struck("arc", since, self.clock.monotonic()) is None

    def _load_W(self, now_s: float) -> float:
        lost = self._has_control and now_s - self._heard_s > _HOLD_S
        if self._on_since is None or now_s < self._on_since or lost or not self._is_on():
            return 0.0
        tuned = 1.0 if self._manual else min(1.0, 0.6 + 0.4 * (now_s - self._on_since) / _TUNE_S)
        return tuned * self._setpoint_W

    def _power(self) -> tuple[int, int, int]:
        """Return forward, reverse and load power [0.1 W]."""
        if not self._is_on():
            return 0, 0, 0
        load = round(10 * self._load_W(self.clock.monotonic()) * (1.0 + self.random.gauss(0.0, 5e-4)))
        forward = 10 * self._setpoint_W
        return forward, max(0, forward - load), min(load, forward)

    def _status(self) -> int:
        word = _RF_ON if self._is_on() else 0
        word |= _INTERLOCK if self.faults.active("interlock_open") is not None else 0
        tripped = self._on_since is not None and not self._is_on()
        return word | (_REVERSE_LIMIT if tripped else 0)

    def _tell(self, letters: str, data: bytes) -> bytes | None:
        index = data[1]
        words = {
            "GS": [self._status(), 221, self._mode, 3],
            "GL": [10 * self._setpoint_W],
            "GP": [*self._power()],
            "GR": self._ramp,
            "GT": [
                1 + (2 if self._manual else 0) if not self._manual else 1,
                *self._capacitors,
                self._bias(),
                self._preset,
            ],
            "GE": [100, 100],
            "Gp": [13560, _LIMIT_DW, *[0xFFFF] * 6, 13560, _REVERSE_DW],
        }
        if letters in words:
            return struct.pack(f">{len(words[letters])}H", *words[letters])
        if letters == "GU" and index in self._presets:
            return struct.pack(">5H", index, *self._presets[index], 0xFFFF, 0xFFFF)
        if letters == "GF":
            return struct.pack(">L", 13_560_000)
        if letters == "Gf":
            return bytes((2, 14, 1, 9))
        if letters == "Gi":
            texts = {1: b"AG 0313 GTC  \x00", 2: b"000000       \x00"}
            return struct.pack(">H", index) + texts[index] if index in texts else None
        return None

    def _bias(self) -> int:
        """Return the direct voltage that the target takes [V]: about half of the discharge's."""
        return round(0.5 * self._chamber.deposit.voltage_V) if self._is_on() and self._chamber.deposit else 0

    def _set(self, letters: str, data: bytes) -> bool:
        """Act on a setting; return whether it is known and allowed."""
        first, second = struct.unpack(">HH", data)
        if not self._has_control:
            return letters not in ("SA", "BR", "SO", "RP", "RR", "TM", "TC", "TP", "TD") and False
        if letters == "SA" and 10 * first <= _LIMIT_DW:
            self._setpoint_W = first
        elif letters == "BR":
            self._on_since = self.clock.monotonic() if first == 0x5555 else None
        elif letters == "SO" and first in (1, 3, 4):
            self._mode = first
        elif letters in ("RP", "RR"):
            self._ramp[letters == "RR"] = first
        elif letters == "TM" and first in (1, 2):
            self._manual = first == 2
        elif letters == "TP" and first <= 9:
            self._preset = first
        elif letters == "TC" and first in (1, 2) and second <= 100 and self._manual:
            self._capacitors[first - 1] = 10 * second
        elif letters == "TD" and data[0] in self._presets and data[1] in (1, 2) and second <= 100:
            self._presets[data[0]][data[1] - 1] = second
        else:
            return False
        return True
