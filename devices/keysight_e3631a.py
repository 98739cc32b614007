"""A supply with three outputs."""

from __future__ import annotations

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._outputs import OutputQuery
from devices._signals import Readback, Setting
from devices.scpi import identity, switch
from labctl.errors import LabError


class KeysightE3631A(LinkedDevice):
    """HP, Agilent or Keysight E3631A: outputs +6 V, +25 V and -25 V, switched together."""

    protocol = "SCPI"
    source = "Hewlett-Packard, HP E3631A User's Guide E3631-90002, chapter 4 'Remote Interface Reference'"
    safe_state = "All outputs off; their set points stay."
    models = ("E3631A",)
    verified = "in simulation, which pymeasure's driver and its tests for hardware accept; not yet on hardware"
    example_address = "GPIB0::5::INSTR"
    process = ()

    p6_setpoint = Cpt(
        Setting, point=OutputQuery(1, "VOLT?", "VOLT {:.4f}"), units="V", limits=(0.0, 6.18), kind="normal"
    )
    p6_limit = Cpt(Setting, point=OutputQuery(1, "CURR?", "CURR {:.4f}"), units="A", limits=(0.0, 5.15), kind="normal")
    p6_voltage = Cpt(Readback, point=OutputQuery(1, "MEAS:VOLT?"), units="V", kind="normal")
    p6_current = Cpt(Readback, point=OutputQuery(1, "MEAS:CURR?"), units="A", kind="normal")
    p25_setpoint = Cpt(
        Setting, point=OutputQuery(2, "VOLT?", "VOLT {:.4f}"), units="V", limits=(0.0, 25.75), kind="normal"
    )
    p25_limit = Cpt(Setting, point=OutputQuery(2, "CURR?", "CURR {:.4f}"), units="A", limits=(0.0, 1.03), kind="normal")
    p25_voltage = Cpt(Readback, point=OutputQuery(2, "MEAS:VOLT?"), units="V", kind="normal")
    p25_current = Cpt(Readback, point=OutputQuery(2, "MEAS:CURR?"), units="A", kind="normal")
    n25_setpoint = Cpt(
        Setting, point=OutputQuery(3, "VOLT?", "VOLT {:.4f}"), units="V", limits=(-25.75, 0.0), kind="normal"
    )
    n25_limit = Cpt(Setting, point=OutputQuery(3, "CURR?", "CURR {:.4f}"), units="A", limits=(0.0, 1.03), kind="normal")
    n25_voltage = Cpt(Readback, point=OutputQuery(3, "MEAS:VOLT?"), units="V", kind="normal")
    n25_current = Cpt(Readback, point=OutputQuery(3, "MEAS:CURR?"), units="A", kind="normal")
    output = switch("OUTP?", "OUTP {:d}", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def make_safe(self) -> None:
        """Switch the output off, and look; raises `LinkError`, LabError."""
        self.output.put(0)
        if self.output.get():
            raise LabError(f"{self.name}: the output stays on")
