"""A simulated Keithley 2400 at a four-point probe head."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices._keithley2400_settings import MOST_READINGS, SETTINGS
from sim_devices.plant import ProbeHead
from sim_devices.scpi import ILLEGAL_VALUE, OUT_OF_RANGE, Handler, ScpiError, boolean, number
from sim_devices.scpi_table import TableInstrument, doing
from sim_devices.wire import Fault

_LEAD_OHM = 1.4  # invented: leads and pins, seen on two wires only
NOISE = 6e-4
"""Of one voltage reading over one line cycle, standard deviation as a share."""
_COMPLIANCE_BIT = 1 << 3
_OUTPUT_OFF = (803, "Not permitted with OUTPUT off")
_CONFLICT = (-221, "Settings conflict")
_NONE = 9.91e37
_LINE_HZ = 50.0
_FUNCTIONS = ("VOLT", "CURR", "RES")
_ELEMENTS = ("VOLT", "CURR", "RES", "TIME", "STAT")
_AUTO = {"source_volt_range", "source_curr_range", "volt_range", "curr_range", "res_range"}


class SimKeithley2400(TableInstrument):
    """Sources a current or a voltage through the film below the pins and measures both; sweeps; stores readings.

    Source: Keithley, Series 2400 SourceMeter User's Manual 2400S-900-01 rev. K, section 18 (tables 18-1 to 18-11 and
    the command reference behind them); sections 9 (data store), 10 (sweeps). All line-frequency times are those of
    50 Hz.
    """

    reply_delay_s = 0.045
    identity = "KEITHLEY INSTRUMENTS INC.,MODEL 2400,0000000,C34 Jan 14 2019 12:03:10/A02 /K/M"
    fault_kinds: ClassVar = {"open_contact": "a pin does not touch: the voltage goes to compliance"}
    table: ClassVar = SETTINGS

    def __init__(self, clock: Clock, seed: int | str, probe: ProbeHead, faults: Sequence[Fault] = ()) -> None:
        self._probe = probe
        self._buffer: list[tuple[float, ...]] = []
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``; what is stored stays."""
        super().reset()
        self.values |= {"autozero": "1"}
        self._senses = ["CURR"]
        self._elements: tuple[str, ...] = _ELEMENTS
        self._lists: dict[str, list[float]] = {"volt": [], "curr": []}
        self._latest: list[tuple[float, ...]] = []

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return what measures, stores and counts."""
        every: dict[str, Handler] = {
            ":SENSe[1]:FUNCtion[:ON]": self._sense_also,
            ":SENSe[1]:FUNCtion[:ON]?": lambda _: ",".join(map(_told, self._senses)),
            ":SENSe[1]:FUNCtion[:ON]:ALL": doing(self._sense_all),
            ":SENSe[1]:FUNCtion:OFF": self._sense_not,
            ":SENSe[1]:FUNCtion:OFF:ALL": doing(lambda: self._senses.clear()),
            ":SENSe[1]:DATA[:LATest]?": lambda _: self._lines(self._latest[-1:]),
            ":FORMat:ELEMents[:SENSe[1]]": self._choose_elements,
            ":FORMat:ELEMents[:SENSe[1]]?": lambda _: ",".join(self._elements),
            ":SYSTem:AZERo[:STATe]": self._set_autozero,
            ":SYSTem:AZERo[:STATe]?": lambda _: str(self.values["autozero"]),
            ":SYSTem:BEEPer[:IMMediate]": lambda _: None,
            ":SYSTem:LOCal": lambda _: None,
            ":SYSTem:REMote": lambda _: None,
            ":SYSTem:RWLock": lambda _: None,
            ":SYSTem:PRESet": lambda _: self.reset(),
            ":SYSTem:CLEar": doing(lambda: self.errors.clear()),
            ":SYSTem:ERRor:ALL?": lambda _: self._next_error(),
            ":SYSTem:ERRor:COUNt?": lambda _: str(len(self.errors)),
            ":SYSTem:TIME:RESet": lambda _: None,
            ":STATus:PRESet": lambda _: None,
            ":STATus:QUEue:CLEar": doing(lambda: self.errors.clear()),
            ":STATus:QUEue[:NEXT]?": lambda _: self._next_error(),
            ":STATus:MEASurement:ENABle": lambda _: None,
            ":STATus:MEASurement[:EVENt]?": lambda _: str(512 * bool(self._buffer)),
            ":OUTPut[1]:INTerlock:TRIPped?": lambda _: "1",
            ":ABORt": lambda _: None,
            ":TRIGger[:SEQuence[1]]:CLEar": lambda _: None,
            ":INITiate[:IMMediate]": doing(self._measure),
            ":READ?": lambda _: self._lines(self._measure()),
            ":FETCh?": lambda _: self._lines(self._latest),
            ":MEASure?": lambda _: self._lines(self._measure()),
            ":TRACe:DATA?": lambda _: self._lines(self._buffer),
            ":TRACe:CLEar": doing(lambda: self._buffer.clear()),
            ":TRACe:FREE?": lambda _: f"{24 * (MOST_READINGS - len(self._buffer))},{24 * len(self._buffer)}",
            ":TRACe:POINts:ACTual?": lambda _: str(len(self._buffer)),
            ":CALCulate3:DATA?": lambda _: self._statistics(),
        }
        for name, function in (("VOLTage[:DC]", "VOLT"), ("CURRent[:DC]", "CURR"), ("RESistance", "RES")):
            every[f":MEASure:{name}?"] = self._measurer(function)
            every[f":CONFigure:{name}"] = lambda _, function=function: self._configure(function)  # type: ignore[misc]
        for name in ("VOLTage", "CURRent"):
            key, high = name[:4].lower(), 210.0 if name == "VOLTage" else 1.05
            every[f"[:SOURce[1]]:LIST:{name}"] = self._lister(key, high, anew=True)
            every[f"[:SOURce[1]]:LIST:{name}:APPend"] = self._lister(key, high, anew=False)
            every[f"[:SOURce[1]]:LIST:{name}?"] = lambda _, key=key: _numbers(self._lists[key])  # type: ignore[misc]
            every[f"[:SOURce[1]]:LIST:{name}:POINts?"] = lambda _, key=key: str(len(self._lists[key]))  # type: ignore[misc]
            unit = "VOLTage[:DC]" if name == "VOLTage" else "CURRent[:DC]"
            every[f":SENSe[1]:{unit}:PROTection:TRIPped?"] = lambda _: str(int(self._is_limited()))
        return every

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the source is on."""
        if not self.values["on"]:
            return ()
        return (f"source on at {self._level():g} {'V' if self.values['source'] == 'VOLT' else 'A'}",)

    @override
    def changed(self, key: str) -> None:
        """Let a range that was set end its own automatic choice, and a source level its programmed twin follow."""
        if key in _AUTO:
            self.values[f"{key}_auto"] = False
        elif key in ("source_volt", "source_curr"):
            self.values[f"{key}_triggered"] = self.values[key]
        elif (
            key in ("arm_count", "trigger_count")
            and self.values["arm_count"] * self.values["trigger_count"] > MOST_READINGS
        ):
            raise ScpiError(_CONFLICT)
        elif key == "delay":
            self.values["delay_auto"] = False
        elif key == "terminals":
            self.values["on"] = False  # section 15: the output goes off when the terminals change

    # What is measured.

    def _sense_also(self, parameters: str) -> None:
        functions = [_function(part.strip("\"' ").split(":")[0]) for part in parameters.split(",")]
        kept = self._senses if self.values["concurrent"] else []
        self._senses[:] = [each for each in _FUNCTIONS if each in {*kept, *functions}]

    def _sense_all(self) -> None:
        self._senses = list(_FUNCTIONS)

    def _sense_not(self, parameters: str) -> None:
        function = _function(parameters.strip("\"' ").split(":")[0])
        self._senses[:] = [each for each in self._senses if each != function]

    def _choose_elements(self, parameters: str) -> None:
        named = [part.strip().upper()[:4] for part in parameters.split(",")]
        chosen = tuple(each for each in _ELEMENTS if each[:4] in named or (each == "RES" and "RESI" in named))
        if not chosen or len(chosen) != len(set(named)):
            raise ScpiError(ILLEGAL_VALUE)
        self._elements = chosen

    def _set_autozero(self, parameters: str) -> None:
        if parameters.strip().upper() != "ONCE":
            self.values["autozero"] = int(boolean(parameters))

    def _configure(self, function: str) -> None:
        self._senses[:], self.values["on"] = [function], True

    def _measurer(self, function: str) -> Handler:
        def measure(_: str) -> str:
            self._configure(function)
            return self._lines(self._measure())

        return measure

    def _lister(self, key: str, high: float, *, anew: bool) -> Handler:
        def take(parameters: str) -> None:
            levels = [number(part.strip(), -high, high, 0.0) for part in parameters.split(",")]
            taken = levels if anew else self._lists[key] + levels
            if len(taken) > 100:
                raise ScpiError(OUT_OF_RANGE)
            self._lists[key] = taken

        return take

    def _level(self) -> float:
        return float(self.values["source_volt" if self.values["source"] == "VOLT" else "source_curr"])

    def _levels(self) -> list[float]:
        """Return what is sourced, trigger by trigger."""
        values, n = self.values, self.values["arm_count"] * self.values["trigger_count"]
        key = "volt" if values["source"] == "VOLT" else "curr"
        mode = values[f"source_{key}_mode"]
        course = [self._level()]
        if mode == "LIST" and self._lists[key]:
            course = self._lists[key]
        elif mode == "SWE":
            course = self._sweep(*(values[f"source_{key}_{end}"] for end in ("start", "stop", "step")))
        return [course[index % len(course)] for index in range(n)]

    def _sweep(self, start: float, stop: float, step: float) -> list[float]:
        points = self.values["points"]
        if step and self.values["spacing"] == "LIN":
            points = min(MOST_READINGS, max(2, 1 + round(abs((stop - start) / step))))
        shares = [index / (points - 1) for index in range(points)]
        if self.values["spacing"] == "LOG" and start * stop > 0.0:
            course = [start * (stop / start) ** share for share in shares]
        else:
            course = [start + (stop - start) * share for share in shares]
        return course if self.values["direction"] == "UP" else course[::-1]

    def _measure(self) -> list[tuple[float, ...]]:
        if not self.values["on"]:
            raise ScpiError(_OUTPUT_OFF)
        levels = self._levels()
        nplc = self.values[f"{self._senses[0].lower()}_nplc"] if self._senses else 1.0
        each_s = nplc / _LINE_HZ + self.values["trigger_delay"] + (0.0 if self.values["delay_auto"] else self._delay())
        self.busy_s = (len(levels) - 1) * (each_s + 0.01)
        self._latest = [self._reading(level, index * (each_s + 0.01), nplc) for index, level in enumerate(levels)]
        if self.values["feed_control"] == "NEXT":
            self._buffer = (self._buffer + self._latest)[: self.values["buffer"]]
            if len(self._buffer) == self.values["buffer"]:
                self.values["feed_control"] = "NEV"
        if self.values["output_clears"]:
            self.values["on"] = False
        return self._latest

    def _delay(self) -> float:
        return float(self.values["delay"])

    def _reading(self, level: float, after_s: float, nplc: float) -> tuple[float, ...]:
        """Return voltage [V], current [A], resistance [ohm], time [s] and status word."""
        voltage, current, limited = self._point(level)
        noise = 1.0 + self.random.gauss(0.0, NOISE / math.sqrt(max(nplc, 0.01)))
        if self.values["source"] == "CURR":
            voltage = float(f"{voltage * noise:.6E}")
        else:
            current = float(f"{current * noise:.6E}")
        resistance = voltage / current if "RES" in self._senses and current else _NONE
        seen = {*self._senses, self.values["source"]} | ({"VOLT", "CURR"} if "RES" in self._senses else set())
        voltage, current = (x if name in seen else _NONE for x, name in ((voltage, "VOLT"), (current, "CURR")))
        now_s = self.clock.monotonic() + after_s
        return voltage, current, resistance, now_s, float(_COMPLIANCE_BIT if limited else 0)

    def _point(self, level: float) -> tuple[float, float, bool]:
        """Return voltage [V] and current [A] at a source level, and whether a limit holds."""
        resistance = self._resistance_ohm()
        if self.values["source"] == "CURR":
            compliance = abs(self.values["compliance_volt"])
            voltage, current = level * resistance if level else 0.0, level
            if abs(voltage) >= compliance or math.isinf(resistance):
                voltage = math.copysign(compliance, level)
                return voltage, 1e-12 if math.isinf(resistance) else voltage / resistance, True
            return voltage, current, False
        compliance = abs(self.values["compliance_curr"])
        current = 1e-12 if math.isinf(resistance) else level / resistance
        if abs(current) >= compliance:
            current = math.copysign(compliance, level)
            return current * resistance, current, True
        return level, current, False

    def _is_limited(self) -> bool:
        return bool(self.values["on"]) and self._point(self._level())[2]

    def _resistance_ohm(self) -> float:
        if self.faults.active("open_contact") is not None:
            return math.inf
        return self._probe.resistance_ohm + (0.0 if self.values["four_wire"] else _LEAD_OHM)

    # What is told.

    def _lines(self, readings: Sequence[tuple[float, ...]]) -> str:
        told = [_ELEMENTS.index(element) for element in self._elements]
        return ",".join(f"{reading[index]:+.6E}" for reading in readings for index in told)

    def _statistics(self) -> str:
        if not self._buffer:
            raise ScpiError((-230, "Data corrupt or stale"))
        return _numbers(
            [_statistic(self.values["statistic"], column) for column in list(zip(*self._buffer, strict=True))[:3]]
        )


def _statistic(kind: str, column: Sequence[float]) -> float:
    mean = sum(column) / len(column)
    spread = math.sqrt(sum((value - mean) ** 2 for value in column) / max(1, len(column) - 1))
    span = max(column) - min(column)
    return {"MEAN": mean, "SDEV": spread, "MAX": max(column), "MIN": min(column), "PKPK": span}[kind]


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value:+.6E}" for value in values)


def _told(function: str) -> str:
    return '"RES"' if function == "RES" else f'"{function}:DC"'


def _function(parameters: str) -> str:
    said = parameters.strip().upper()
    for short in _FUNCTIONS:
        if said.startswith(short):
            return short
    raise ScpiError(ILLEGAL_VALUE)
