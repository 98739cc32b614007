"""An oven controller, the newer one."""

from __future__ import annotations

from typing import ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Follows, Readback, Setting
from devices.modbus import LongRegister
from labctl.errors import LabError

COLD_DEGC = 20.0
"""Lowest set point: below it the oven gets no heat."""


class HcpTC038D(LinkedDevice):
    """HC Photonics TC038D crystal oven (direct current), slave address 1.

    It does not tell what it is: `connect` looks whether a temperature and a set point that an oven can have stand in
    the two registers. It has no command that switches the heater off: made safe, its set point is 20 degC.
    """

    protocol = "Modbus RTU, registers of four bytes"
    source = "HC Photonics, TC038D Temperature Controller User Manual, chapter 'Communication' (four-byte addresses)"
    safe_state = "Set point 20 degC: no heat above room temperature."
    models = ("TC038D",)
    is_checked = True
    verified = "in simulation, which takes the exchanges of pymeasure's driver; not yet on hardware"
    open_options: ClassVar = {"read_termination": "", "write_termination": "", "baud_rate": 9600}
    process = ("temperature", "setpoint")

    temperature = Cpt(
        Readback, point=LongRegister(0x0000, 10), units="degC", follows=Follows("setpoint", 2.0), kind="hinted"
    )
    setpoint = Cpt(Setting, point=LongRegister(0x0106, 10), units="degC", limits=(COLD_DEGC, 200.0), kind="normal")

    @override
    def identify(self) -> Identity:
        """Look for a temperature and a set point of an oven; raises `LinkError`, LabError."""
        temperature, setpoint = self.temperature.get(), self.setpoint.get()
        if not -20.0 <= temperature <= 250.0 or not 0.0 <= setpoint <= 250.0:
            raise LabError(f"{self.name} ({self.link.address}): {temperature:g} and {setpoint:g} degC are no oven's")
        return Identity("HC Photonics", "TC038D")

    @override
    def make_safe(self) -> None:
        """Set the lowest set point; raises `LinkError`."""
        self.setpoint.put(COLD_DEGC)
