"""A spin coater."""

from __future__ import annotations

from typing import ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Follows, Readback, Soft
from devices.scpi import Query
from labctl.errors import LabError
from labctl.link import Plausible

SPEED_RPM = (300.0, 6000.0)
"""Lowest and highest speed [rpm]."""
STANDING_RPM = 60.0
"""Slower than this it counts as standing [rpm]."""
STOP_TIME_S = 20.0
POLL_S = 0.5


class InstrasSCK300(LinkedDevice):
    """Instras Scientific SCK-300 or SCK-300P spin coater on the serial port of its controller (MiM).

    It answers nothing but its speed: `setpoint` is what was last asked of it here, and whether it follows is seen in
    `speed`. It has no identity either; `connect` takes an answer that is a speed for one. No checksum, no lid switch:
    the lid is the laboratory's own interlock.
    """

    protocol = "ASCII lines, only the speed is answered, no checksum; the speed is checked for plausibility"
    source = (
        "Instras Scientific, SCK-300P Spin Coating Kit, MiM serial commands, as in the published program "
        "SCP-300_Control (BLDCon, BLDCoff, SetRPM, GetRPM)"
    )
    safe_state = "Speed 0, motor off: the chuck runs down within seconds."
    models = ("SCK-300",)
    open_options: ClassVar = {"read_termination": "\n\r", "write_termination": "\r\n", "baud_rate": 19200}
    process = ("speed", "setpoint")

    speed = Cpt(
        Readback,
        point=Query("GetRPM", plausible=Plausible(0, 7000)),
        units="rpm",
        span=(-1.0, 7000.0),  # standing is no end of it
        follows=Follows("setpoint", 100.0),
        kind="hinted",
    )
    setpoint = Cpt(Soft, value=0.0, units="rpm", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask for the speed; raises `LinkError` where the answer is none."""
        self.speed.get()
        return Identity("Instras Scientific", "SCK-300")

    def spin(self, speed: float, duration_s: float) -> ClockStatus:
        """Spin; return a status that ends after the time, the chuck still turning, ready for the next speed.

        Args:
            speed: [rpm], 300 to 6000.
            duration_s: lab seconds from now on, above 0.

        Raises:
            ValueError: a value is outside its limits; nothing was sent.
            LinkError: it cannot be sent.
        """
        low, high = SPEED_RPM
        if not low <= speed <= high or not duration_s > 0.0:
            raise ValueError(
                f"{self.name}: {speed:g} rpm for {duration_s:g} s is not {low:g}..{high:g} rpm for some time"
            )
        self.link.write("BLDCon")
        self.link.write(f"SetRPM,{speed:.0f}")
        self.setpoint.put(float(round(speed)))
        return self.hold(duration_s)

    def come_to_rest(self) -> ClockStatus:
        """Stop; return a status that ends when the chuck stands; raises `LinkError`."""
        self.make_safe()
        return self.start_action(STOP_TIME_S).poll(POLL_S, lambda: self.speed.get() < STANDING_RPM)

    @override
    def make_safe(self) -> None:
        """Set speed 0, switch the motor off, and look whether it still answers; raises `LinkError`, LabError."""
        self.link.write("SetRPM,0")
        self.link.write("BLDCoff")
        self.setpoint.put(0.0)
        if self.speed.get() > SPEED_RPM[1]:
            raise LabError(f"{self.name}: the chuck runs away")
