"""What a lab file's `class` means: a class of the package devices, or an instrument file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.errors import FileError
from labctl.lab._described_kind import described_kind, is_described

if TYPE_CHECKING:
    from devices import LinkedDevice


def device_kind(kind: str, *, simulated: bool = False) -> type[LinkedDevice]:
    """Return a device class.

    Args:
        kind: as a checked lab file has it.
        simulated: what an instrument file describes is remembered only.

    Raises:
        KeyError: there is no such class.
        FileError: the instrument file is wrong.
    """
    from devices import device_class

    return described_kind(kind, simulated=simulated) if is_described(kind) else device_class(kind)


def is_kind(kind: str) -> bool:
    """Return whether there is such a class, without a mistake."""
    from devices import DEVICES

    if not is_described(kind):
        return kind in DEVICES
    try:
        described_kind(kind)
    except FileError:
        return False
    return True
