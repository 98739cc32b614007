"""A simulated New Era NE-1000 syringe pump."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import SpinChuck
from sim_devices.wire import Fault, Instrument

_STX, _ETX = 0x02, 0x03
_COMMAND = re.compile(r"(\d\d?)?([A-Z]{3}|)(.*)$")
_UNITS = {"UM": 1e-3, "MM": 1.0, "UH": 1e-3 / 60.0, "MH": 1.0 / 60.0}
"""Of rates, in millilitres a minute."""
_MOST_MM_MIN = 51.0  # of the carriage
_SMALL_MM = 14.0


def crc(data: bytes) -> bytes:
    """Return the CRC of a safe-mode packet: polynomial 0x1021, starting at 0, high byte first."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1) ^ 0x1021 if value & 0x8000 else value << 1
        value &= 0xFFFF
    return struct.pack(">H", value)


def packet(text: str) -> bytes:
    """Return a safe-mode packet: start, length of the rest, text, CRC, end."""
    data = text.encode("ascii")
    return bytes((_STX, len(data) + 4)) + data + crc(data) + bytes((_ETX,))


class SimNewEraNE1000(Instrument):
    """Diameter, rate, volume, direction, run, stop, dispensed volumes; basic lines and safe-mode packets.

    Source: New Era Pump Systems, NE-1000 Multi-Phaser User Manual, sections 10 (RS-232 protocol, basic and safe mode,
    alarms) and 10.4 (commands DIA, RAT, VOL, DIR, RUN, STP, DIS, CLD, SAF, VER). The first answer after switching on
    is the alarm ``A?R``. Packets are taken in both modes, and answered as the mode is after the command: ``SAF`` with a
    time-out above 0 begins the safe mode, in which the pump stops when it hears nothing for so long (alarm ``A?T``).
    """

    reply_delay_s = 0.01
    fault_kinds: ClassVar = {"stalled": "the motor stalls: alarm A?S"}

    def __init__(self, clock: Clock, seed: int | str, chuck: SpinChuck, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._chuck, chuck.is_wetted_by_hand = chuck, False
        self._diameter_mm, self._rate, self._unit, self._volume = 26.7, 1.0, "MM", 0.0
        self._direction, self._is_running, self._alarm = "INF", False, "R"
        self._moved, self._begun_at, self._phase_ml = {"INF": 0.0, "WDR": 0.0}, 0.0, 0.0
        self._unit_ml = 1.0  # of volumes; a diameter that is set chooses it
        self._timeout_s, self._heard_s = 0, clock.monotonic()

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut off a packet or a line."""
        while received and received[0] in (0x0D, 0x0A):
            del received[:1]
        if not received:
            return None
        if received[0] == _STX:
            return self._take_packet(received)
        end = received.find(b"\r")
        if end < 0:
            return None
        line = bytes(received[:end])
        del received[: end + 1]
        return line if not self._timeout_s else b""

    def _take_packet(self, received: bytearray) -> bytes | None:
        if len(received) < 2 or len(received) < received[1] + 1:
            return None
        length = max(5, received[1] + 1)
        frame = bytes(received[:length])
        del received[:length]
        good = frame[-1] == _ETX and crc(frame[2:-3]) == frame[-3:-1]
        return frame[2:-3] if good else b"\0"

    def answer(self, request: bytes) -> bytes | None:
        """Act on a command to address 00."""
        self._advance()
        self._heard_s = self.clock.monotonic()
        text = request.decode("latin1").replace(" ", "").upper()
        if request == b"\0":
            return self._wrap("?COM")
        match = _COMMAND.match(text)
        if match is not None and int(match[1] or 0) != 0:
            return None
        if match is not None and match[2] == "SAF" and match[3].isdigit() and int(match[3]) <= 255:
            self._timeout_s = int(match[3])
        if self._alarm:
            alarm, self._alarm = self._alarm, ""
            return self._wrap(f"A?{alarm}", prompt="")
        if match is None:
            return self._wrap("?")
        return self._wrap(self._do(match[2], match[3]))

    def _wrap(self, data: str, prompt: str | None = None) -> bytes:
        state = (self._direction[0] if self._is_running else "S") if prompt is None else prompt
        text = f"00{state}{data}"
        return packet(text) if self._timeout_s else bytes((_STX,)) + text.encode("ascii") + bytes((_ETX,))

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that it pumps."""
        self._advance()
        return (f"pumps {self._rate:g} {self._unit}",) if self._is_running else ()

    @override
    def power_down(self) -> None:
        """Lose the power: it stops; diameter, rate and volume are kept."""
        super().power_down()
        self._advance()
        self._is_running, self._alarm, self._timeout_s = False, "R", 0

    def _ml_min(self) -> float:
        return self._rate * _UNITS[self._unit]

    def _advance(self) -> None:
        now_s = self.clock.monotonic()
        lost_s = self._heard_s + self._timeout_s
        if self._is_running and self._timeout_s and now_s > lost_s:
            self._pump(lost_s)
            if self._is_running:
                self._is_running, self._alarm = False, "T"
        self._pump(now_s)

    def _pump(self, now_s: float) -> None:
        if self._is_running:
            grown = self._ml_min() * (now_s - self._begun_at) / 60.0
            wanted = self._volume * self._unit_ml
            left = wanted - self._phase_ml if wanted > 0.0 else float("inf")
            done = min(grown, left)
            self._moved[self._direction] += done
            self._phase_ml += done
            if self._direction == "INF":
                self._chuck.pour(done)
            if self.faults.active("stalled") is not None:
                self._is_running, self._alarm = False, "S"
            elif grown >= left:
                self._is_running = False
        self._begun_at = now_s

    def _do(self, command: str, parameter: str) -> str:
        told = {
            "VER": "NE1000V3.928",
            "DIA": _four(self._diameter_mm),
            "RAT": f"{_four(self._rate)}{self._unit}",
            "VOL": f"{_four(self._volume)}{'UL' if self._unit_ml < 1.0 else 'ML'}",
            "DIR": self._direction,
            "DIS": "I{}W{}{}".format(
                *(_four(self._moved[way] / self._unit_ml) for way in ("INF", "WDR")),
                "UL" if self._unit_ml < 1 else "ML",
            ),
            "SAF": str(self._timeout_s),
        }
        if not command + parameter:  # asks for the state only
            return ""
        if command in told and not parameter:
            return told[command]
        if command in ("RUN", "STP", "CLD"):
            return self._run(command, parameter)
        if command not in told or command in ("VER", "DIS"):
            return "?"
        if self._is_running and command not in ("RAT", "SAF"):
            return "?NA"
        return self._set(command, parameter)

    def _run(self, command: str, parameter: str) -> str:
        if command == "RUN":
            if self._is_running:
                return "?NA"
            self._is_running, self._phase_ml = True, 0.0
        elif command == "STP":
            if not self._is_running:
                return "?NA"
            self._is_running = False
        elif parameter in self._moved:
            self._moved[parameter] = 0.0
        else:
            return "?"
        return ""

    def _set(self, command: str, parameter: str) -> str:
        if command == "DIR" and parameter in ("INF", "WDR"):
            self._direction = parameter
            return ""
        if command == "VOL" and parameter in ("UL", "ML"):
            self._unit_ml = 1e-3 if parameter == "UL" else 1.0
            return ""
        if command == "SAF" and parameter.isdigit() and int(parameter) <= 255:
            return ""
        number = re.match(r"(\d*\.?\d+|\d+\.)(UM|MM|UH|MH|)$", parameter)
        if number is None:
            return "?"
        value, unit = float(number[1]), number[2] or self._unit
        if command == "DIA" and 0.1 <= value <= 50.0:
            self._diameter_mm = value
            self._unit_ml = 1e-3 if value <= _SMALL_MM else 1.0
        elif command == "RAT":
            return self._set_rate(value, unit)
        elif command == "VOL" and 0.0 <= value <= 9999.0:
            self._volume = value
        else:
            return "?OOR"
        return ""

    def _set_rate(self, value: float, unit: str) -> str:
        area_cm2 = 3.14159265 / 4 * (self._diameter_mm / 10.0) ** 2
        if value * _UNITS[unit] > area_cm2 * _MOST_MM_MIN / 10.0:
            return "?OOR"
        self._rate, self._unit = value, unit
        return ""


def _four(value: float) -> str:
    """Return a number with four digits and a point, as the pump writes it."""
    text = f"{value:.3f}"
    return text[:5]
