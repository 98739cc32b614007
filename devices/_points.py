"""Where a quantity lives on an instrument."""

from __future__ import annotations

from typing import Any, Protocol

from labctl.link import Link


class Point(Protocol):
    """One quantity on the wire. Instances are immutable.

    ``str`` of one names the exact command or register; it goes into the recorded source of the quantity.
    """

    def read(self, link: Link) -> Any:  # number, text or flag, as the instrument has it
        """Return the present value; raises `LinkError`."""
        ...

    def write(self, link: Link, value: Any) -> None:
        """Send a new value; raises `LinkError`, or TypeError where the quantity is read-only."""
        ...
