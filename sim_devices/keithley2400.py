"""A simulated Keithley 2400 at a four-point probe head."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import Line
from sim_devices.scpi import ILLEGAL_VALUE, Handler, ScpiError, ScpiInstrument, boolean, number
from sim_devices.wire import Fault

GEOMETRY = math.pi / math.log(2)
"""Sheet over measured resistance: Smits, Bell Syst. Tech. J. 37 (1958) 711."""
_LEAD_OHM = 1.4  # invented: leads and pins, seen on two wires only
NOISE = 6e-4
"""Of one voltage reading over one line cycle, standard deviation as a share."""
_COMPLIANCE_BIT = 1 << 3
_OUTPUT_OFF = (803, "Not permitted with OUTPUT off")


class SimKeithley2400(ScpiInstrument):
    """Sources a current through the film at a place and measures the voltage.

    Source: Keithley, Series 2400 SourceMeter User's Manual 2400S-900-01 rev. K, sections 17 and 18.
    """

    reply_delay_s = 0.045
    identity = "KEITHLEY INSTRUMENTS INC.,MODEL 2400,0000000,C34 Jan 14 2019 12:03:10/A02 /K/M"
    fault_kinds: ClassVar = {"open_contact": "a pin does not touch: the voltage goes to compliance"}

    def __init__(self, clock: Clock, seed: int | str, line: Line, place: str, faults: Sequence[Fault] = ()) -> None:
        self._line, self._place = line, place
        self.reset()
        super().__init__(clock, seed, faults)

    def reset(self) -> None:
        """Return to the state after ``*RST``."""
        self._source, self._sense, self._four_wire, self._on = "VOLT", "CURR", False, False
        self._current_A, self._compliance_V, self._nplc = 0.0, 21.0, 1.0

    def commands(self) -> Mapping[str, Handler]:
        """Return the part of the command set that a resistance measurement needs."""
        return {
            "[:SOURce[1]]:FUNCtion[:MODE]": lambda p: self._set_source(p),
            "[:SOURce[1]]:FUNCtion[:MODE]?": lambda _: self._source,
            "[:SOURce[1]]:CURRent[:LEVel][:IMMediate][:AMPLitude]": lambda p: self._set_current(p),
            "[:SOURce[1]]:CURRent[:LEVel][:IMMediate][:AMPLitude]?": lambda _: f"{self._current_A:E}",
            ":SENSe[1]:FUNCtion[:ON]": lambda p: self._set_sense(p),
            ":SENSe[1]:FUNCtion[:ON]?": lambda _: _told(self._sense),
            ":SENSe[1]:VOLTage[:DC]:PROTection[:LEVel]": lambda p: self._set_compliance(p),
            ":SENSe[1]:VOLTage[:DC]:PROTection[:LEVel]?": lambda _: f"{self._compliance_V:E}",
            ":SENSe[1]:VOLTage[:DC]:NPLCycles": lambda p: self._set_nplc(p),
            ":SENSe[1]:VOLTage[:DC]:NPLCycles?": lambda _: f"{self._nplc:.2f}",
            ":SYSTem:RSENse": lambda p: self._set_wires(p),
            ":SYSTem:RSENse?": lambda _: str(int(self._four_wire)),
            ":OUTPut[1][:STATe]": lambda p: self._switch(p),
            ":OUTPut[1][:STATe]?": lambda _: str(int(self._on)),
            ":READ?": lambda _: self._read(),
        }

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the source is on."""
        return (f"source on at {self._current_A:g} A",) if self._on else ()

    def _set_source(self, parameters: str) -> None:
        self._source = _function(parameters, ("VOLT", "CURR", "MEM"))

    def _set_sense(self, parameters: str) -> None:
        self._sense = _function(parameters.strip("\"'").split(":")[0], ("VOLT", "CURR", "RES"))

    def _set_current(self, parameters: str) -> None:
        self._current_A = number(parameters, -1.05, 1.05, 0.0)

    def _set_compliance(self, parameters: str) -> None:
        self._compliance_V = number(parameters, 2e-4, 210.0, 21.0)

    def _set_nplc(self, parameters: str) -> None:
        self._nplc = number(parameters, 0.01, 10.0, 1.0)

    def _set_wires(self, parameters: str) -> None:
        self._four_wire = boolean(parameters)

    def _switch(self, parameters: str) -> None:
        self._on = boolean(parameters)

    def _read(self) -> str:
        if not self._on:
            raise ScpiError(_OUTPUT_OFF)
        resistance = self._resistance_ohm()
        voltage, current, status = self._current_A * resistance, self._current_A, 0
        if abs(voltage) >= self._compliance_V or math.isinf(resistance):
            voltage, status = math.copysign(self._compliance_V, self._current_A), _COMPLIANCE_BIT
            current = 1e-12 if math.isinf(resistance) else voltage / resistance
        noise = 1.0 + self.random.gauss(0.0, NOISE / math.sqrt(max(self._nplc, 0.01)))
        return f"{voltage * noise:+.6E},{current:+.6E},+9.910000E+37,{self.clock.monotonic():+.6E},{status:+.6E}"

    def _resistance_ohm(self) -> float:
        film = self._line.sample_at(self._place)
        if film is None or self.faults.active("open_contact") is not None:
            return math.inf
        sheet = film.sheet_resistance_ohm
        return sheet / GEOMETRY + (0.0 if self._four_wire else _LEAD_OHM)


def _told(function: str) -> str:
    return '"RES"' if function == "RES" else f'"{function}:DC"'


def _function(parameters: str, known: tuple[str, ...]) -> str:
    word = parameters.strip().upper()
    for short in known:
        if word.startswith(short):
            return short
    raise ScpiError(ILLEGAL_VALUE)
