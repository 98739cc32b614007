"""What multimeters have in common."""

from __future__ import annotations

from typing import ClassVar

from ophyd import Component as Cpt
from ophyd.status import Status
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Setting, Soft
from devices.scpi import identity

OVERLOAD = 9.9e37
"""A reading over the highest range, either sign."""


class Multimeter(LinkedDevice):
    """A SCPI multimeter that reads what its `function` says.

    A reading is taken by `trigger`, its range chosen by the meter, and kept in the signal of its quantity; the others
    are 0. Over the highest range `overload` is 1 and the reading 9.9e37.
    """

    protocol = "SCPI"
    safe_state = "It only listens: nothing to do."
    process = ()
    quantities: ClassVar[dict[str, str]]
    """Function by its name in SCPI, and the signal that keeps its readings."""

    function: Setting
    voltage = Cpt(Soft, value=0.0, units="V", kind="hinted")
    current = Cpt(Soft, value=0.0, units="A", kind="normal")
    resistance = Cpt(Soft, value=0.0, units="ohm", kind="normal")
    overload = Cpt(Soft, value=0.0, units="", saturates=True, kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def trigger(self) -> Status:
        """Take one reading; return a finished status. Raises `LinkError`, KeyError for another function."""
        measured = self.quantities[self.function.get()]
        reading = self.link.query(":READ?", float)
        for quantity in dict.fromkeys(self.quantities.values()):
            getattr(self, quantity).put(reading if quantity == measured else 0.0)
        self.overload.put(float(abs(reading) >= OVERLOAD))
        return self.finished()

    @override
    def make_safe(self) -> None:
        """Do nothing: the meter is passive."""
