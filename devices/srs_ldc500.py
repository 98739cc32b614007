"""A laser-diode controller."""

from __future__ import annotations

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Follows, Readback, Setting
from devices.scpi import Query, identity, switch
from labctl.errors import LabError


class SRSLDC500(LinkedDevice):
    """Stanford Research Systems LDC500, LDC501 or LDC502: laser at constant current, cooler at constant temperature.

    The controller itself refuses a current above its limit and a temperature outside its own limits, and lets the
    laser come on only with its interlock closed; a setting that it refuses reads back as it was.
    """

    protocol = "ASCII lines like SCPI, no checksum"
    source = (
        "Stanford Research Systems, LDC500 Series Laser Diode Controllers Operation and Service Manual rev. 1.5, "
        "chapter 4 'Remote operation'"
    )
    safe_state = "Laser off, current 0 mA; the cooler goes on."
    models = ("LDC500", "LDC501", "LDC502")
    verified = "in simulation, which pymeasure's driver and its tests for hardware accept; not yet on hardware"
    example_address = "GPIB0::2::INSTR"
    process = ("current", "temperature", "output")

    current_limit = Cpt(Setting, point=Query("SILM?", "SILM {:.3f}"), units="mA", limits=(0.0, 500.0), kind="normal")
    setpoint = Cpt(Setting, point=Query("SILD?", "SILD {:.3f}"), units="mA", limits=(0.0, 300.0), kind="normal")
    current = Cpt(Readback, point=Query("RILD?"), units="mA", follows=Follows("setpoint", 1.0, "output"), kind="hinted")
    voltage = Cpt(Readback, point=Query("RVLD?"), units="V", kind="normal")
    photocurrent = Cpt(Readback, point=Query("RIPD?"), units="uA", kind="normal")
    interlock = Cpt(Readback, point=Query("ILOC?", None, str), units=None, dtype="string", kind="normal")
    temperature_setpoint = Cpt(
        Setting, point=Query("TEMP?", "TEMP {:.3f}"), units="degC", limits=(10.0, 40.0), kind="normal"
    )
    temperature = Cpt(Readback, point=Query("TTRD?"), units="degC", kind="normal")
    cooler_current = Cpt(Readback, point=Query("TIRD?"), units="A", kind="normal")
    cooler = switch("TEON?", "TEON {:d}", kind="normal")
    output = switch("LDON?", "LDON {:d}", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def make_safe(self) -> None:
        """Switch the laser off, set 0 mA, and look; raises `LinkError`, LabError."""
        self.output.put(0)
        self.setpoint.put(0.0)
        if self.output.get():
            raise LabError(f"{self.name}: the laser stays on")
