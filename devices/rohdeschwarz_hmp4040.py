"""A supply with four outputs."""

from __future__ import annotations

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._outputs import OutputQuery
from devices._signals import Readback, Setting
from devices.scpi import flag, identity, switch
from labctl.errors import LabError


class RohdeSchwarzHMP4040(LinkedDevice):
    """Rohde & Schwarz (Hameg) HMP4040: four equal outputs, each active or not, and one general switch."""

    protocol = "SCPI"
    source = (
        "Rohde & Schwarz, HMP Series SCPI Programmers Manual, chapters 2 and 3 (INSTrument, VOLTage, CURRent, OUTPut)"
    )
    safe_state = "General switch off: no output has a voltage; set points and which are active stay."
    models = ("HMP4040",)
    verified = "in simulation, which pymeasure's driver and its tests for hardware accept; not yet on hardware"
    example_address = "USB0::0x0AAD::0x0135::000000001::INSTR"
    process = ()

    channel_1_setpoint = Cpt(
        Setting, point=OutputQuery(1, "VOLT?", "VOLT {:.4f}"), units="V", limits=(0.0, 32.05), kind="normal"
    )
    channel_1_limit = Cpt(
        Setting, point=OutputQuery(1, "CURR?", "CURR {:.4f}"), units="A", limits=(0.0, 10.01), kind="normal"
    )
    channel_1_voltage = Cpt(Readback, point=OutputQuery(1, "MEAS:VOLT?"), units="V", kind="normal")
    channel_1_current = Cpt(Readback, point=OutputQuery(1, "MEAS:CURR?"), units="A", kind="normal")
    channel_1_active = Cpt(
        Setting,
        point=OutputQuery(1, "OUTP:SEL?", "OUTP:SEL {:d}", flag),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="normal",
    )
    channel_2_setpoint = Cpt(
        Setting, point=OutputQuery(2, "VOLT?", "VOLT {:.4f}"), units="V", limits=(0.0, 32.05), kind="normal"
    )
    channel_2_limit = Cpt(
        Setting, point=OutputQuery(2, "CURR?", "CURR {:.4f}"), units="A", limits=(0.0, 10.01), kind="normal"
    )
    channel_2_voltage = Cpt(Readback, point=OutputQuery(2, "MEAS:VOLT?"), units="V", kind="normal")
    channel_2_current = Cpt(Readback, point=OutputQuery(2, "MEAS:CURR?"), units="A", kind="normal")
    channel_2_active = Cpt(
        Setting,
        point=OutputQuery(2, "OUTP:SEL?", "OUTP:SEL {:d}", flag),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="normal",
    )
    channel_3_setpoint = Cpt(
        Setting, point=OutputQuery(3, "VOLT?", "VOLT {:.4f}"), units="V", limits=(0.0, 32.05), kind="normal"
    )
    channel_3_limit = Cpt(
        Setting, point=OutputQuery(3, "CURR?", "CURR {:.4f}"), units="A", limits=(0.0, 10.01), kind="normal"
    )
    channel_3_voltage = Cpt(Readback, point=OutputQuery(3, "MEAS:VOLT?"), units="V", kind="normal")
    channel_3_current = Cpt(Readback, point=OutputQuery(3, "MEAS:CURR?"), units="A", kind="normal")
    channel_3_active = Cpt(
        Setting,
        point=OutputQuery(3, "OUTP:SEL?", "OUTP:SEL {:d}", flag),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="normal",
    )
    channel_4_setpoint = Cpt(
        Setting, point=OutputQuery(4, "VOLT?", "VOLT {:.4f}"), units="V", limits=(0.0, 32.05), kind="normal"
    )
    channel_4_limit = Cpt(
        Setting, point=OutputQuery(4, "CURR?", "CURR {:.4f}"), units="A", limits=(0.0, 10.01), kind="normal"
    )
    channel_4_voltage = Cpt(Readback, point=OutputQuery(4, "MEAS:VOLT?"), units="V", kind="normal")
    channel_4_current = Cpt(Readback, point=OutputQuery(4, "MEAS:CURR?"), units="A", kind="normal")
    channel_4_active = Cpt(
        Setting,
        point=OutputQuery(4, "OUTP:SEL?", "OUTP:SEL {:d}", flag),
        units=None,
        dtype="integer",
        limits=(0, 1),
        kind="normal",
    )
    output = switch("OUTP:GEN?", "OUTP:GEN {:d}", kind="normal")

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
