"""A simulated Keithley 6221 current source on the outer pins of a probe head."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import ProbeHead
from sim_devices.scpi import Handler, ScpiError, number
from sim_devices.scpi_table import TableInstrument, Value, exponent, real, switch, whole, word
from sim_devices.wire import Fault

_RANGES = (2e-9, 2e-8, 2e-7, 2e-6, 2e-5, 2e-4, 2e-3, 2e-2, 0.1)
_NOT_ARMED = (-221, "Settings conflict")
_STALE = (-230, "Data corrupt or stale")
_MEASURING_S = 0.1
_NONE = 9.91e37


def _endless(header: str, default: float, high: float, tell: str = "{:+.6E}") -> Value:
    """Return a number that may also be ``INF``."""

    def parse(parameters: str) -> float:
        return math.inf if parameters.strip().upper()[:3] == "INF" else number(parameters, 0.0, high, default)

    return Value(header, default, parse, lambda value: f"{9.9e37:+.6E}" if math.isinf(value) else tell.format(value))


class SimKeithley6221(TableInstrument):
    """Sources a direct current, waves and delta pulses; its delta readings are those of a 2182A at the same head.

    Source: Keithley, Model 6220/6221 Reference Manual 622x-901-01 rev. C, section 14 (SCPI tables), sections 4
    (compliance, output), 5 (delta) and 7 (wave functions).
    """

    reply_delay_s = 0.01
    identity = "KEITHLEY INSTRUMENTS INC.,MODEL 6221,0000000,D04  /700x"
    fault_kinds: ClassVar = {"interlock_open": "the interlock is open: the output does not come on"}
    table: ClassVar = {
        "on": switch(":OUTPut[:STATe]", False),
        "shield": word(":OUTPut:ISHield", "OLOW", "GUARd", "OLOW"),
        "low_to_earth": switch(":OUTPut:LTEarth", False),
        "response": word(":OUTPut:RESPonse", "FAST", "FAST", "SLOW"),
        "delay": real("[:SOURce[1]]:DELay", 1.0, 0.001, 999999.999),
        "current": real("[:SOURce[1]]:CURRent[:LEVel][:IMMediate][:AMPLitude]", 0.0, -0.105, 0.105),
        "range": real("[:SOURce[1]]:CURRent:RANGe", 0.1, -0.105, 0.105, ranges=_RANGES),
        "range_auto": switch("[:SOURce[1]]:CURRent:RANGe:AUTO", False),
        "compliance": real("[:SOURce[1]]:CURRent:COMPliance", 10.0, 0.1, 105.0),
        "filter": switch("[:SOURce[1]]:CURRent:FILTer[:STATe]", False),
        "start": real("[:SOURce[1]]:CURRent:STARt", 0.0, -0.105, 0.105),
        "stop": real("[:SOURce[1]]:CURRent:STOP", 0.0, -0.105, 0.105),
        "step": real("[:SOURce[1]]:CURRent:STEP", 0.01, 1e-13, 0.21),
        "sweep_spacing": word("[:SOURce[1]]:SWEep:SPACing", "LIN", "LINear", "LOGarithmic", "LIST"),
        "sweep_points": whole("[:SOURce[1]]:SWEep:POINts", 11, 1, 65535),
        "sweep_count": _endless("[:SOURce[1]]:SWEep:COUNt", 1, 9999),
        "delta_high": real("[:SOURce[1]]:DELTa:HIGH", 1e-5, 0.0, 0.105),
        "delta_low": real("[:SOURce[1]]:DELTa:LOW", -1e-5, -0.105, 0.0),
        "delta_delay": _endless("[:SOURce[1]]:DELTa:DELay", 0.002, 9999.999),
        "delta_count": _endless("[:SOURce[1]]:DELTa:COUNt", math.inf, 65536),
        "delta_abort": switch("[:SOURce[1]]:DELTa:CABort", False),
        "delta_cold": switch("[:SOURce[1]]:DELTa:CSWitch", False),
        "wave": word(
            "[:SOURce[1]]:WAVE:FUNCtion", "SIN", "SINusoid", "SQUare", "RAMP", *(f"ARB{n}" for n in range(5))
        ),
        "wave_frequency": real("[:SOURce[1]]:WAVE:FREQuency", 1e3, 1e-3, 1e5),
        "wave_amplitude": real("[:SOURce[1]]:WAVE:AMPLitude", 1e-3, 2e-12, 0.105),
        "wave_offset": real("[:SOURce[1]]:WAVE:OFFSet", 0.0, -0.105, 0.105),
        "wave_duty": real("[:SOURce[1]]:WAVE:DCYCle", 50.0, 0.0, 100.0),
        "wave_time": _endless("[:SOURce[1]]:WAVE:DURation:TIME", math.inf, 999999.999),
        "wave_cycles": _endless("[:SOURce[1]]:WAVE:DURation:CYCLes", math.inf, 1e11),
        "wave_ranging": word("[:SOURce[1]]:WAVE:RANGing", "BEST", "BEST", "FIXed"),
        "marker": switch("[:SOURce[1]]:WAVE:PMARk:STATe", False),
        "marker_phase": real("[:SOURce[1]]:WAVE:PMARk[:LEVel]", 180.0, 0.0, 360.0),
        "marker_line": whole("[:SOURce[1]]:WAVE:PMARk:OLINe", 3, 1, 6),
        "unit": word(":UNIT[:VOLTage][:DC]", "V", "V", "OHMS", "W", "SIEMens"),
        "display": switch(":DISPlay:ENABle", True),
        "arm_source": word(
            ":ARM[:SEQuence[1]][:LAYer[1]]:SOURce", "IMM",
            "IMMediate", "TIMer", "BUS", "TLINk", "BSTest", "PSTest", "NSTest", "MANual",
        ),
        "arm_timer": real(":ARM[:SEQuence[1]][:LAYer[1]]:TIMer", 0.1, 0.0, 99999.99),
        "arm_line": whole(":ARM[:SEQuence[1]][:LAYer[1]][:TCONfigure]:ILINe", 1, 1, 6),
        "trigger_source": word(":TRIGger[:SEQuence[1]]:SOURce", "IMM", "IMMediate", "TLINk"),
        "trigger_line": whole(":TRIGger[:SEQuence[1]][:TCONfigure]:ILINe", 1, 1, 6),
        "trigger_out": whole(":TRIGger[:SEQuence[1]][:TCONfigure]:OLINe", 2, 1, 6),
        "trigger_event": word(":TRIGger[:SEQuence[1]][:TCONfigure]:OUTPut", "NONE", "SOURce", "DELay", "NONE"),
        "buffer": whole(":TRACe:POINts", 100, 1, 65536),
        "feed": word(":TRACe:FEED:CONTrol", "NEV", "NEVer", "NEXT", "ALWays"),
        "measurement_enable": whole(":STATus:MEASurement:ENABle", 0, 0, 65535),
        "operation_enable": whole(":STATus:OPERation:ENABle", 0, 0, 65535),
        "questionable_enable": whole(":STATus:QUEStionable:ENABle", 0, 0, 65535),
    }  # fmt: skip

    def __init__(self, clock: Clock, seed: int | str, probe: ProbeHead, faults: Sequence[Fault] = ()) -> None:
        self._probe = probe
        super().__init__(clock, seed, faults)
        probe.source_A, probe.compliance_V = self._flowing_A, lambda: float(self.values["compliance"])

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``: nothing is armed, the output is off."""
        super().reset()
        self._armed = ""
        self._running_since: float | None = None
        self._buffer: list[tuple[float, float]] = []

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return what arms, runs and tells delta readings."""
        return {
            "[:SOURce[1]]:CLEar[:IMMediate]": lambda _: self._switch_off(),
            "[:SOURce[1]]:DELTa:ARM": lambda _: self._arm("delta"),
            "[:SOURce[1]]:DELTa:ARM?": lambda _: str(int(self._armed == "delta")),
            "[:SOURce[1]]:DELTa:NVPResent?": lambda _: "1",
            "[:SOURce[1]]:SWEep:ARM": lambda _: self._arm("sweep"),
            "[:SOURce[1]]:SWEep:ABORt": lambda _: self._abort(),
            "[:SOURce[1]]:WAVE:ARM": lambda _: self._arm("wave"),
            "[:SOURce[1]]:WAVE:INITiate": lambda _: self._start("wave"),
            "[:SOURce[1]]:WAVE:ABORt": lambda _: self._abort(),
            "[:SOURce[1]]:WAVE:ARBitrary:DATA": lambda _: None,
            "[:SOURce[1]]:WAVE:ARBitrary:COPY": lambda _: None,
            ":INITiate[:IMMediate]": lambda _: self._start(self._armed),
            ":ABORt": lambda _: self._abort(),
            ":SENSe[1]:DATA[:LATest]?": lambda _: self._told(self._readings()[-1:]),
            ":SENSe[1]:DATA:FRESh?": lambda _: self._told(self._readings()[-1:]),
            ":TRACe:DATA?": lambda _: self._told(self._readings()),
            ":TRACe:CLEar": lambda _: self._buffer.clear(),
            ":TRACe:POINts:ACTual?": lambda _: str(len(self._readings())),
            ":OUTPut:INTerlock:TRIPped?": lambda _: str(int(self.faults.active("interlock_open") is None)),
            ":SYSTem:BEEPer[:IMMediate]": lambda _: None,
            ":SYSTem:PRESet": lambda _: self.reset(),
            ":STATus:PRESet": lambda _: None,
            ":STATus:QUEue:CLEar": lambda _: self.errors.clear(),
            ":STATus:QUEue[:NEXT]?": lambda _: self._next_error(),
            ":STATus:MEASurement[:EVENt]?": lambda _: str(self._measurement_bits()),
            ":STATus:MEASurement:CONDition?": lambda _: str(self._measurement_bits()),
            ":STATus:OPERation[:EVENt]?": lambda _: "0",
            ":STATus:QUEStionable[:EVENt]?": lambda _: "0",
        }  # fmt: skip

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the source is on."""
        return (f"source on at {self.values['current']:g} A",) if self.values["on"] or self._runs() else ()

    @override
    def changed(self, key: str) -> None:
        """Let a range that was set end the automatic choice; keep the output off while the interlock is open."""
        if key == "range":
            self.values["range_auto"] = False
        if key == "on":
            self._abort()
            if self.values["on"] and self.faults.active("interlock_open") is not None:
                raise ScpiError((802, "OUTPUT blocked by interlock"))

    def _flowing_A(self) -> float:
        return float(self.values["current"]) if self.values["on"] else 0.0

    def _switch_off(self) -> None:
        self._abort()
        self.values |= {"on": False, "current": 0.0}

    def _arm(self, what: str) -> None:
        if self.faults.active("interlock_open") is not None:
            raise ScpiError((802, "OUTPUT blocked by interlock"))
        self._armed, self._running_since, self._buffer = what, None, []
        self.values["on"] = False  # section 5: arming ends the direct current

    def _start(self, what: str) -> None:
        if not what or self._armed != what:
            raise ScpiError(_NOT_ARMED)
        self._running_since = self.clock.monotonic()

    def _abort(self) -> None:
        self._readings()
        self._armed, self._running_since = "", None

    def _runs(self) -> bool:
        since, wanted = self._running_since, self.values["delta_count"]
        return since is not None and (
            self._armed != "delta" or self.clock.monotonic() - since < wanted * self._cycle_s()
        )

    def _cycle_s(self) -> float:
        delay = self.values["delta_delay"]
        return _MEASURING_S + (0.0 if math.isinf(delay) else float(delay))

    def _measurement_bits(self) -> int:
        return 8 * self._probe.is_limited(self._flowing_A()) | 512 * bool(self._buffer)

    def _readings(self) -> list[tuple[float, float]]:
        """Return delta readings (value, time [s]) so far: the mean of both polarities has no thermal voltage."""
        if self._armed == "delta" and self._running_since is not None:
            elapsed = self.clock.monotonic() - self._running_since
            done = int(min(self.values["delta_count"], elapsed / self._cycle_s()))
            high, low = self.values["delta_high"], self.values["delta_low"]
            while len(self._buffer) < done and len(self._buffer) < self.values["buffer"]:
                volts = (self._probe.voltage_V(high) - self._probe.voltage_V(low)) / 2.0
                volts += self.random.gauss(0.0, 8e-9)
                self._buffer.append((self._in_unit(volts, (high - low) / 2.0), len(self._buffer) * self._cycle_s()))
        return self._buffer

    def _in_unit(self, volts: float, amperes: float) -> float:
        unit = self.values["unit"]
        if unit == "V" or not amperes:
            return volts
        return {"OHMS": volts / amperes, "W": volts * amperes, "SIEM": amperes / volts if volts else _NONE}[unit]

    def _told(self, readings: Sequence[tuple[float, float]]) -> str:
        if not readings:
            raise ScpiError(_STALE)
        return ",".join(f"{exponent(value)},{exponent(time_s)}" for value, time_s in readings)
