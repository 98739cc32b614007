"""A simulated SRS LDC501 laser-diode controller."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.scpi import ILLEGAL_VALUE, OUT_OF_RANGE, UNDEFINED_HEADER, Handler, ScpiError, number
from sim_devices.scpi_table import TableInstrument, Value, switch, word
from sim_devices.wire import Fault

_RANGE_MA = {"LOW": 250.0, "HIGH": 500.0}
_THRESHOLD_MA, _SLOPE_MW_MA, _PD_UA_MW = 22.0, 0.62, 310.0  # invented: the diode
_ROOM_DEGC, _TIME_CONSTANT_S = 23.0, 12.0  # invented: the mount
_ILLEGAL_VALUE, _NO_EXECUTION, _UNDEFINED = 1, 0, 3
"""Execution and command error codes of the manual, section 4.4.12."""


def _plain(value: float) -> str:
    return f"{value:.6g}"


def _real(header: str, default: float, low: float, high: float) -> Value:
    return Value(f":{header}", default, lambda p: number(p, low, high), _plain, (low, high))


def _on_off(header: str) -> Value:
    return Value(f":{header}", False, switch("", False).parse, lambda on: "ON" if on else "OFF")


class SimSRSLDC500(TableInstrument):
    """Laser current and its limit, thermoelectric cooler, photodiode; the laser needs its interlock closed.

    Source: Stanford Research Systems, LDC500 Series Laser Diode Controllers Operation and Service Manual rev. 1.5,
    chapter 4 'Remote operation' (laser, photodiode and TEC commands, interface commands, error codes).
    """

    request_end = b"\n"
    reply_end = b"\n"
    reply_delay_s = 0.008
    identity = "Stanford_Research_Systems,LDC501,s/n000000,ver1.59"
    fault_kinds: ClassVar = {"interlock_open": "the interlock is open: the laser goes off and does not come on"}
    table: ClassVar = {
        "laser": _on_off("LDON"),
        "mode": word(":SMOD", "CC", "CC", "CP"),
        "current": _real("SILD", 0.0, 0.0, 500.0),
        "limit": _real("SILM", 50.0, 0.0, 500.0),
        "range": word(":RNGE", "HIGH", "LOW", "HIGH"),
        "voltage_limit": _real("SVLM", 10.0, 0.1, 10.0),
        "modulation": _on_off("MODU"),
        "bandwidth": word(":SIBW", "LOW", "LOW", "HIGH"),
        "power_units": _on_off("PDMW"),
        "bias": _real("BIAS", 0.0, 0.0, 5.0),
        "photo_setpoint": _real("SIPD", 0.0, 0.0, 5000.0),
        "photo_limit": _real("PILM", 5000.0, 0.0, 5000.0),
        "responsivity": _real("RESP", 310.0, 0.0, 9999.0),
        "power_setpoint": _real("SWPD", 0.0, 0.0, 5000.0),
        "power_limit": _real("PWLM", 5000.0, 0.0, 5000.0),
        "cooler": Value(":TEON", False, switch("", False).parse, lambda on: str(int(on))),
        "cooler_mode": word(":TMOD", "CT", "CC", "CT"),
        "sensor": Value(":TSNR", 0, lambda p: int(number(p, 0, 7))),
        "cooler_current": _real("TCUR", 0.0, -4.5, 4.5),
        "cooler_limit": _real("TILM", 1.0, 0.0, 4.5),
        "cooler_voltage_limit": _real("TVLM", 5.0, -8.5, 8.5),
        "temperature": _real("TEMP", 25.0, -150.0, 250.0),
        "coldest": _real("TMIN", 10.0, -150.0, 250.0),
        "warmest": _real("TMAX", 40.0, -150.0, 250.0),
        "resistance": _real("TRTH", 10.0, 0.0, 500.0),
        "least_resistance": _real("TRMN", 1.0, 0.0, 500.0),
        "most_resistance": _real("TRMX", 100.0, 0.0, 500.0),
    }

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = ()) -> None:
        self._execution, self._command = 0, 0
        super().__init__(clock, seed, faults)
        self._from_degC, self._since = _ROOM_DEGC, clock.monotonic()

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``: laser and cooler off."""
        super().reset()
        self._from_degC = _ROOM_DEGC

    @override
    def raise_error(self, entry: tuple[int, str]) -> None:
        """Keep the code of the error for ``LEXE?`` or ``LCME?``."""
        super().raise_error(entry)
        if entry == UNDEFINED_HEADER:
            self._command = _UNDEFINED
        else:
            self._execution = _ILLEGAL_VALUE

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return readings and error codes."""
        return {
            ":ILOC?": lambda _: "OPEN" if self.faults.active("interlock_open") is not None else "CLOSED",
            ":RILD?": lambda _: _plain(self._current_mA() + self.random.gauss(0.0, 0.01)),
            ":RVLD?": lambda _: _plain(1.2 + 0.004 * self._current_mA() if self._is_on() else 0.0),
            ":RIPD?": lambda _: _plain(_PD_UA_MW * self._power_mW()),
            ":RWPD?": lambda _: _plain(self._power_mW()),
            ":CALP": self._calibrate,
            ":TIRD?": lambda _: _plain(self._cooler_A()),
            ":TVRD?": lambda _: _plain(2.1 * self._cooler_A()),
            ":TTRD?": lambda _: _plain(self._degC() + self.random.gauss(0.0, 0.002)),
            ":TRAW?": lambda _: _plain(10.0 * math.exp(3900.0 * (1.0 / (self._degC() + 273.15) - 1.0 / 298.15))),
            ":LEXE?": lambda _: self._take("_execution"),
            ":LCME?": lambda _: self._take("_command"),
        }  # fmt: skip

    @override
    def changed(self, key: str) -> None:
        """Refuse what another setting forbids."""
        values = self.values
        high = _RANGE_MA[values["range"]]
        if key == "range":
            if values["laser"]:
                raise ScpiError(ILLEGAL_VALUE)
            values["limit"], values["current"] = min(values["limit"], high), min(values["current"], high)
        refused = {
            "limit": values["limit"] > high,
            "current": values["current"] > values["limit"],
            "cooler_current": abs(values["cooler_current"]) > values["cooler_limit"],
            "temperature": not values["coldest"] <= values["temperature"] <= values["warmest"],
            "coldest": values["coldest"] > values["warmest"],
            "warmest": values["warmest"] < values["coldest"],
            "laser": values["laser"] and self.faults.active("interlock_open") is not None,
        }
        if refused.get(key, False):
            raise ScpiError(OUT_OF_RANGE)
        if key in ("cooler", "temperature"):
            self._from_degC, self._since = self._degC(), self.clock.monotonic()

    @override
    def refreshed(self, key: str) -> None:
        """Let the interlock switch the laser off before its switch is told."""
        self._is_on()

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the laser is on."""
        return (f"laser on at {self.values['current']:g} mA",) if self._is_on() else ()

    def _calibrate(self, parameters: str) -> None:
        number(parameters, 0.0, 5000.0)

    def _take(self, name: str) -> str:
        code = getattr(self, name)
        setattr(self, name, 0)
        return str(code)

    def _is_on(self) -> bool:
        if self.faults.active("interlock_open") is not None:
            self.values["laser"] = False
        return bool(self.values["laser"])

    def _current_mA(self) -> float:
        return float(self.values["current"]) if self._is_on() else 0.0

    def _power_mW(self) -> float:
        return max(0.0, self._current_mA() - _THRESHOLD_MA) * _SLOPE_MW_MA

    def _degC(self) -> float:
        aim = float(self.values["temperature"]) if self.values["cooler"] else _ROOM_DEGC
        age_s = self.clock.monotonic() - self._since
        return aim + (self._from_degC - aim) * math.exp(-age_s / _TIME_CONSTANT_S)

    def _cooler_A(self) -> float:
        return 0.05 * (_ROOM_DEGC - self._degC()) if self.values["cooler"] else 0.0
