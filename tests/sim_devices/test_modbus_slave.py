"""Modbus RTU frames against the specification, and what a slave refuses."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices.modbus as master
import sim_devices.modbus as slave
from labctl.clock import VirtualClock
from tests.sim_devices.conftest import say


class Registers(slave.ModbusInstrument):
    """Registers 0 to 9; 9 is read-only, and 8 takes values up to 100."""

    def __init__(self, unit=1):
        super().__init__(VirtualClock(), 1, unit=unit)
        self.words = list(range(100, 110))

    def read_register(self, address):
        if address > 9:
            raise slave.ModbusError(slave.ILLEGAL_ADDRESS)
        return self.words[address]

    def write_register(self, address, word):
        if address >= 9:
            raise slave.ModbusError(slave.ILLEGAL_ADDRESS)
        if address == 8 and word > 100:
            raise slave.ModbusError(slave.ILLEGAL_VALUE)
        self.words[address] = word


def framed(body, crc=slave.crc):
    return body + crc(body)


@pytest.mark.parametrize("crc", [master.crc, slave.crc])
@pytest.mark.parametrize(
    ("message", "check"),
    [
        ("02 07", "41 12"),  # Modbus over serial line V1.02, appendix B
        ("01 04 02 ff ff", "b8 80"),
        ("11 03 00 6b 00 03", "76 87"),
        ("01 06 00 01 00 03", "98 0b"),
        ("", "ff ff"),
    ],
)
def test_the_crc_agrees_with_published_frames(crc, message, check):
    assert crc(bytes.fromhex(message)) == bytes.fromhex(check)


@given(st.binary(max_size=64))
def test_master_and_slave_compute_the_same_crc(message):
    assert master.crc(message) == slave.crc(message)
    assert slave.crc(message + slave.crc(message)) == b"\0\0"


@pytest.mark.parametrize("function", [3, 4])
def test_registers_are_read_in_one_frame(function):
    reply = say(Registers(), framed(struct.pack(">BBHH", 1, function, 2, 3)))
    assert reply == framed(struct.pack(">BBBHHH", 1, function, 6, 102, 103, 104))


def test_a_write_is_echoed():
    registers, request = Registers(), framed(struct.pack(">BBHH", 1, 6, 3, 0xABCD))
    assert say(registers, request) == request
    assert registers.words[3] == 0xABCD


def test_several_registers_are_written_at_once():
    registers = Registers()
    reply = say(registers, framed(struct.pack(">BBHHBHH", 1, 16, 0, 2, 4, 7, 8)))
    assert reply == framed(struct.pack(">BBHH", 1, 16, 0, 2))
    assert registers.words[:2] == [7, 8]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (struct.pack(">BBHH", 1, 3, 8, 5), slave.ILLEGAL_ADDRESS),
        (struct.pack(">BBHH", 1, 3, 0, 0), slave.ILLEGAL_VALUE),
        (struct.pack(">BBHH", 1, 3, 0, 126), slave.ILLEGAL_VALUE),
        (struct.pack(">BBHH", 1, 6, 9, 1), slave.ILLEGAL_ADDRESS),
        (struct.pack(">BBHH", 1, 6, 8, 101), slave.ILLEGAL_VALUE),
        (struct.pack(">BBHH", 1, 5, 0, 0xFF00), slave.ILLEGAL_FUNCTION),
        (struct.pack(">BBHHBH", 1, 16, 0, 2, 2, 7), slave.ILLEGAL_VALUE),
    ],
)
def test_what_cannot_be_done_is_an_exception(body, code):
    registers = Registers()
    reply = say(registers, framed(body))
    assert reply == framed(bytes([1, body[1] | 0x80, code]))
    assert registers.words == list(range(100, 110))


def test_a_wrong_crc_is_not_answered_and_the_next_frame_is():
    registers, request = Registers(), framed(struct.pack(">BBHH", 1, 3, 0, 1))
    assert say(registers, request[:-1] + b"\0") == b""
    assert say(registers, request) == framed(struct.pack(">BBBH", 1, 3, 2, 100))


def test_noise_before_a_frame_spoils_that_frame_only():
    registers, request = Registers(), framed(struct.pack(">BBHH", 1, 3, 0, 1))
    assert say(registers, b"\xff" + request) == b""
    assert say(registers, request) == framed(struct.pack(">BBBH", 1, 3, 2, 100))


def test_a_frame_for_another_unit_is_not_answered():
    registers = Registers(unit=7)
    assert say(registers, framed(struct.pack(">BBHH", 1, 6, 0, 5))) == b""
    assert registers.words[0] == 100
    assert say(registers, framed(struct.pack(">BBHH", 7, 3, 0, 1)))[:1] == b"\7"


def test_a_frame_may_come_in_pieces():
    registers, request = Registers(), framed(struct.pack(">BBHHBHH", 1, 16, 0, 2, 4, 7, 8))
    replies = [say(registers, bytes([byte])) for byte in request]
    assert replies[:-1] == [b""] * (len(request) - 1)
    assert len(replies[-1]) == 8


@given(st.binary(max_size=40))
def test_noise_neither_breaks_the_slave_nor_writes(noise):
    registers = Registers()
    say(registers, noise)
    registers.clear()
    assert registers.words == list(range(100, 110))
    assert say(registers, framed(struct.pack(">BBHH", 1, 3, 0, 1))) == framed(struct.pack(">BBBH", 1, 3, 2, 100))


def test_a_frame_of_tcp_is_answered_with_its_header():
    registers = Registers()
    request = bytes.fromhex("00 2a 00 00 00 06 01 03 00 02 00 02")
    assert say(registers, request) == bytes.fromhex("00 2a 00 00 00 07 01 03 04 00 66 00 67")
    assert say(registers, bytes.fromhex("00 2b 00 00 00 06 01 06 00 09 00 01")) == bytes.fromhex(
        "00 2b 00 00 00 03 01 86 02"
    )
    pieces = [say(registers, bytes([byte])) for byte in request]
    assert pieces[:-1] == [b""] * 11
    assert say(registers, framed(struct.pack(">BBHH", 1, 3, 0, 6)))[:3] == b"\x01\x03\x0c"  # looks alike, has a CRC
