"""A simulated HP/Agilent/Keysight 34401A multimeter on the contacts of a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import ProbeHead
from sim_devices.scpi import ILLEGAL_VALUE, Handler, ScpiError, boolean, number
from sim_devices.scpi_table import TableInstrument, Value, real, switch, text, whole, word
from sim_devices.wire import Fault

OVERLOAD = 9.9e37
_LEAD_OHM = 0.8  # invented: leads, seen on two wires only
_CONFLICT = (-221, "Settings conflict")
_STALE = (-230, "Data stale")
_IGNORED = (-213, "Init ignored")
_MEMORY = 512
_LINE_HZ = 50.0

FUNCTIONS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "VOLT": ("VOLTage[:DC]", (0.1, 1.0, 10.0, 100.0, 1000.0)),
    "VOLT:RAT": ("VOLTage[:DC]:RATio", (0.1, 1.0, 10.0, 100.0, 1000.0)),
    "VOLT:AC": ("VOLTage:AC", (0.1, 1.0, 10.0, 100.0, 750.0)),
    "CURR": ("CURRent[:DC]", (0.01, 0.1, 1.0, 3.0)),
    "CURR:AC": ("CURRent:AC", (1.0, 3.0)),
    "RES": ("RESistance", (1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8)),
    "FRES": ("FRESistance", (1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8)),
    "FREQ": ("FREQuency", (0.1, 1.0, 10.0, 100.0, 750.0)),
    "PER": ("PERiod", (0.1, 1.0, 10.0, 100.0, 750.0)),
    "CONT": ("CONTinuity", ()),
    "DIOD": ("DIODe", ()),
}
"""Header and ranges of each function."""
_INTEGRATED = ("VOLT", "CURR", "RES", "FRES")
_NPLC = (0.02, 0.2, 1.0, 10.0, 100.0)
_RESOLUTION = {0.02: 1e-4, 0.2: 1e-5, 1.0: 3e-6, 10.0: 1e-6, 100.0: 3e-7}
"""Share of the range that is resolved, by line cycles; manual, page 52 and table on page 216."""


def _number(value: float) -> str:
    return f"{value:+.8E}"


def _table() -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, (header, ranges) in FUNCTIONS.items():
        if not ranges or name == "VOLT:RAT":
            continue
        root = f"[:SENSe]:{header}" + (":VOLTage" if name in ("FREQ", "PER") else "")
        default = {"VOLT": 10.0, "VOLT:AC": 10.0, "FREQ": 10.0, "PER": 10.0, "RES": 1e3, "FRES": 1e3}.get(name, 1.0)
        values[f"{name} range"] = real(f"{root}:RANGe[:UPPer]", default, ranges[0], ranges[-1], _number, ranges)
        values[f"{name} auto"] = switch(f"{root}:RANGe:AUTO", True)
        if name in _INTEGRATED:
            values[f"{name} nplc"] = real(f"{root}:NPLCycles", 10.0, 0.02, 100.0, _number, _NPLC)
        if name in ("FREQ", "PER"):
            values[f"{name} aperture"] = real(f"[:SENSe]:{header}:APERture", 0.1, 0.01, 1.0, _number, (0.01, 0.1, 1.0))
    return values


class SimKeysight34401A(TableInstrument):
    """Measures the film below the pins on two or four wires, and the voltage between them; nothing else is connected.

    Source: Hewlett-Packard, HP 34401A User's Guide 34401-90004, chapter 4 'Remote Interface Reference' (command
    summary pages 105 to 111, state after reset page 214, errors chapter 5); memory of 512 readings (page 84).
    """

    reply_delay_s = 0.01
    identity = "HEWLETT-PACKARD,34401A,0,10-5-2"
    fault_kinds: ClassVar = {"open_contact": "a lead is off: it reads overload"}
    table: ClassVar = {
        **_table(),
        "bandwidth": real("[:SENSe]:DETector:BANDwidth", 20.0, 3.0, 200.0, _number, (3.0, 20.0, 200.0)),
        "impedance": switch(":INPut:IMPedance:AUTO", False),
        "display": switch(":DISPlay[:WINDow[1]][:STATe]", True),
        "text": text(":DISPlay[:WINDow[1]]:TEXT[:DATA]", "", 12),
        "beeper": switch(":SYSTem:BEEPer:STATe", True, lasting=True),
        "trigger": word(":TRIGger:SOURce", "IMM", "IMMediate", "BUS", "EXTernal"),
        "delay": real(":TRIGger:DELay", 0.0, 0.0, 3600.0, _number),
        "delay_auto": switch(":TRIGger:DELay:AUTO", True),
        "samples": whole(":SAMPle:COUNt", 1, 1, 50_000),
        "triggers": whole(":TRIGger:COUNt", 1, 1, 50_000),
        "math": word(":CALCulate:FUNCtion", "NULL", "NULL", "DB", "DBM", "AVERage", "LIMit"),
        "math_on": switch(":CALCulate:STATe", False),
        "null": real(":CALCulate:NULL:OFFSet", 0.0, -1.2e8, 1.2e8, _number),
        "lower": real(":CALCulate:LIMit:LOWer", 0.0, -1.2e8, 1.2e8, _number),
        "upper": real(":CALCulate:LIMit:UPPer", 0.0, -1.2e8, 1.2e8, _number),
    }

    def __init__(self, clock: Clock, seed: int | str, probe: ProbeHead, faults: Sequence[Fault] = ()) -> None:
        self._probe = probe
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``; the memory is empty then."""
        super().reset()
        self._function, self._autozero = "VOLT", True
        self._memory: list[float] = []
        self._waiting = False

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return what measures, and the settings that hang together."""
        every: dict[str, Handler] = {
            "[:SENSe]:FUNCtion[:ON]": self._choose,
            "[:SENSe]:FUNCtion[:ON]?": lambda _: f'"{self._function}"',
            "[:SENSe]:ZERO:AUTO": self._set_autozero,
            "[:SENSe]:ZERO:AUTO?": lambda _: str(int(self._autozero)),
            ":ROUTe:TERMinals?": lambda _: "FRON",
            ":SYSTem:BEEPer[:IMMediate]": lambda _: None,
            ":SYSTem:VERSion?": lambda _: "1991.0",
            ":SYSTem:REMote": lambda _: None,
            ":SYSTem:LOCal": lambda _: None,
            ":SYSTem:RWLock": lambda _: None,
            ":DISPlay[:WINDow[1]]:TEXT:CLEar": lambda _: self.values.update(text=""),
            ":INITiate[:IMMediate]": lambda _: self._start(),
            ":ABORt": lambda _: self._stop_waiting(),
            ":READ?": lambda _: self._read(),
            ":FETCh?": lambda _: self._fetch(),
            ":DATA:POINts?": lambda _: str(len(self._memory)),
            ":CALCulate:AVERage:AVERage?": lambda _: _number(sum(self._memory) / len(self._memory or [0])),
            ":CALCulate:AVERage:MINimum?": lambda _: _number(min(self._memory, default=0.0)),
            ":CALCulate:AVERage:MAXimum?": lambda _: _number(max(self._memory, default=0.0)),
            ":CALCulate:AVERage:COUNt?": lambda _: _number(len(self._memory)),
            ":CONFigure?": lambda _: f'"{self._function} {_number(self._range())},{_number(self._resolution())}"',
        }
        for name, (header, ranges) in FUNCTIONS.items():
            every[f":CONFigure:{header}"] = lambda p, name=name: self._configure(name, p)  # type: ignore[misc]
            every[f":MEASure:{header}?"] = lambda p, name=name: self._measure(name, p)  # type: ignore[misc]
            if ranges and name not in ("FREQ", "PER", "VOLT:RAT"):
                every[f"[:SENSe]:{header}:RESolution"] = lambda p, n=name: self._resolve(n, p)  # type: ignore[misc]
                every[f"[:SENSe]:{header}:RESolution?"] = lambda _, n=name: _number(self._resolution(n))  # type: ignore[misc]
        return every

    @override
    def changed(self, key: str) -> None:
        """Let a range that was set end the automatic choice, and settings end a measurement that waits."""
        name, _, what = key.partition(" ")
        if what == "range":
            self.values[f"{name} auto"] = False
        if key == "delay":
            self.values["delay_auto"] = False

    @override
    def trigger(self) -> None:
        """Take the readings that a bus trigger lets begin."""
        if self._waiting and self.values["trigger"] == "BUS":
            self._fill()

    def _choose(self, parameters: str) -> None:
        said = parameters.strip("\"' ").upper().replace("VOLTAGE", "VOLT").replace("CURRENT", "CURR")
        named = {"RESISTANCE": "RES", "FRESISTANCE": "FRES", "FREQUENCY": "FREQ", "PERIOD": "PER"}
        said = {"CONTINUITY": "CONT", "DIODE": "DIOD", **named}.get(said, said).replace(":DC", "")
        if said.replace("RATIO", "RAT") not in FUNCTIONS:
            raise ScpiError(ILLEGAL_VALUE)
        self._function, self._waiting = said.replace("RATIO", "RAT"), False

    def _set_autozero(self, parameters: str) -> None:
        self._autozero = parameters.strip().upper() != "ONCE" and boolean(parameters)

    def _configure(self, name: str, parameters: str) -> None:
        wanted, _, resolution = (part.strip() for part in parameters.partition(","))
        self.values |= {"samples": 1, "triggers": 1, "trigger": "IMM", "delay_auto": True}
        self._function = name
        if f"{name} auto" in self.values:
            self.values[f"{name} auto"] = wanted.upper() in ("", "DEF", "DEFAULT", "AUTO")
            if not self.values[f"{name} auto"]:
                self.values[f"{name} range"] = self.table[f"{name} range"].parse(wanted)
                if resolution and resolution.upper()[:3] != "DEF":
                    self._resolve(name, resolution)

    def _measure(self, name: str, parameters: str) -> str:
        self._configure(name, parameters)
        return self._read()

    def _range(self, name: str = "") -> float:
        name = (name or self._function).replace("VOLT:RAT", "VOLT")
        if self.values.get(f"{name} auto"):
            value = abs(self._value(name))
            return next((step for step in FUNCTIONS[name][1] if value <= 1.2 * step), FUNCTIONS[name][1][-1])
        return float(self.values.get(f"{name} range", 1.0))

    def _resolution(self, name: str = "") -> float:
        nplc = self.values.get(f"{name or self._function} nplc", self.values.get(f"{name} fineness", 10.0))
        return _RESOLUTION[nplc] * self._range(name)

    def _resolve(self, name: str, parameters: str) -> None:
        if self.values[f"{name} auto"]:
            raise ScpiError(_CONFLICT)
        span = self._range(name)
        share = number(parameters, 3e-7 * span, span) / span
        nplc = next((cycles for cycles in _NPLC if _RESOLUTION[cycles] <= share * (1 + 1e-9)), _NPLC[-1])
        self.values[f"{name} nplc" if name in _INTEGRATED else f"{name} fineness"] = nplc

    # Readings.

    def _start(self) -> None:
        if self._waiting:
            raise ScpiError(_IGNORED)
        self._memory, self._waiting = [], True
        if self.values["trigger"] == "IMM":
            self._fill()

    def _stop_waiting(self) -> None:
        self._waiting = False

    def _fill(self) -> None:
        n = min(_MEMORY, self.values["samples"] * self.values["triggers"])
        self._memory, self._waiting = [self._reading() for _ in range(n)], False

    def _read(self) -> str:
        if self.values["trigger"] != "IMM":
            raise ScpiError(_CONFLICT)
        self._start()
        return self._fetch()

    def _fetch(self) -> str:
        if not self._memory:
            raise ScpiError(_STALE)
        cycles = self.values.get(f"{self._function} nplc", 1.0) * (2.0 if self._autozero else 1.0)
        self.busy_s = len(self._memory) * cycles / _LINE_HZ
        return ",".join(map(_number, self._memory))

    def _reading(self) -> float:
        value, name = self._value(self._function), self._function.replace("VOLT:RAT", "VOLT")
        span = self._range(name) if f"{name} range" in self.values else 1e3
        if abs(value) > 1.2 * span:
            return math.copysign(OVERLOAD, value)
        value += self.random.gauss(0.0, 2.0) * _RESOLUTION[self.values.get(f"{name} nplc", 10.0)] * span
        return value - self.values["null"] if self.values["math_on"] and self.values["math"] == "NULL" else value

    def _value(self, name: str) -> float:
        """Return what lies on the terminals: the film for a resistance [ohm], its voltage [V], or nothing."""
        if name == "VOLT":
            return self._probe.voltage_V()
        if name not in ("RES", "FRES", "CONT"):
            return OVERLOAD if name == "DIOD" else 0.0
        ohm = self._probe.resistance_ohm
        if math.isinf(ohm) or self.faults.active("open_contact") is not None:
            return OVERLOAD
        return ohm + (0.0 if name == "FRES" else _LEAD_OHM)
