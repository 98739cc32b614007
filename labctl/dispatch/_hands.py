"""What a line needs done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from labctl.dispatch._port import Handled, Move, Port
from labctl.dispatch._traveller import Traveller


class Hands(Protocol):
    """Does what the line decided: real stations, or a forecast."""

    def carry(self, move: Move) -> None:
        """Have a sample carried; `Line.carried` is called when it was."""
        ...

    def begin(self, port: Port) -> None:
        """Have a station do the next operation of its load; `Line.operated` is called when it ended."""
        ...

    def loaded(self, station: str, load: Sequence[Traveller]) -> None:
        """Take note of a load before the first of its samples is moved."""
        ...

    def handled(self, handled: Handled) -> None:
        """Take note of what will be done about an operation that failed, before it is done."""
        ...

    def ended(self, traveller: Traveller) -> None:
        """Take note of a sample to which nothing more is done."""
        ...
