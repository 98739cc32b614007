"""A simulated Keithley 2182A nanovoltmeter between the inner pins of a probe head."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import ProbeHead
from sim_devices.scpi import ILLEGAL_VALUE, Handler, ScpiError
from sim_devices.scpi_table import TableInstrument, Value, doing, real, switch, whole, word
from sim_devices.wire import Fault

OVERFLOW = 9.9e37
NOISE_V = 12e-9
"""Of one reading over five line cycles on the lowest range, standard deviation [V]."""
_LINE_HZ, _ROOM_DEGC = 50.0, 23.0
_RANGES = {1: (0.012, 0.12, 1.2, 12.0, 120.0), 2: (0.12, 1.2, 12.0)}
"""Highest reading of each range [V]: a fifth more than its name says."""
_BUFFER_EMPTY = (-230, "Data corrupt or stale")
_THERMOCOUPLES = ("J", "K", "T", "E", "R", "S", "B", "N")


def _channel(n: int) -> dict[str, Value]:
    name, ranges = f"[:CHANnel{n}]" if n == 1 else f":CHANnel{n}", _RANGES[n]
    volts, kelvins = f":SENSe[1]:VOLTage[:DC]{name}", f":SENSe[1]:TEMPerature{name}"
    return {
        f"range {n}": real(f"{volts}:RANGe[:UPPer]", ranges[-1], 0.0, ranges[-1], ranges=ranges),
        f"auto {n}": switch(f"{volts}:RANGe:AUTO", True),
        f"reference {n}": real(f"{volts}:REFerence", 0.0, -ranges[-1], ranges[-1]),
        f"relative {n}": switch(f"{volts}:REFerence:STATe", False),
        f"analog {n}": switch(f"{volts}:LPASs[:STATe]", False),
        f"filter {n}": switch(f"{volts}:DFILter[:STATe]", True),
        f"filter count {n}": whole(f"{volts}:DFILter:COUNt", 10, 1, 100),
        f"filter window {n}": real(f"{volts}:DFILter:WINDow", 0.01, 0.0, 10.0),
        f"filter kind {n}": word(f"{volts}:DFILter:TCONtrol", "MOV", "MOVing", "REPeat"),
        f"temperature reference {n}": real(f"{kelvins}:REFerence", 0.0, -328.0, 3310.0),
        f"temperature relative {n}": switch(f"{kelvins}:REFerence:STATe", False),
    }


class SimKeithley2182A(TableInstrument):
    """Measures the voltage of the probe head on channel 1; channel 2 is shorted; the junction is at room temperature.

    Source: Keithley, Model 2182/2182A Nanovoltmeter User's Manual 2182A-900-01 rev. A, section 14 (SCPI reference
    tables, tables 14-1 to 14-11); defaults of ``*RST`` from the same tables.
    """

    reply_delay_s = 0.01
    identity = "KEITHLEY INSTRUMENTS INC.,MODEL 2182A,0000000,C04 /A02"
    fault_kinds: ClassVar = {"open_contact": "a lead is off: the reading overflows"}
    table: ClassVar = {
        "channel": whole(":SENSe[1]:CHANnel", 1, 0, 2),
        **_channel(1),
        **_channel(2),
        "volt nplc": real(":SENSe[1]:VOLTage[:DC]:NPLCycles", 5.0, 0.01, 50.0),
        "temp nplc": real(":SENSe[1]:TEMPerature:NPLCycles", 5.0, 0.01, 50.0),
        "digits": real(":SENSe[1]:VOLTage[:DC]:DIGits", 8.0, 4.0, 8.0, "{:g}".format),
        "ratio": switch(":SENSe[1]:VOLTage[:DC]:RATio", False),
        "delta": switch(":SENSe[1]:VOLTage[:DC]:DELTa", False),
        "transducer": word(":SENSe[1]:TEMPerature:TRANsducer", "TC", "TCouple", "INTernal"),
        "thermocouple": word(":SENSe[1]:TEMPerature:TCouple[:TYPE]", "J", *_THERMOCOUPLES),
        "junction": word(":SENSe[1]:TEMPerature:RJUNction[1]:RSELect", "INT", "SIMulated", "INTernal"),
        "simulated": real(":SENSe[1]:TEMPerature:RJUNction[1]:SIMulated", 23.0, 0.0, 60.0),
        "autozero": switch(":SYSTem:AZERo[:STATe]", True),
        "front_autozero": switch(":SYSTem:FAZero[:STATe]", True),
        "line_sync": switch(":SYSTem:LSYNc[:STATe]", False),
        "beeper": switch(":SYSTem:BEEPer[:STATe]", True),
        "display": switch(":DISPlay:ENABle", True),
        "unit": word(":UNIT:TEMPerature", "C", "C", "F", "K"),
        "count": whole(":TRIGger[:SEQuence[1]]:COUNt", 1, 1, 9999),
        "delay": real(":TRIGger[:SEQuence[1]]:DELay", 0.0, 0.0, 999999.999),
        "delay_auto": switch(":TRIGger[:SEQuence[1]]:DELay:AUTO", True),
        "trigger": word(":TRIGger[:SEQuence[1]]:SOURce", "IMM", "IMMediate", "TIMer", "MANual", "BUS", "EXTernal"),
        "samples": whole(":SAMPle:COUNt", 1, 1, 1024),
        "continuous": switch(":INITiate:CONTinuous", False),
        "buffer": whole(":TRACe:POINts", 100, 2, 1024),
        "feed": word(":TRACe:FEED", "SENS", "SENSe[1]", "CALCulate[1]", "NONE"),
        "feed_control": word(":TRACe:FEED:CONTrol", "NEV", "NEVer", "NEXT", "ALWays"),
        "statistic": word(":CALCulate2:FORMat", "NONE", "MEAN", "SDEViation", "MAXimum", "MINimum", "NONE"),
        "statistics": switch(":CALCulate2:STATe", False),
    }

    def __init__(self, clock: Clock, seed: int | str, probe: ProbeHead, faults: Sequence[Fault] = ()) -> None:
        self._probe = probe
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``."""
        super().reset()
        self._function = "VOLT"
        self._latest, self._buffer = list[float](), list[float]()

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return what measures and stores."""
        every: dict[str, Handler] = {
            ":SENSe[1]:FUNCtion": self._choose,
            ":SENSe[1]:FUNCtion?": lambda _: '"VOLT:DC"' if self._function == "VOLT" else '"TEMP"',
            ":SENSe[1]:DATA[:LATest]?": lambda _: self._told(self._latest[-1:]),
            ":SENSe[1]:DATA:FRESh?": lambda _: self._told(self._measure()),
            ":SENSe[1]:TEMPerature:RTEMperature?": lambda _: f"{_ROOM_DEGC:+.6E}",
            ":SYSTem:LFRequency?": lambda _: f"{_LINE_HZ:.0f}",
            ":SYSTem:PRESet": lambda _: self.reset(),
            ":SYSTem:CLEar": lambda _: self.errors.clear(),
            ":STATus:QUEue[:NEXT]?": lambda _: self._next_error(),
            ":STATus:QUEue:CLEar": lambda _: self.errors.clear(),
            ":STATus:PRESet": lambda _: None,
            ":INITiate[:IMMediate]": doing(self._measure),
            ":ABORt": lambda _: None,
            ":READ?": lambda _: self._told(self._measure()),
            ":FETCh?": lambda _: self._told(self._latest),
            ":TRACe:CLEar": lambda _: self._buffer.clear(),
            ":TRACe:DATA?": lambda _: self._told(self._buffer),
            ":CALCulate2:IMMediate?": lambda _: self._statistics(),
            ":CALCulate2:DATA?": lambda _: self._statistics(),
        }
        for function, name in (("VOLTage[:DC]", "VOLT"), ("TEMPerature", "TEMP")):
            every[f":MEASure[:{function}]?" if name == "VOLT" else f":MEASure:{function}?"] = self._measurer(name)
            every[f":CONFigure:{function}"] = lambda _, name=name: setattr(self, "_function", name)  # type: ignore[misc]
        for n in (1, 2):
            name = f"[:CHANnel{n}]" if n == 1 else f":CHANnel{n}"
            every[f":SENSe[1]:VOLTage[:DC]{name}:REFerence:ACQuire"] = lambda _, n=n: self._acquire(n)  # type: ignore[misc]
            every[f":SENSe[1]:TEMPerature{name}:REFerence:ACQuire"] = lambda _: None
        return every

    @override
    def changed(self, key: str) -> None:
        """Let a range that was set end the automatic choice."""
        if key.startswith("range "):
            self.values[f"auto {key[-1]}"] = False

    def _choose(self, parameters: str) -> None:
        said = parameters.strip("\"' ").upper()[:4]
        if said not in ("VOLT", "TEMP"):
            raise ScpiError(ILLEGAL_VALUE)
        self._function = said

    def _measurer(self, name: str) -> Handler:
        def measure(_: str) -> str:
            self._function = name
            return self._told(self._measure())

        return measure

    def _acquire(self, channel: int) -> None:
        self.values[f"reference {channel}"] = self._voltage(channel)

    def _measure(self) -> list[float]:
        n = min(1024, self.values["samples"] * self.values["count"])
        cycles = self.values[f"{self._function.lower()} nplc"] * (2.0 if self.values["autozero"] else 1.0)
        self.busy_s = n * (cycles / _LINE_HZ + (0.0 if self.values["delay_auto"] else self.values["delay"]))
        self._latest = [self._reading() for _ in range(n)]
        if self.values["feed_control"] != "NEV" or self.values["statistics"]:
            self._buffer = (self._buffer + self._latest)[-self.values["buffer"] :]
        return self._latest

    def _reading(self) -> float:
        channel = self.values["channel"]
        if self._function == "TEMP" or channel == 0:
            return _ROOM_DEGC + self.random.gauss(0.0, 0.02)
        value = self._voltage(channel)
        return value - self.values[f"reference {channel}"] if self.values[f"relative {channel}"] else value

    def _voltage(self, channel: int) -> float:
        if self.faults.active("open_contact") is not None:
            return OVERFLOW
        value = self._probe.voltage_V() if channel == 1 else 0.0
        ranges = _RANGES[channel]
        automatic = next((step for step in ranges if abs(value) <= step), math.inf)
        span = automatic if self.values[f"auto {channel}"] else self.values[f"range {channel}"]
        if abs(value) > span or math.isinf(span):
            return math.copysign(OVERFLOW, value)
        filtered = self.values[f"filter count {channel}"] if self.values[f"filter {channel}"] else 1
        noise = NOISE_V * max(1.0, span / ranges[0] * 0.3) / math.sqrt(filtered * self.values["volt nplc"] / 5.0)
        return value + self.random.gauss(0.0, noise)

    def _told(self, readings: Sequence[float]) -> str:
        if not readings:
            raise ScpiError(_BUFFER_EMPTY)
        return ",".join(f"{reading:+.8E}" for reading in readings)

    def _statistics(self) -> str:
        readings, kind = self._buffer or self._latest, self.values["statistic"]
        if not readings or kind == "NONE":
            return f"{9.91e37:+.8E}"
        mean = sum(readings) / len(readings)
        spread = math.sqrt(sum((each - mean) ** 2 for each in readings) / max(1, len(readings) - 1))
        return f"{ {'MEAN': mean, 'SDEV': spread, 'MAX': max(readings), 'MIN': min(readings)}[kind]:+.8E}"
