"""A simulated Bronkhorst EL-FLOW flow controller."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, Instrument

FULL_SCALE = 32000
_NODE = 3
_DLE, _STX, _ETX = 0x10, 0x02, 0x03
_STATUS, _SEND_WITH_STATUS, _SEND, _REQUEST = 0, 1, 2, 4
_OK, _NO_PROCESS, _PARAMETER, _TYPE, _VALUE = 0, 1, 4, 5, 6
_RESPONSE_S = 0.5
NOISE = 2e-4
"""Of one reading of the flow, standard deviation as a share of full scale."""


class SimBronkhorstELFlow(Instrument):
    """Measure, set point, valve, mode, identity of node 3; ASCII and enhanced binary telegrams.

    Source: Bronkhorst, RS232 Interface Instruction Manual 9.17.027, sections 3.3 (ASCII protocol), 3.5 (enhanced
    binary protocol: DLE STX ... DLE ETX, DLE doubled) and 3.8 (parameters). After a power failure the set point is 0.
    """

    reply_delay_s = 0.01
    fault_kinds: ClassVar = {
        "no_flow": "the bottle is empty: no gas flows",
        "stuck_readback": "the flow shown keeps its value",
    }

    def __init__(
        self,
        clock: Clock,
        seed: int | str,
        faults: Sequence[Fault] = (),
        inlet: SputterChamber | None = None,
        role: str = "argon",
        capacity_sccm: float = 100.0,
    ) -> None:
        super().__init__(clock, seed, faults)
        self._capacity, self._gas = capacity_sccm, {"argon": "Ar", "oxygen": "O2"}.get(role, "Air")
        self._setpoint, self._from, self._changed_at, self._mode = 0.0, 0.0, clock.monotonic(), 0
        self._shown, self._binary = 0.0, False
        self.before_change: Callable[[], object] = lambda: None
        """Called before the flow changes: brings up to date what the gas flows into."""
        if inlet is not None:
            inlet.let_in(role, self.flow_sccm)
            self.before_change = inlet.advance

    def flow_sccm(self, now_s: float) -> float:
        """Return what really flows [sccm] at an instant [s, monotonic] since the last change."""
        if self.faults.active("no_flow", now_s) is not None:
            return 0.0
        return self._capacity * self._share(now_s)

    def _share(self, now_s: float) -> float:
        aim = 0.0 if self._mode == 3 else 1.0 if self._mode == 8 else self._setpoint
        return aim + (self._from - aim) * math.exp(-max(0.0, now_s - self._changed_at) / _RESPONSE_S)

    def _change(self) -> None:
        self.before_change()
        now_s = self.clock.monotonic()
        self._from, self._changed_at = self._share(now_s), now_s

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the valve is not closed."""
        is_open = self._mode == 8 or (self._mode != 3 and self._setpoint > 0.0)
        return (f"valve open, set point {self._setpoint * self._capacity:g} sccm",) if is_open else ()

    @override
    def power_down(self) -> None:
        """Lose the power: the valve closes."""
        super().power_down()
        self._change()
        self._setpoint = self._from = 0.0

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut off an ASCII line or a binary telegram; return its bytes from the node on."""
        while received and received[0] not in (0x3A, _DLE):
            del received[:1]
        if not received:
            return None
        self._binary = received[0] == _DLE
        return self._take_binary(received) if self._binary else self._take_ascii(received)

    def _take_ascii(self, received: bytearray) -> bytes | None:
        end = received.find(b"\n")
        if end < 0:
            return None
        line = bytes(received[1:end]).strip()
        del received[: end + 1]
        try:
            message = bytes.fromhex(line.decode("latin1"))
        except ValueError:
            return b""
        self._sequence = b""
        return message[1:] if message and message[0] == len(message) - 1 else b""

    def _take_binary(self, received: bytearray) -> bytes | None:
        end = received.find(bytes((_DLE, _ETX)))
        if end < 0:
            return None
        message = bytes(received[2:end]).replace(bytes((_DLE, _DLE)), bytes((_DLE,)))
        del received[: end + 2]
        self._sequence = message[:1]
        return message[1:2] + message[3:] if len(message) > 3 else b""

    _sequence = b""

    def answer(self, request: bytes) -> bytes | None:
        """Act on a message to node 3 (or 128, whoever is there)."""
        if len(request) < 3:
            return self._wrap(bytes((_NODE, _STATUS, _VALUE, 0))) if not request else None
        if request[0] not in (_NODE, 128):
            return None
        command = request[1]
        if command == _REQUEST:
            return self._wrap(self._told(request[2:]))
        if command in (_SEND, _SEND_WITH_STATUS):
            status = self._set(request[2], request[3], request[4:])
            return self._wrap(bytes((_NODE, _STATUS, status, 5))) if command == _SEND_WITH_STATUS else None
        return self._wrap(bytes((_NODE, _STATUS, _PARAMETER, 2)))

    def _wrap(self, message: bytes) -> bytes:
        if not self._binary:
            return b":" + bytes((len(message), *message)).hex().upper().encode("ascii") + b"\r\n"
        body = self._sequence + message[:1] + bytes((len(message) - 1,)) + message[1:]
        return bytes((_DLE, _STX)) + body.replace(bytes((_DLE,)), bytes((_DLE, _DLE))) + bytes((_DLE, _ETX))

    def _told(self, data: bytes) -> bytes:
        """Return the answer to a request: process and parameter as it named them, then the value."""
        if len(data) < 4:
            return bytes((_NODE, _STATUS, _VALUE, 2))
        back_process, back_parameter, process, parameter = data[0], data[1], data[2], data[3]
        value = self._value(process, parameter & 0x1F, parameter & 0x60)
        if value is None:
            return bytes((_NODE, _STATUS, _PARAMETER, 3))
        return bytes((_NODE, _SEND, back_process, back_parameter)) + value

    def _value(self, process: int, number: int, kind: int) -> bytes | None:
        now_s = self.clock.monotonic()
        if (process, number) in ((1, 0), (33, 0)) and self.faults.active("stuck_readback") is None:
            dry = self.faults.active("no_flow") is not None
            self._shown = 0.0 if dry else self._share(now_s) + self.random.gauss(0.0, NOISE)
        words = {(1, 0): self._shown, (1, 1): self._setpoint}
        floats = {
            (1, 13): self._capacity,
            (33, 0): self._shown * self._capacity,
            (33, 3): self._setpoint * self._capacity,
            (33, 7): 22.5,
        }
        texts = {(1, 17): self._gas, (1, 31): "mln/min", (113, 2): "F-201CV", (113, 3): "M00000000A", (113, 5): "V1.53",
                 (113, 6): "ID000000", (0, 0): "SNM00000000A"}  # fmt: skip
        key = (process, number)
        if key in words and kind == 0x20:
            return struct.pack(">h", round(words[key] * FULL_SCALE))
        if key in floats and kind == 0x40:
            return struct.pack(">f", floats[key])
        if key in texts and kind == 0x60:
            return b"\x00" + texts[key].encode("ascii") + b"\x00"
        if key == (1, 4) and kind == 0:
            return bytes((self._mode,))
        if key == (114, 1) and kind == 0x40:
            return struct.pack(">I", round(0.4 * 0xFFFFFF * self._share(now_s)))
        return None

    def _set(self, process: int, parameter: int, data: bytes) -> int:
        key, kind = (process, parameter & 0x1F), parameter & 0x60
        if key == (1, 1) and kind == 0x20 and len(data) == 2:
            (word,) = struct.unpack(">h", data)
            if not 0 <= word <= FULL_SCALE:
                return _VALUE
            self._change()
            self._setpoint = word / FULL_SCALE
        elif key == (33, 3) and kind == 0x40 and len(data) == 4:
            (value,) = struct.unpack(">f", data)
            if not 0.0 <= value <= self._capacity:
                return _VALUE
            self._change()
            self._setpoint = value / self._capacity
        elif key == (1, 4) and kind == 0 and len(data) == 1:
            if data[0] not in (0, 3, 8, 18):
                return _VALUE
            self._change()
            self._mode = data[0]
        else:
            return _PARAMETER
        return _OK
