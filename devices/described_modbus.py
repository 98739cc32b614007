"""Instruments that speak Modbus RTU, as an instrument file describes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from devices.described import World, visa_address
from devices.modbus import FloatRegister, LongRegister, Register
from labctl.link import Link

FORMS = ("int16", "uint16", "int32", "float", "float-swapped")
"""What registers hold; the last has its low word first."""
_AT = re.compile(r"(?:(\d+):)?(\d+)(?: ([a-z0-9-]+))?(?: ([\d.]+))?$")


@dataclass(frozen=True)
class Place:
    """Where a quantity lives, as ``[UNIT:]REGISTER [FORM] [SCALE]`` says it: ``2:16 int16 10``."""

    unit: int
    """Slave address."""
    register: int
    """Address of the first register, as it goes over the wire."""
    form: str
    """One of `FORMS`."""
    scale: float
    """Counts that make one unit."""


def place(text: str) -> Place:
    """Return where a quantity lives; raises ValueError for what does not say it."""
    match = _AT.match(text)
    if match is None or (match[3] or "int16") not in FORMS:
        raise ValueError(f"{text!r} is not [UNIT:]REGISTER [FORM] [SCALE] with a form of {', '.join(FORMS)}")
    unit, register, scale = int(match[1] or 1), int(match[2]), float(match[4] or 1)
    if not 1 <= unit <= 247 or register > 65535 or scale <= 0:
        raise ValueError(f"{text!r}: unit 1..247, register 0..65535, scale above 0")
    return Place(unit, register, match[3] or "int16", scale)


@dataclass(frozen=True)
class _Fixed:
    """A register that is not to be written, or that holds text's stand-in: its number in words."""

    inner: Register | LongRegister | FloatRegister
    as_text: bool
    is_settable: bool

    @override
    def __str__(self) -> str:
        return str(self.inner)

    def read(self, link: Link) -> Any:  # a number, or the number as text
        value = self.inner.read(link)
        return f"{value:g}" if self.as_text else value

    def write(self, link: Link, value: Any) -> None:
        if not self.is_settable:
            raise TypeError(f"{self.inner} is read-only")
        self.inner.write(link, float(value))


def point(read_at: str, set_at: str, dtype: str) -> _Fixed:
    """Return where a signal lives; it is set where it is read.

    Args:
        read_at: as `place` reads it.
        set_at: the same, or empty for what can only be read.
        dtype: "number", "integer" or "string"; the last tells the number as text.

    Raises:
        ValueError: it does not say where, or is set elsewhere.
    """
    at = place(read_at)
    if set_at and set_at != read_at:
        raise ValueError("a register is set where it is read: write `set: true`")
    inner: Register | LongRegister | FloatRegister
    if at.form in ("int16", "uint16"):
        inner = Register(at.register, at.scale, at.unit, at.form == "int16")
    elif at.form == "int32":
        inner = LongRegister(at.register, at.scale, at.unit)
    else:
        inner = FloatRegister(at.register, at.unit, at.form == "float-swapped")
    return _Fixed(inner, dtype == "string", bool(set_at))


def open_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how the line is opened: ``baud_rate``."""
    return {"read_termination": "", "write_termination": "", "baud_rate": options.get("baud_rate", 9600)}


WORLD = World(
    extra="",
    address=visa_address,
    point=point,
    connect=lambda *_: None,
    disconnect=lambda _: None,
    open_options=open_options,
)
"""Spoken over the laboratory's own links."""
