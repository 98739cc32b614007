"""Modbus RTU and Modbus TCP, as a slave sees them.

Source: Modbus application protocol specification V1.1b3, sections 6.3, 6.6, 6.8, 6.12 and 7; Modbus over serial line
V1.02, section 2.5.1 and appendix B (CRC); Modbus messaging on TCP/IP V1.0b, section 3.1.3. A slave does not answer a
frame with a wrong CRC or another's address.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from labctl.clock import Clock
from sim_devices.wire import Fault, Instrument

READ_HOLDING, READ_INPUT, WRITE_ONE, ECHO, WRITE_MANY = 3, 4, 6, 8, 16
_HEADER = 6
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3


class ModbusError(Exception):
    """A request that is refused with an exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ 0xA001 if byte & 1 else byte >> 1
        table.append(byte)
    return tuple(table)


_TABLE = _crc_table()


def crc(data: bytes) -> bytes:
    """Return the two check bytes of a frame, low byte first."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return struct.pack("<H", value)


def _is_tcp(received: bytearray) -> bool:
    """Return whether bytes begin as a frame of Modbus TCP does, and are none of a line."""
    if len(received) < 8 or received[2:4] != b"\0\0" or not 6 <= int.from_bytes(received[4:6], "big") <= 254:
        return False
    return crc(bytes(received[:6])) != bytes(received[6:8])


class ModbusInstrument(Instrument):
    """A Modbus slave with holding registers; it answers each frame as it came, of a line (RTU) or of TCP.

    Args:
        clock: the lab's.
        seed: of its noise and faults.
        faults: what will go wrong.
        unit: slave address, 1 to 247.
    """

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = (), unit: int = 1) -> None:
        super().__init__(clock, seed, faults)
        self.unit, self._header = unit, b""

    def read_register(self, address: int) -> int:
        """Return a register, 0 to 65535.

        Raises:
            ModbusError: there is none.
        """
        raise NotImplementedError

    def write_register(self, address: int, word: int) -> None:
        """Set a register to 0..65535.

        Raises:
            ModbusError: there is none, it is read-only, or the value is out of range.
        """
        raise NotImplementedError

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut the first whole frame off: one of TCP, which has a header in place of the CRC, or one of a line."""
        self._header = b""
        if _is_tcp(received):
            whole = _HEADER + int.from_bytes(received[4:6], "big")
            if len(received) < whole:
                return None
            self._header, request = bytes(received[:_HEADER]), bytes(received[_HEADER:whole])
            del received[:whole]
            return request + crc(request)
        length = 8
        if len(received) > 6 and received[1] == WRITE_MANY:
            length = 9 + received[6]
        if len(received) < length:
            return None
        frame = bytes(received[:length])
        if crc(frame[:-2]) != frame[-2:]:
            received.clear()  # a slave waits for silence; whatever came belongs to the broken frame
            return b""
        del received[:length]
        return frame

    def answer(self, request: bytes) -> bytes | None:
        """Act on a frame."""
        if not request or request[0] != self.unit:
            return None
        function = request[1]
        try:
            body = bytes([function]) + self._act(function, request[2:-2])
        except ModbusError as error:
            body = bytes([function | 0x80, error.code])
        frame = bytes([self.unit]) + body
        if self._header:
            return self._header[:4] + struct.pack(">H", len(frame)) + frame
        return frame + crc(frame)

    def _act(self, function: int, data: bytes) -> bytes:
        address, value = struct.unpack(">HH", data[:4])
        if function in (READ_HOLDING, READ_INPUT):
            if not 1 <= value <= 125:
                raise ModbusError(ILLEGAL_VALUE)
            words = [self.read_register(address + offset) for offset in range(value)]
            return struct.pack(f">B{value}H", 2 * value, *words)
        if function == WRITE_ONE:
            self.write_register(address, value)
            return data
        if function == ECHO and address == 0:
            return data
        if function == WRITE_MANY:
            if data[4] != 2 * value or len(data) != 5 + 2 * value:
                raise ModbusError(ILLEGAL_VALUE)
            for offset, word in enumerate(struct.unpack(f">{value}H", data[5:])):
                self.write_register(address + offset, word)
            return data[:4]
        raise ModbusError(ILLEGAL_FUNCTION)
