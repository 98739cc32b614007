"""A simulated HP/Agilent/Keysight E3631A triple supply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.scpi import ILLEGAL_VALUE, Handler, ScpiError, number
from sim_devices.scpi_table import TableInstrument, switch, text
from sim_devices.supply_output import SupplyOutput
from sim_devices.wire import Fault

NAMES = ("P6V", "P25V", "N25V")
_NOISE_V, _NOISE_A = 4e-4, 8e-5


class SimKeysightE3631A(TableInstrument):
    """Outputs +6 V, +25 V and -25 V, one switch for all; each on a resistor.

    Source: Hewlett-Packard, HP E3631A User's Guide E3631-90002, chapter 4 'Remote Interface Reference' (APPLy,
    INSTrument, MEASure, OUTPut, SOURce; state after ``*RST``: outputs off, 0 V, limits 5 A and 1 A).
    """

    reply_delay_s = 0.012
    identity = "HEWLETT-PACKARD,E3631A,0,2.1-5.0-1.0"
    table: ClassVar = {
        "on": switch(":OUTPut[:STATe]", False),
        "track": switch(":OUTPut:TRACk[:STATe]", False),
        "display": switch(":DISPlay[:WINDow[1]][:STATe]", True),
        "text": text(":DISPlay[:WINDow[1]]:TEXT[:DATA]", "", 12),
    }

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = ()) -> None:
        self._outputs = (SupplyOutput(6.18, 5.15), SupplyOutput(25.75, 1.03), SupplyOutput(-25.75, 1.03))
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``."""
        super().reset()
        self._chosen = 0
        for output, limit_A in zip(self._outputs, (5.0, 1.0, 1.0), strict=True):
            output.reset()
            output.limit_A = limit_A

    @override
    def changed(self, key: str) -> None:
        """Switch all outputs."""
        if key == "on":
            for output in self._outputs:
                output.is_on = self.values["on"]

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return what is on."""
        return tuple(
            f"{name} on at {output.set_V:g} V"
            for name, output in zip(NAMES, self._outputs, strict=True)
            if output.is_on and output.set_V
        )

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return what belongs to the output that is chosen."""
        return {
            ":INSTrument[:SELect]": lambda p: self._choose(NAMES.index(p.upper()) if p.upper() in NAMES else -1),
            ":INSTrument[:SELect]?": lambda _: NAMES[self._chosen],
            ":INSTrument:NSELect": lambda p: self._choose(int(number(p, 1, 3)) - 1),
            ":INSTrument:NSELect?": lambda _: str(self._chosen + 1),
            "[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]": lambda p: self._set_voltage(p),
            "[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?": lambda p: self._told(p, current=False),
            "[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]": lambda p: self._set_limit(p),
            "[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]?": lambda p: self._told(p, current=True),
            ":MEASure[:SCALar][:VOLTage][:DC]?": lambda p: self._measure(p, current=False),
            ":MEASure[:SCALar]:CURRent[:DC]?": lambda p: self._measure(p, current=True),
            ":APPLy": self._apply,
            ":APPLy?": lambda p: self._applied(p),
            ":SYSTem:REMote": lambda _: None,
            ":SYSTem:LOCal": lambda _: None,
            ":SYSTem:BEEPer[:IMMediate]": lambda _: None,
            ":STATus:QUEStionable:CONDition?": lambda _: str(int(any(output.is_limited for output in self._outputs))),
        }

    def _choose(self, index: int) -> None:
        if index < 0:
            raise ScpiError(ILLEGAL_VALUE)
        self._chosen = index

    def _output(self, name: str = "") -> SupplyOutput:
        named = name.strip().upper()
        return self._outputs[NAMES.index(named) if named in NAMES else self._chosen]

    def _set_voltage(self, parameters: str) -> None:
        output = self._output()
        output.set_V = number(parameters, min(0.0, output.highest_V), max(0.0, output.highest_V), 0.0)
        if self.values["track"] and self._chosen:
            for other in self._outputs[1:]:
                other.set_V = abs(output.set_V) * (1.0 if other.highest_V > 0.0 else -1.0)

    def _set_limit(self, parameters: str) -> None:
        self._output().limit_A = number(parameters, 0.0, self._output().highest_A, 1.0)

    def _told(self, parameters: str, *, current: bool) -> str:
        output, named = self._output(), parameters.strip().upper()[:3]
        high = output.highest_A if current else output.highest_V
        ends = {"MIN": min(0.0, high), "MAX": max(0.0, high)}
        return f"{ends.get(named, output.limit_A if current else output.set_V):+.8E}"

    def _measure(self, parameters: str, *, current: bool) -> str:
        output = self._output(parameters)
        self.busy_s = 0.04
        value = output.current_A if current else output.voltage_V
        return f"{value + self.random.gauss(0.0, _NOISE_A if current else _NOISE_V):+.8E}"

    def _apply(self, parameters: str) -> None:
        name, *values = (part.strip() for part in parameters.split(","))
        self._choose(NAMES.index(name.upper()) if name.upper() in NAMES else -1)
        for value, act in zip(values, (self._set_voltage, self._set_limit), strict=False):
            act(value)

    def _applied(self, parameters: str) -> str:
        output = self._output(parameters)
        return f'"{output.set_V:.6f},{output.limit_A:.6f}"'
