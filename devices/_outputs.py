"""Quantities of supplies that choose an output before they are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from labctl.link import Link


@dataclass(frozen=True)
class OutputQuery:
    """A SCPI quantity of one of several outputs, chosen by ``INSTrument:NSELect`` in the same line."""

    output: int
    """Number of the output, from 1."""
    query: str
    command: str = ""
    """Sent to write, a format of one value."""
    parse: Callable[[str], Any] = float

    @override
    def __str__(self) -> str:
        return f"{self.query} of output {self.output}"

    def read(self, link: Link) -> Any:  # as `parse` gives it
        """Return the parsed reply; raises `LinkError`."""
        return link.query(f"INST:NSEL {self.output};:{self.query}", self.parse)

    def write(self, link: Link, value: Any) -> None:
        """Send the command with `value`; raises `LinkError`, TypeError for a read-only quantity."""
        if not self.command:
            raise TypeError(f"{self.query} is read-only")
        link.write(f"INST:NSEL {self.output};:{self.command.format(value)}")
