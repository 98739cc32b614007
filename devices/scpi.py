"""Quantities of instruments that speak SCPI or a like text protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity
from devices._signals import Setting
from labctl.link import Link, Plausible


@dataclass(frozen=True)
class Query:
    """A quantity read with one text query and, when it can be set, written with one command.

    Source: SCPI-99 volume 1, chapters 5 to 7 (program messages, responses).
    """

    query: str
    """Sent to read, e.g. ``":SOUR:CURR?"``."""
    command: str | None = None
    """Sent to write, a format of one value, e.g. ``":SOUR:CURR {:.6e}"``."""
    parse: Callable[[str], Any] = float  # a number, a text or a flag
    plausible: Plausible | None = None

    @override
    def __str__(self) -> str:
        return self.query

    def read(self, link: Link) -> Any:  # as `parse` gives it
        """Return the parsed reply; raises `LinkError`."""
        return link.query(self.query, self.parse, plausible=self.plausible)

    def write(self, link: Link, value: Any) -> None:
        """Send the command with `value`; raises `LinkError`, TypeError for a read-only quantity."""
        if self.command is None:
            raise TypeError(f"{self.query} is read-only")
        link.write(self.command.format(value))


def switch(query: str, command: str, kind: str) -> Cpt:
    """Return a setting that is 1 for on and 0 for off.

    Args:
        query: such as ``":OUTP?"``.
        command: such as ``":OUTP {:d}"``.
        kind: of the signal: ``normal`` or ``config``.
    """
    return Cpt(Setting, point=Query(query, command, flag), units=None, dtype="integer", limits=(0, 1), kind=kind)


def quoted(reply: str) -> str:
    """Return a text reply, or a list of texts, without the quotation marks."""
    return reply.replace('"', "").strip()


def flag(reply: str) -> int:
    """Return 1 for ON or 1 and 0 for OFF or 0; ValueError for anything else."""
    try:
        return {"1": 1, "0": 0, "ON": 1, "OFF": 0}[reply.strip().upper()]
    except KeyError:
        raise ValueError(f"not a flag: {reply!r}") from None


def identity(link: Link) -> Identity:
    """Ask ``*IDN?`` (IEEE 488.2, 10.14: maker, model, serial number, firmware); raises `LinkError`."""

    def parse(reply: str) -> Identity:
        maker, model, serial, firmware = (part.strip() for part in reply.split(",", 3))
        return Identity(maker, model, serial, firmware)

    return link.query("*IDN?", parse)
