"""What carries samples: a robot, or a person with a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Readback
from labctl.link import Link

T = TypeVar("T")
POLL_S = 2.0
_PLACE = re.compile(r"[A-Za-z0-9_-]+\.\d+")


def checksum(text: str) -> str:
    """Return the exclusive or of all characters as two hexadecimal digits, as in NMEA 0183."""
    value = 0
    for byte in text.encode("ascii"):
        value ^= byte
    return f"{value:02X}"


def ask(link: Link, command: str, parse: Callable[[str], T] = str) -> T:  # type: ignore[assignment]  # str is a parser
    """Send a command with its checksum and return the parsed reply without; raises `LinkError`."""

    def answer(reply: str) -> T:
        text, star, check = reply.rpartition("*")
        if not star or check != checksum(text):
            raise ValueError("wrong checksum")
        if text.startswith("ERR "):
            raise ValueError(f"refused: {text[4:]}")
        return parse(text)

    return link.query(f"{command}*{checksum(command)}", answer)


def _identity(text: str) -> Identity:
    maker, model, serial, firmware = text.split(",")
    return Identity(maker, model, serial, firmware)


@dataclass(frozen=True)
class _State:
    """The mover's state in words."""

    @override
    def __str__(self) -> str:
        return "STATUS?"

    def read(self, link: Link) -> str:
        return ask(link, "STATUS?")

    def write(self, link: Link, value: str) -> None:
        raise TypeError("the state is read-only")


class SampleMover(LinkedDevice):
    """A mover that speaks the protocol of docs/reference/sample-mover.md.

    Each move has a number. The mover takes a number only once, so a command repeated after a lost
    reply does not act twice.
    """

    protocol = "labctl sample mover 1: ASCII lines with a checksum"
    source = "docs/reference/sample-mover.md"
    safe_state = "Halted; the sample stays gripped or where it was."
    models = ("mover",)
    is_checked = True
    example_address = "TCPIP0::192.168.1.22::4001::SOCKET"
    open_options: ClassVar = {"read_termination": "\n", "write_termination": "\n", "baud_rate": 115200}

    state = Cpt(Readback, point=_State(), units=None, dtype="string", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``ID?``; raises `LinkError`."""
        return ask(self.link, "ID?", _identity)

    def move(self, source: str, destination: str, timeout_s: float) -> ClockStatus:
        """Carry what lies at `source` to `destination`; return the status of that.

        Args:
            source: a place, e.g. ``rack.3``.
            destination: another place.
            timeout_s: lab seconds after which it fails.

        Raises:
            ValueError: not the name of a place; nothing was sent.
            LinkError: no answer, or the mover refuses (source empty, destination full).
        """
        for place in (source, destination):
            if _PLACE.fullmatch(place) is None:
                raise ValueError(f"{self.name}: {place!r} is not a place such as 'rack.3'")
        number = ask(self.link, "NEXT?", int)
        ask(self.link, f"MOVE {number} {source} {destination}")
        return self.start_action(timeout_s).poll(POLL_S, lambda: self._arrived(number))

    def _arrived(self, number: int) -> bool:
        state, _, detail = str(self.state.get()).partition(" ")
        if state in ("FAILED", "HALTED"):
            raise RuntimeError(f"{self.name}: {state.lower()} {detail}")
        return state == "DONE" and detail.split()[0] == str(number)

    @override
    def make_safe(self) -> None:
        """Halt a move in progress; raises `LinkError`."""
        if str(self.state.get()).startswith("MOVING"):
            ask(self.link, "HALT")
