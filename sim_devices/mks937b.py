"""A simulated MKS 937B gauge controller."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, Instrument

_UNITS = {"TORR": 133.322368, "MBAR": 100.0, "PASCAL": 1.0, "MICRON": 0.133322368}
_TOLD = {"MBAR": "mBAR"}
NOISE = 0.01
"""Of one reading of the chamber, standard deviation as a share."""
_REQUEST = re.compile(r"@(\d{3})([A-Z]+)(\d*|Z)([?!])(.*);FF$")
_UNKNOWN, _NO_CHANNEL, _INVALID = "NAK160", "NAK161", "NAK169"
_SENSORS = {1: "CC", 2: "PR"}
"""What is plugged in: a cold cathode on channel 1, a Pirani on channel 2."""


class SimMKS937B(Instrument):
    """Pressures in the unit of the front panel with 3 digits, gauge power, twelve relays with set points.

    Two relays belong to each channel. Source: MKS Instruments, Series 937B Operation Manual, chapter 9 'RS232/485
    Serial Communication Commands': pressure reading (PRn, PRZ, PCn), relays (SPn, SHn, SDn, ENn, SSn), channel power
    (CPn), gauge status (Tn), unit (U), identification (MD, SN, FV), error codes.
    """

    reply_delay_s = 0.015
    fault_kinds: ClassVar = {"stuck_readback": "the pressure keeps its value", "no_gauge": "the sensor is unplugged"}

    def __init__(self, clock: Clock, seed: int | str, chamber: SputterChamber, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._chamber, self._unit, self._shown_Pa = chamber, "TORR", 1e-3
        self._points = {f"{what}{n}": value for what, value in (("SP", 1e-2), ("SH", 1.1e-2)) for n in range(1, 13)}
        self._relays = {n: {"SD": "BELOW", "EN": "CLEAR"} for n in range(1, 13)}
        self._has_power = True

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
        command, channel = match[2] + ("Z" if match[3] == "Z" else ""), int(match[3]) if match[3].isdigit() else 0
        reply = self._set(command, channel, match[5]) if match[4] == "!" else self._ask(command, channel)
        return f"@253{reply};FF".encode()

    @override
    def power_up(self) -> None:
        """Start with the gauges on, as configured; relays keep their settings."""
        super().power_up()
        self._has_power = True

    def _set(self, command: str, channel: int, value: str) -> str:
        if command == "U" and value.upper() in _UNITS:
            self._unit = value.upper()
            return f"ACK{_TOLD.get(self._unit, self._unit)}"
        if command == "CP" and channel in _SENSORS and value in ("ON", "OFF"):
            self._has_power = value == "ON" if channel == 1 else self._has_power
            return f"ACK{value}"
        relay = self._relays.get(channel)
        words = {"SD": ("ABOVE", "BELOW"), "EN": ("CLEAR", "ENABLE", "SET")}
        if relay is not None and command in words and value in words[command]:
            relay[command] = value
            return f"ACK{value}"
        if relay is not None and command in ("SP", "SH"):
            try:
                self._points[f"{command}{channel}"] = float(value)
            except ValueError:
                return _INVALID
            return f"ACK{self._points[f'{command}{channel}']:.2E}"
        return _INVALID if command in ("U", "CP", "SD", "EN") else _UNKNOWN

    def _ask(self, command: str, channel: int) -> str:
        texts = {"MD": "937B", "SN": "0000000000", "FV": "1.20", "U": _TOLD.get(self._unit, self._unit)}
        if command in texts and not channel:
            return f"ACK{texts[command]}"
        if command == "PRZ":
            return "ACK" + " ".join(self._pressure(n) for n in range(1, 7))
        if command == "MT":
            return "ACKCC,PR,NC"
        if command in ("PR", "PC"):
            return f"ACK{self._pressure(channel)}" if 1 <= channel <= 6 else _NO_CHANNEL
        if command == "T" and channel in (1, 3, 5):
            return f"ACK{'G' if channel == 1 and self._has_power else 'O'}"
        if command == "CP" and 1 <= channel <= 6:
            return f"ACK{'ON' if channel != 1 or self._has_power else 'OFF'}"
        relay = self._relays.get(channel)
        if relay is None:
            return _UNKNOWN
        if command == "SS":
            return f"ACK{'SET' if self._is_closed(channel) else 'CLEAR'}"
        if command in ("SP", "SH"):
            return f"ACK{self._points[f'{command}{channel}']:.2E}"
        return f"ACK{relay[command]}" if command in relay else _UNKNOWN

    def _is_closed(self, n: int) -> bool:
        relay, sensor = self._relays[n], (n + 1) // 2
        if relay["EN"] != "ENABLE" or sensor not in _SENSORS:
            return relay["EN"] == "SET"
        told = self._pressure(sensor)
        if not told[0].isdigit():
            return False
        return (float(told) < self._points[f"SP{n}"]) == (relay["SD"] == "BELOW")

    def _pressure(self, channel: int) -> str:
        if channel not in _SENSORS:
            return "NOGAUGE"
        if channel == 2:
            return f"{1.2 * (1.0 + self.random.gauss(0.0, 0.02)) / _UNITS[self._unit]:.2E}"
        if self.faults.active("no_gauge") is not None:
            return "NOGAUGE"
        if not self._has_power:
            return "OFF"
        self._chamber.advance()
        if self.faults.active("stuck_readback") is None:
            self._shown_Pa = self._chamber.pressure_Pa * (1.0 + self.random.gauss(0.0, NOISE))
        return f"{self._shown_Pa / _UNITS[self._unit]:.2E}"
