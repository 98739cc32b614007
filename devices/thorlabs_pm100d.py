"""An optical power meter."""

from __future__ import annotations

from ophyd import Component as Cpt
from ophyd.status import Status
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Readback, Setting, Soft
from devices.scpi import Query, identity, quoted

POWER_RANGE_W = (50e-9, 50e-3)
"""What a photodiode sensor can tell from darkness, and what blinds it. Source: Thorlabs, S120C, 'power range'."""


class ThorlabsPM100D(LinkedDevice):
    """Thorlabs PM100D console with a photodiode sensor; its reference is taken with an empty beam.

    A reading is taken by `trigger` and kept in `power`.
    """

    protocol = "SCPI"
    source = "Thorlabs, PM100D Operation Manual, chapter 'SCPI commands'"
    safe_state = "It emits nothing: nothing to do."
    models = ("PM100D",)
    verified = "in simulation, which the driver ThorlabsPM100 accepts; not yet on hardware"
    example_address = "USB0::0x1313::0x8078::P0000002::INSTR"
    process = ()

    wavelength = Cpt(
        Setting,
        point=Query("SENS:CORR:WAV?", "SENS:CORR:WAV {:.1f}"),
        units="nm",
        limits=(400.0, 1100.0),
        kind="normal",
    )
    reference = Cpt(
        Setting, point=Query("SENS:POW:REF?", "SENS:POW:REF {:.6e}"), units="W", limits=(0.0, 1.0), kind="normal"
    )
    averaging = Cpt(
        Setting,
        point=Query("SENS:AVER?", "SENS:AVER {:.0f}"),
        units=None,
        dtype="integer",
        limits=(1, 3000),
        kind="config",
    )
    sensor = Cpt(Readback, point=Query("SYST:SENS:IDN?", None, quoted), units=None, dtype="string", kind="config")
    power = Cpt(Soft, value=0.0, units="W", kind="hinted")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def trigger(self) -> Status:
        """Take one reading; return a finished status. Raises `LinkError`."""
        self.power.put(self.link.query("MEAS:POW?", float))
        return self.finished()

    @override
    def make_safe(self) -> None:
        """Do nothing: the meter is passive."""
