"""Quantities of instruments that speak Modbus RTU, or Modbus TCP where the address is port 502 of a host.

RTU frames go over a serial line, and over a socket with any other port: that is a serial server. Source: Modbus
application protocol specification V1.1b3, sections 6.3, 6.4, 6.6, 6.12 and 7; Modbus over serial line V1.02, section
2.5.1 and appendix B (CRC); Modbus messaging on TCP/IP V1.0b, sections 3.1.3 (header) and 4.3 (port 502).
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from typing_extensions import override

from labctl.link import Link

T = TypeVar("T")
READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16
EXCEPTIONS = {1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "device failure", 6: "busy"}

_TCP = re.compile(r"^TCPIP.*::502::SOCKET$")
_HEADER = 6
"""Bytes of a TCP frame before the unit."""


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_TABLE = _crc_table()


def crc(data: bytes) -> bytes:
    """Return the two check bytes of a frame, low byte first."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return struct.pack("<H", value)


def _missing(received: bytes) -> int:
    """Return how many bytes a reply still lacks."""
    if len(received) < 3:
        return 5 - len(received)
    function = received[1]
    whole = 5 if function & 0x80 or function not in (READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY) else 8
    if function in (READ_HOLDING, READ_INPUT):
        whole = 5 + received[2]
    return max(0, whole - len(received))


def _missing_of_tcp(received: bytes) -> int:
    """Return how many bytes a reply on TCP still lacks."""
    if len(received) < _HEADER:
        return _HEADER - len(received)
    return max(0, _HEADER + int.from_bytes(received[4:6], "big") - len(received))


@functools.cache
def _is_tcp(address: str) -> bool:
    """Return whether frames to an address are those of Modbus TCP; asked with every exchange, so it is remembered."""
    return _TCP.search(address.upper()) is not None


def _converse(link: Link, request: bytes, parse: Callable[[bytes], T]) -> T:
    """Send unit and request, and return what `parse` makes of the body of the answer; raises `LinkError`."""
    unit, function = request[0], request[1]

    def body(frame: bytes) -> bytes:
        if frame[0] != unit or frame[1] & 0x7F != function:
            raise ValueError(f"reply is for unit {frame[0]} function {frame[1]}")
        if frame[1] & 0x80:
            raise ValueError(f"refused: {EXCEPTIONS.get(frame[2], f'exception {frame[2]}')}")
        return frame[2:]

    if _is_tcp(link.address):
        header = crc(request) + struct.pack(
            ">HH", 0, len(request)
        )  # the transaction is as unlike others as its request

        def on_tcp(reply: bytes) -> T:
            if reply[:4] != header[:4] or len(reply) < _HEADER + 3:
                raise ValueError("answer to another request")
            return parse(body(reply[_HEADER:]))

        return link.exchange(header + request, _missing_of_tcp, on_tcp)

    def on_line(reply: bytes) -> T:
        if crc(reply[:-2]) != reply[-2:]:
            raise ValueError("wrong CRC")
        return parse(body(reply[:-2]))

    return link.exchange(request + crc(request), _missing, on_line)


def read_registers(link: Link, unit: int, address: int, count: int = 1) -> tuple[int, ...]:
    """Return `count` holding registers from `address` on, each 0 to 65535; raises `LinkError`."""
    request = struct.pack(">BBHH", unit, READ_HOLDING, address, count)

    def words(body: bytes) -> tuple[int, ...]:
        if body[0] != 2 * count:
            raise ValueError(f"{body[0]} bytes in place of {2 * count}")
        return struct.unpack(f">{count}H", body[1:])

    return _converse(link, request, words)


def write_register(link: Link, unit: int, address: int, word: int) -> None:
    """Write one holding register, 0 to 65535, and check the echo; raises `LinkError`."""
    request = struct.pack(">BBHH", unit, WRITE_ONE, address, word)

    def echo(body: bytes) -> None:
        if body != request[2:]:
            raise ValueError("echo differs from the request")

    _converse(link, request, echo)


def write_registers(link: Link, unit: int, address: int, words: Sequence[int]) -> None:
    """Write holding registers from `address` on, each 0 to 65535, and check the echo; raises `LinkError`."""
    head = struct.pack(">BBHH", unit, WRITE_MANY, address, len(words))
    request = head + struct.pack(f">B{len(words)}H", 2 * len(words), *words)

    def echo(body: bytes) -> None:
        if body != head[2:]:
            raise ValueError("echo differs from the request")

    _converse(link, request, echo)


@dataclass(frozen=True)
class Register:
    """One holding register as a scaled number.

    `scale` is how many counts make one unit: 10 for a value with one decimal.
    """

    address: int
    scale: float = 1.0
    unit: int = 1
    """Slave address, 1 to 247."""
    signed: bool = True

    @override
    def __str__(self) -> str:
        return f"register {self.address}"

    def read(self, link: Link) -> float:
        """Return the register in its unit; raises `LinkError`."""
        (word,) = read_registers(link, self.unit, self.address)
        return self.decode(word)

    def decode(self, word: int) -> float:
        """Return the value of a register's 16 bits, in its unit."""
        return (word - 0x10000 if self.signed and word & 0x8000 else word) / self.scale

    def write(self, link: Link, value: float) -> None:
        """Write a value in its unit; raises `LinkError`, ValueError when it does not fit a register."""
        word = round(float(value) * self.scale)
        low, high = (-0x8000, 0x7FFF) if self.signed else (0, 0xFFFF)
        if not low <= word <= high:
            raise ValueError(f"{value} does not fit register {self.address} ({low / self.scale}..{high / self.scale})")
        write_register(link, self.unit, self.address, word & 0xFFFF)


@dataclass(frozen=True)
class LongRegister:
    """Two holding registers as one scaled 32-bit number, signed, the high word first.

    `scale` is how many counts make one unit: 10 for a value with one decimal.
    """

    address: int
    scale: float = 1.0
    unit: int = 1
    """Slave address, 1 to 247."""

    @override
    def __str__(self) -> str:
        return f"registers {self.address} and {self.address + 1}"

    def read(self, link: Link) -> float:
        """Return the number in its unit; raises `LinkError`."""
        (value,) = struct.unpack(">i", struct.pack(">HH", *read_registers(link, self.unit, self.address, 2)))
        return float(value) / self.scale

    def write(self, link: Link, value: float) -> None:
        """Write a number in its unit; raises `LinkError`."""
        words = struct.unpack(">HH", struct.pack(">i", round(float(value) * self.scale)))
        write_registers(link, self.unit, self.address, words)


@dataclass(frozen=True)
class FloatRegister:
    """Two holding registers as one IEEE 754 number, the high word first unless `low_first`."""

    address: int
    unit: int = 1
    """Slave address, 1 to 247."""
    low_first: bool = False

    @override
    def __str__(self) -> str:
        return f"registers {self.address} and {self.address + 1}"

    def read(self, link: Link) -> float:
        """Return the number; raises `LinkError`."""
        words = read_registers(link, self.unit, self.address, 2)
        (value,) = struct.unpack(">f", struct.pack(">HH", *(words[::-1] if self.low_first else words)))
        return float(value)

    def write(self, link: Link, value: float) -> None:
        """Write a number; raises `LinkError`."""
        words = struct.unpack(">HH", struct.pack(">f", float(value)))
        write_registers(link, self.unit, self.address, words[::-1] if self.low_first else words)
