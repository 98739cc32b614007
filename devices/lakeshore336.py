"""A cryostat's temperature controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from pyvisa.constants import Parity
from typing_extensions import override

from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Follows, Readback, Setting
from devices.scpi import Query, identity
from labctl.errors import LabError
from labctl.link import Link, Plausible

OFF, LOW, MEDIUM, HIGH = 0, 1, 2, 3
"""Ranges of the heater."""
STATUS_BITS = {1: "invalid reading", 16: "temperature underrange", 32: "temperature overrange", 64: "sensor units zero",
               128: "sensor units overrange"}  # fmt: skip
HEATER_ERRORS = {1: "heater open", 2: "heater short"}
POLL_S = 5.0


@dataclass(frozen=True)
class _Part:
    """One of several numbers that a command sets together; writing it keeps the others."""

    command: str
    output: int
    index: int
    forms: tuple[str, ...]

    @override
    def __str__(self) -> str:
        return f"{self.command}? {self.output} [{self.index}]"

    def _all(self, link: Link) -> list[float]:
        def numbers(reply: str) -> list[float]:
            found = [float(part) for part in reply.split(",")]
            if len(found) != len(self.forms):
                raise ValueError(f"{len(found)} numbers in place of {len(self.forms)}")
            return found

        return link.query(f"{self.command}? {self.output}", numbers)

    def read(self, link: Link) -> float:
        return self._all(link)[self.index]

    def write(self, link: Link, value: float) -> None:
        values = self._all(link)
        values[self.index] = float(value)
        told = ",".join(form.format(number) for form, number in zip(self.forms, values, strict=True))
        link.write(f"{self.command} {self.output},{told}")


def _whole(reply: str) -> int:
    return int(float(reply))


def _sensor(letter: str) -> Query:
    return Query(f"KRDG? {letter}", plausible=Plausible(0, 500, 20.0))


def _ramp(index: int) -> _Part:
    return _Part("RAMP", 1, index, ("{:.0f}", "{:.3f}"))


def _pid(index: int) -> _Part:
    return _Part("PID", 1, index, ("{:.1f}", "{:.1f}", "{:.0f}"))


class LakeShore336(LinkedDevice):
    """Lake Shore 336 (and 335, its sister): sensor A and heater output 1 as one loop, sensor B beside it.

    The output has to be set to closed loop on input A at the panel (``OUTMODE 1,1,1,0``: no heat after a power
    failure); `connect` refuses another mode.
    """

    protocol = "ASCII lines like SCPI, no checksum; temperatures are checked for plausibility"
    source = "Lake Shore Cryotronics, Model 336 Temperature Controller User's Manual rev. 2.3, chapter 6.6 'Commands'"
    safe_state = "Heater off (range 0)."
    models = ("MODEL336", "MODEL335")
    verified = "in simulation, which the maker's driver lakeshore accepts; not yet on hardware"
    example_address = "GPIB0::15::INSTR"
    open_options: ClassVar = {"baud_rate": 57600, "data_bits": 7, "parity": Parity.odd}
    process = ("temperature", "setpoint", "heater_output", "heater_range", "reading_status")

    temperature = Cpt(
        Readback, point=_sensor("A"), units="K", span=(0.0, 500.0), follows=Follows("setpoint", 1.0, "heater_range"),
        kind="hinted",
    )  # fmt: skip
    finger_temperature = Cpt(Readback, point=_sensor("B"), units="K", kind="normal")
    setpoint = Cpt(Setting, point=Query("SETP? 1", "SETP 1,{:.3f}"), units="K", limits=(0.0, 400.0), kind="normal")
    ramp_enabled = Cpt(Setting, point=_ramp(0), units=None, dtype="integer", limits=(0, 1), kind="normal")
    ramp_rate = Cpt(Setting, point=_ramp(1), units="K/min", limits=(0.0, 100.0), kind="normal")
    proportional = Cpt(Setting, point=_pid(0), limits=(0.1, 1000.0), kind="config")
    integral = Cpt(Setting, point=_pid(1), limits=(0.1, 1000.0), kind="config")
    derivative = Cpt(Setting, point=_pid(2), units="percent", limits=(0.0, 200.0), kind="config")
    heater_range = Cpt(
        Setting, point=Query("RANGE? 1", "RANGE 1,{:d}", _whole), units=None, dtype="integer", limits=(OFF, HIGH),
        kind="normal",
    )  # fmt: skip
    heater_output = Cpt(Readback, point=Query("HTR? 1"), units="percent", kind="normal")
    heater_status = Cpt(Readback, point=Query("HTRST? 1", None, _whole), units=None, dtype="integer", kind="normal")
    reading_status = Cpt(Readback, point=Query("RDGST? A", None, _whole), units=None, dtype="integer", kind="normal")
    output_mode = Cpt(Readback, point=Query("OUTMODE? 1", None, str), units=None, dtype="string", kind="config")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    @override
    def connect(self) -> Identity:
        """Check instrument and mode of the output and keep the identity; raises `LinkError`, LabError."""
        found = super().connect()
        mode = self.output_mode.get()
        if not mode.startswith("1,1"):
            raise LabError(f"{self.name} ({self.link.address}): output 1 has mode {mode}, not closed loop on input A")
        return found

    def go_to(
        self, temperature: float, ramp_rate: float, heater_range: int, tolerance: float, timeout_s: float
    ) -> ClockStatus:
        """Ramp to a temperature and stay there; return a status that ends when it is reached.

        Args:
            temperature: [K], within the limits of `setpoint`.
            ramp_rate: [K/min], 0 (at once) to 100.
            heater_range: 1 to 3.
            tolerance: how near counts as reached [K].
            timeout_s: lab seconds after which it fails.

        Raises:
            LimitError: a value is outside its limits; nothing was sent.
            LinkError: the controller does not answer.
        """
        wanted = ((self.setpoint, temperature), (self.ramp_rate, ramp_rate), (self.heater_range, heater_range))
        for signal, value in wanted:
            signal.check_value(value)
        self.ramp_enabled.put(int(ramp_rate > 0))
        for signal, value in wanted[1:] + wanted[:1]:
            signal.put(value)

        def is_there() -> bool:
            if self.reading_status.get():
                raise RuntimeError(f"{self.name}: the sensor cannot be read")
            return abs(self.temperature.get() - temperature) <= tolerance

        return self.start_action(timeout_s).poll(POLL_S, is_there)

    @override
    def alarms(self, readings: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Return the bits of the reading's status that are set, in words."""
        word = int(readings[self.reading_status.name]["value"])
        return tuple(text for bit, text in STATUS_BITS.items() if word & bit)

    @override
    def make_safe(self) -> None:
        """Switch the heater off; raises `LinkError`."""
        self.heater_range.put(OFF)
