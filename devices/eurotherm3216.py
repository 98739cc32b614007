"""A furnace's temperature controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._consumption import Consumption
from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Follows, Readback, Setting
from devices.modbus import Register, read_registers
from labctl.errors import LabError

AUTOMATIC, OFF = 0, 2
RESET, RUN, HELD, END = 0, 1, 2, 3
ENDS_OFF = 0
"""End type of the timer."""
SENSOR_BREAK = 0x20
"""Bit of the summary status."""
STATUS_BITS = {0x01: "alarm 1", 0x02: "alarm 2", 0x04: "alarm 3", SENSOR_BREAK: "sensor break", 0x40: "loop break"}
POLL_S = 10.0


class Eurotherm3216(LinkedDevice):
    """Eurotherm 3216 and its sisters 3208 and 3204: one loop, ramp and dwell, Modbus RTU.

    The programme runs in the controller: the set point climbs from the measured temperature at
    `ramp_rate`, the dwell timer starts when the temperature is within `dwell_threshold` of the
    target, and at its end the controller itself switches the output off (end type "Off"), whether
    or not anybody still listens. A programme is refused where the timer ends otherwise.

    The servo mode has to be SP or PV: after a power failure the programme is reset then (section 5.8.1). With
    SP.rb or PV.rb it goes on by itself, and `interruption` cannot tell.

    Not verified: the addresses from 320 on other than the end type, the unit of times (tenths of a
    minute are assumed), and that register 122 spells the model in hexadecimal digits. Set points go to
    a memory that bears 100 000 writes: set them once a programme, not to follow a ramp.
    """

    protocol = "Modbus RTU; Modbus TCP at port 502"
    source = (
        "Eurotherm 3200 Series Engineering Handbook HA028651 issue 7: section 15.5 'Parameter Modbus Addresses' "
        "and section 5.5 'Dwell Timer' (end type Off); one decimal place configured"
    )
    safe_state = "Control mode off: the heater gets no power; a timer that runs is reset."
    models = ("3216", "3208", "3204")
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
    target_setpoint = Cpt(Setting, point=Register(2, 10), units="degC", limits=(0.0, 1200.0), kind="normal")
    heater_power = Cpt(Readback, point=Register(4, 10), units="percent", kind="normal")
    working_setpoint = Cpt(Readback, point=Register(5, 10), units="degC", kind="normal")
    proportional_band = Cpt(Readback, point=Register(6, 10), units="K", kind="config")
    integral_time = Cpt(Readback, point=Register(8), units="s", kind="config")
    derivative_time = Cpt(Readback, point=Register(9), units="s", kind="config")
    alarm_threshold = Cpt(Setting, point=Register(13, 10), units="degC", limits=(0.0, 1300.0), kind="config")
    timer_status = Cpt(Setting, point=Register(23), units=None, dtype="integer", limits=(0, 3), kind="normal")
    ramp_rate = Cpt(Setting, point=Register(35, 10), units="K/min", limits=(0.1, 100.0), kind="normal")
    summary_status = Cpt(Readback, point=Register(75, signed=False), units=None, dtype="integer", kind="normal")
    setpoint_high_limit = Cpt(Readback, point=Register(111, 10), units="degC", kind="config")
    setpoint_low_limit = Cpt(Readback, point=Register(112, 10), units="degC", kind="config")
    mode = Cpt(Setting, point=Register(273), units=None, dtype="integer", limits=(0, 2), kind="normal")
    dwell_threshold = Cpt(Setting, point=Register(327, 10), units="K", limits=(0.1, 50.0), kind="config")
    dwell = Cpt(Setting, point=Register(324, 10), units="min", limits=(0.0, 3000.0), kind="normal")
    dwell_remaining = Cpt(Readback, point=Register(326, 10), units="min", kind="normal")
    end_type = Cpt(Readback, point=Register(328), units=None, dtype="integer", kind="config")

    @override
    def identify(self) -> Identity:
        """Ask for instrument type and firmware; raises `LinkError`."""
        (kind,) = read_registers(self.link, 1, 122)
        (firmware,) = read_registers(self.link, 1, 107)
        return Identity("Eurotherm", f"{kind:04X}", firmware=f"{firmware:04X}")

    def run_programme(self, ramp_rate: float, target: float, dwell: float, timeout_s: float) -> ClockStatus:
        """Ramp to `target`, hold it, end with the heater off; return the status of that.

        Args:
            ramp_rate: [K/min], 0.1 to 100.
            target: [degC], within the limits of `target_setpoint`.
            dwell: time at the target [min], 0 to 3000.
            timeout_s: lab seconds after which it fails.

        Raises:
            LimitError: a value is outside its limits; nothing was sent.
            LabError: the timer would not end with the heater off; nothing was set.
            LinkError: the controller does not answer.
        """
        settings = ((self.ramp_rate, ramp_rate), (self.target_setpoint, target), (self.dwell, dwell))
        for signal, value in settings:
            signal.check_value(value)
        if self.end_type.get() != ENDS_OFF:
            raise LabError(f"{self.name}: set the timer's end type (End.T) to Off, or the heater stays on at the end")
        self.make_safe()
        self.timer_status.put(RESET)
        for signal, value in settings:
            signal.put(value)
        self.mode.put(AUTOMATIC)
        self.timer_status.put(RUN)
        return self.start_action(timeout_s).poll(POLL_S, self._programme_ended)

    def await_programme(self, timeout_s: float) -> ClockStatus:
        """Return a status that ends with the programme that is running, or at once where it has ended.

        Args:
            timeout_s: lab seconds after which it fails.

        Raises:
            LabError: no programme is running: it was interrupted.
            LinkError: the controller does not answer.
        """
        if reason := self.interruption():
            raise LabError(reason)
        return self.start_action(timeout_s).poll(POLL_S, self._programme_ended)

    @override
    def interruption(self) -> str:
        """Return why no programme runs or has ended; empty where one does or has; raises `LinkError`."""
        timer, mode = self.timer_status.get(), self.mode.get()
        if timer == END or (timer == RUN and mode == AUTOMATIC):
            return ""
        return f"{self.name}: no programme is running (timer {timer}, mode {mode}); it was interrupted"

    def cool_below(self, temperature: float, timeout_s: float) -> ClockStatus:
        """Return a status that ends when the furnace is below `temperature` [degC]."""
        return self.start_action(timeout_s).poll(POLL_S, lambda: self.temperature.get() < temperature)

    @override
    def read_process(self) -> dict[str, dict[str, Any]]:
        """Return the process signals, registers 1 to 5 in one exchange; raises `LinkError`."""
        words = read_registers(self.link, 1, 1, 5)
        block: dict[str, dict[str, Any]] = {}
        for signal in (self.temperature, self.working_setpoint, self.heater_power):
            signal.keep(signal.point.decode(words[signal.point.address - 1]))
            block[signal.name] = {"value": signal.newest[0], "timestamp": signal.timestamp}
        return block | self.summary_status.read()

    @override
    def alarms(self, readings: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Return the bits of the summary status that are set, in words."""
        word = int(readings[self.summary_status.name]["value"])
        return tuple(text for bit, text in STATUS_BITS.items() if word & bit)

    def _programme_ended(self) -> bool:
        if self.timer_status.get() == END:
            return True
        if self.summary_status.get() & SENSOR_BREAK:
            raise RuntimeError(f"{self.name}: thermocouple is broken")
        if self.mode.get() != AUTOMATIC:
            raise RuntimeError(f"{self.name}: somebody took it out of automatic mode")
        return False

    @override
    def make_safe(self) -> None:
        """Switch the output off and reset a timer that runs; one that ended goes on saying so; raises `LinkError`."""
        self.mode.put(OFF)
        if self.timer_status.get() != END:
            self.timer_status.put(RESET)

    @override
    def stop(self, *, success: bool = False) -> None:
        """Make safe, forget the programme and end the action in progress; raises `LinkError`."""
        super().stop(success=success)
        self.timer_status.put(RESET)
