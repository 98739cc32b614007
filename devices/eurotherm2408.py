"""A furnace's temperature controller of the older series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._consumption import Consumption
from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Follows, Readback, Setting
from devices.modbus import Register, read_registers

AUTOMATIC, MANUAL = 0, 1
SENSOR_BREAK = 0x20
STATUS_BITS = {
    0x01: "alarm 1",
    0x02: "alarm 2",
    0x04: "alarm 3",
    0x08: "alarm 4",
    0x20: "sensor break",
    0x40: "loop break",
}
POLL_S = 10.0


class Eurotherm2408(LinkedDevice):
    """Eurotherm 2408 and its sisters 2404 and 2416: one loop with a set-point rate limit, Modbus RTU.

    Nothing in the controller ends the heating: a ramp and a dwell are the controller's own only with the programmer
    option, which is not covered. Guard it with an interlock of its own, and with the supervisor.
    Changing from automatic to manual keeps the output, so that `make_safe` sets it to 0 then.
    """

    protocol = "Modbus RTU; Modbus TCP at port 502"
    source = "Eurotherm, Series 2000 Communications Handbook HA026230, chapter 5 'Modbus addresses'; one decimal place"
    safe_state = "Manual mode with an output of 0 %: the heater gets no power."
    models = ("2480", "2440", "2460")
    verified = "in simulation, which the client minimalmodbus accepts; not yet on hardware"
    is_checked = True
    open_options: ClassVar = {"read_termination": "", "write_termination": "", "baud_rate": 9600}
    process = ("temperature", "working_setpoint", "heater_power", "summary_status")
    consumes: ClassVar = {"heater_power": (Consumption("electricity", rating="heater_rating"),)}

    temperature = Cpt(
        Readback,
        point=Register(1, 10),
        units="degC",
        span=(-200.0, 1372.0),
        follows=Follows("working_setpoint", 5.0),
        kind="hinted",
    )
    heater_power = Cpt(Readback, point=Register(4, 10), units="percent", kind="normal")
    working_setpoint = Cpt(Readback, point=Register(5, 10), units="degC", kind="normal")
    target_setpoint = Cpt(Setting, point=Register(2, 10), units="degC", limits=(0.0, 1200.0), kind="normal")
    ramp_rate = Cpt(Setting, point=Register(35, 10), units="K/min", limits=(0.1, 100.0), kind="normal")
    alarm_threshold = Cpt(Setting, point=Register(13, 10), units="degC", limits=(0.0, 1300.0), kind="config")
    mode = Cpt(Setting, point=Register(273), units=None, dtype="integer", limits=(0, 1), kind="normal")
    summary_status = Cpt(Readback, point=Register(75, signed=False), units=None, dtype="integer", kind="normal")
    proportional_band = Cpt(Readback, point=Register(6, 10), units="K", kind="config")
    integral_time = Cpt(Readback, point=Register(8), units="s", kind="config")
    derivative_time = Cpt(Readback, point=Register(9), units="s", kind="config")
    setpoint_high_limit = Cpt(Readback, point=Register(111, 10), units="degC", kind="config")
    setpoint_low_limit = Cpt(Readback, point=Register(112, 10), units="degC", kind="config")

    @override
    def identify(self) -> Identity:
        """Ask for instrument type (2480 is a 2408, in its digits series, range and size) and firmware."""
        (kind,) = read_registers(self.link, 1, 122)
        (firmware,) = read_registers(self.link, 1, 107)
        return Identity("Eurotherm", f"{kind:04X}", firmware=f"{firmware:04X}")

    def heat_to(self, target: float, ramp_rate: float, tolerance: float, timeout_s: float) -> ClockStatus:
        """Ramp to a temperature and stay there; return a status that ends when it is reached.

        Args:
            target: [degC], within the limits of `target_setpoint`.
            ramp_rate: [K/min], 0.1 to 100.
            tolerance: how near counts as reached [K].
            timeout_s: lab seconds after which it fails.

        Raises:
            LimitError: a value is outside its limits; nothing was sent.
            LinkError: the controller does not answer.
        """
        self.target_setpoint.check_value(target)
        self.ramp_rate.check_value(ramp_rate)
        self.ramp_rate.put(ramp_rate)
        self.target_setpoint.put(target)
        self.mode.put(AUTOMATIC)

        def is_there() -> bool:
            if self.summary_status.get() & SENSOR_BREAK:
                raise RuntimeError(f"{self.name}: thermocouple is broken")
            return abs(self.temperature.get() - target) <= tolerance

        return self.start_action(timeout_s).poll(POLL_S, is_there)

    @override
    def alarms(self, readings: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Return the bits of the summary status that are set, in words."""
        word = int(readings[self.summary_status.name]["value"])
        return tuple(text for bit, text in STATUS_BITS.items() if word & bit)

    @override
    def make_safe(self) -> None:
        """Take it to manual, then the output to 0; raises `LinkError`."""
        self.mode.put(MANUAL)
        Register(3, 10).write(self.link, 0.0)
