"""A simulated Keithley DMM6500 multimeter on the contacts of a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import Ambient, ProbeHead
from sim_devices.scpi import ILLEGAL_VALUE, Handler, ScpiError
from sim_devices.scpi_table import TableInstrument, Value, real, switch, whole, word
from sim_devices.wire import Fault

OVERFLOW = 9.9e37
_LEAD_OHM, _LINE_HZ = 0.8, 60.0  # leads: invented, seen on two wires only
_SHORTEST_S, _LONGEST_S, _USUAL_S = 8.33e-6, 0.25, 0.0166667
_TEN = tuple(10.0**n for n in range(1, 9))

FUNCTIONS: Mapping[str, tuple[str, tuple[float, ...], float]] = {
    "VOLT:DC": ("VOLTage[:DC]", (0.1, 1.0, 10.0, 100.0, 1000.0), 1000.0),
    "VOLT:AC": ("VOLTage:AC", (0.1, 1.0, 10.0, 100.0, 750.0), 750.0),
    "CURR:DC": ("CURRent[:DC]", (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 3.0), 3.0),
    "CURR:AC": ("CURRent:AC", (1e-4, 1e-3, 1e-2, 0.1, 1.0, 3.0), 3.0),
    "RES": ("RESistance", _TEN, 1e8),
    "FRES": ("FRESistance", _TEN, 1e8),
    "CAP": ("CAPacitance", (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4), 1e-4),
    "DIOD": ("DIODe", (), 0.0),
    "TEMP": ("TEMPerature", (), 0.0),
    "CONT": ("CONTinuity", (), 0.0),
    "PER:VOLT": ("PERiod[:VOLTage]", (), 0.0),
    "FREQ:VOLT": ("FREQuency[:VOLTage]", (), 0.0),
    "VOLT:DC:RAT": ("VOLTage[:DC]:RATio", (), 0.0),
}
"""Header, ranges and default range of each function."""
_INTEGRATING = ("VOLT:DC", "CURR:DC", "RES", "FRES", "DIOD", "TEMP", "VOLT:DC:RAT")
_SCREENS = ("HOME", "HOME_LARG", "READ", "HIST", "SWIPE_FUNC", "SWIPE_GRAP", "SWIPE_SEC", "SWIPE_SETT", "SWIPE_STAT",
            "SWIPE_USER", "SWIPE_CHAN", "SWIPE_NONS", "SWIPE_SCAN", "CHANNEL_CONT", "CHANNEL_SETT", "CHANNEL_SCAN",
            "PROC")  # fmt: skip


def _seconds(value: float) -> str:
    return f"{value:.6g}"


def _of(name: str) -> dict[str, Value]:
    header, ranges, default = FUNCTIONS[name]
    root, values = f"[:SENSe[1]]:{header}", dict[str, Value]()
    if ranges:
        values[f"{name} range"] = real(f"{root}:RANGe[:UPPer]", default, ranges[0], ranges[-1], _seconds, ranges)
        values[f"{name} auto"] = switch(f"{root}:RANGe:AUTO", True)
    if name in _INTEGRATING:
        values[f"{name} nplc"] = real(f"{root}:NPLCycles", 1.0, 0.0005, 15.0, _seconds)
        values[f"{name} aperture"] = real(f"{root}:APERture", _USUAL_S, _SHORTEST_S, _LONGEST_S, _seconds)
        values[f"{name} autozero"] = switch(f"{root}:AZERo[:STATe]", True)
    if name in ("PER:VOLT", "FREQ:VOLT"):
        values[f"{name} aperture"] = real(f"{root}:APERture", 0.2, 2e-3, 0.273, _seconds)
    if name.endswith(":AC"):
        values[f"{name} bandwidth"] = real(f"{root}:DETector:BANDwidth", 3.0, 3.0, 300.0, _seconds, (3.0, 30.0, 300.0))
    if name != "CONT":
        values[f"{name} relative"] = real(f"{root}:RELative", 0.0, -1e9, 1e9, _seconds)
        values[f"{name} relative on"] = switch(f"{root}:RELative:STATe", False)
        values[f"{name} filter"] = switch(f"{root}:AVERage[:STATe]", False)
        values[f"{name} filter count"] = whole(f"{root}:AVERage:COUNt", 10, 1, 100)
        values[f"{name} filter kind"] = word(f"{root}:AVERage:TCONtrol", "REP", "MOVing", "REPeat", "HYBRid")
        values[f"{name} digits"] = whole(f":DISPlay:{header}:DIGits", 6, 3, 6)
    if name == "FRES":
        values["compensated"] = word(f"{root}:OCOMpensated", "OFF", "ON", "OFF", "AUTO")
    return values


class SimKeithleyDMM6500(TableInstrument):
    """Measures the film below the pins on two or four wires, and the voltage between them; nothing else is connected.

    Source: Keithley, Model DMM6500 Reference Manual DMM6500-901-01 rev. D, section 12 'SCPI command reference'
    (SENSe1, DISPlay, ROUTe, SYSTem); defaults of ``*RST`` from the same section.
    """

    reply_delay_s = 0.005
    identity = "KEITHLEY INSTRUMENTS,MODEL DMM6500,00000000,1.7.12b"
    fault_kinds: ClassVar = {"open_contact": "a lead is off: the reading overflows"}
    table: ClassVar = {
        **{key: value for name in FUNCTIONS for key, value in _of(name).items()},
        "language": word("*LANG", "SCPI", "SCPI", "TSP", "SCPI2000", "SCPI34401", lasting=True),
        "screen": word(":DISPlay:SCReen", "HOME", *_SCREENS),
        "count": whole("[:SENSe[1]]:COUNt", 1, 1, 1_000_000),
        "elements": word(":FORMat[:DATA]", "ASC", "ASCii", "REAL", "SREal"),
    }

    def __init__(
        self, clock: Clock, seed: int | str, probe: ProbeHead, ambient: Ambient, faults: Sequence[Fault] = ()
    ) -> None:
        self._probe, self._ambient = probe, ambient
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``."""
        super().reset()
        self._function, self._latest = "VOLT:DC", list[float]()

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return what measures, and what is shown or heard."""
        every: dict[str, Handler] = {
            "[:SENSe[1]]:FUNCtion[:ON]": self._choose,
            "[:SENSe[1]]:FUNCtion[:ON]?": lambda _: f'"{self._function}"',
            "[:SENSe[1]]:AZERo:ONCE": lambda _: self._zero_once(),
            ":READ?": lambda _: self._read(),
            ":FETCh?": lambda _: self._told(),
            ":MEASure?": lambda _: self._read(),
            ":INITiate[:IMMediate]": lambda _: self._measure(),
            ":ABORt": lambda _: None,
            ":ROUTe:TERMinals?": lambda _: "FRON",
            ":DISPlay:CLEar": lambda _: None,
            ":DISPlay:USER[1]:TEXT[:DATA]": lambda _: None,
            ":DISPlay:USER2:TEXT[:DATA]": lambda _: None,
            ":SYSTem:BEEPer[:IMMediate]": lambda _: None,
            ":SYSTem:LFRequency?": lambda _: f"{_LINE_HZ:.0f}",
            ":SYSTem:CLEar": lambda _: self._clear_status(),
            ":SYSTem:CARD1:IDN?": lambda _: "Empty Slot",
            ":SYSTem:TIME": lambda _: None,
            ":SYSTem:TIME?": lambda _: f"{self.clock.time():.0f}",
        }
        return every

    @override
    def changed(self, key: str) -> None:
        """Let a range end the automatic choice, and cycles and aperture follow each other."""
        name, _, what = key.rpartition(" ")
        if what == "range":
            self.values[f"{name} auto"] = False
        elif what == "nplc":
            self.values[f"{name} aperture"] = min(_LONGEST_S, max(_SHORTEST_S, self.values[key] / _LINE_HZ))
        elif what == "aperture" and f"{name} nplc" in self.values:
            self.values[f"{name} nplc"] = self.values[key] * _LINE_HZ

    def _choose(self, parameters: str) -> None:
        said = parameters.strip("\"' ").upper()
        said = {"VOLT": "VOLT:DC", "CURR": "CURR:DC", "FREQ": "FREQ:VOLT", "PER": "PER:VOLT"}.get(said, said)
        if said not in FUNCTIONS:
            raise ScpiError(ILLEGAL_VALUE)
        self._function = said

    def _zero_once(self) -> None:
        if f"{self._function} autozero" in self.values:
            self.values[f"{self._function} autozero"] = False

    def _measure(self) -> None:
        n, aperture = self.values["count"], self.values.get(f"{self._function} aperture", _USUAL_S)
        self.busy_s = n * aperture * 2.0
        self._latest = [self._reading() for _ in range(n)]

    def _read(self) -> str:
        self._measure()
        return self._told()

    def _told(self) -> str:
        if not self._latest:
            raise ScpiError((-230, "Data corrupt or stale"))
        return f"{self._latest[-1]:+.6E}"

    def _reading(self) -> float:
        value, name = self._value(), self._function
        if f"{name} range" in self.values and not self.values[f"{name} auto"]:
            value = math.copysign(OVERFLOW, value) if abs(value) > 1.2 * self.values[f"{name} range"] else value
        if abs(value) >= OVERFLOW:
            return value
        value += self.random.gauss(0.0, 1e-6) * max(abs(value), 0.1)
        return value - self.values[f"{name} relative"] if self.values.get(f"{name} relative on") else value

    def _value(self) -> float:
        """Return what lies on the terminals: the film for a resistance [ohm], the room, or nothing."""
        if self._function == "TEMP":
            return self._ambient.temperature_degC()
        if self._function == "VOLT:DC":
            return self._probe.voltage_V()
        if self._function not in ("RES", "FRES", "CONT"):
            return OVERFLOW if self._function == "DIOD" else 0.0
        ohm = self._probe.resistance_ohm
        if math.isinf(ohm) or self.faults.active("open_contact") is not None:
            return OVERFLOW
        return ohm + (0.0 if self._function == "FRES" else _LEAD_OHM)
