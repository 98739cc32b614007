"""A simulated Agilent/Keysight E4980A LCR meter on a metal-insulator-semiconductor capacitor."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import ProbeHead
from sim_devices.scpi import ILLEGAL_VALUE, Handler, ScpiError, number
from sim_devices.scpi_table import TableInstrument, real, switch, whole, word
from sim_devices.wire import Fault

_OXIDE_F, _DEPLETED_F = 120e-12, 35e-12  # invented: capacitance in accumulation, and at strong inversion
_FLAT_V, _WIDTH_V = -0.8, 0.35  # invented: where it falls, and how wide
_LEAK_S, _LEAD_OHM, _LOSS = 2e-9, 20.0, 2e-3  # invented
NOISE = 1e-4
"""Of one reading at medium aperture, standard deviation as a share."""
_PARASITIC_F = 0.02e-12
_MEASURING_S = {"SHOR": 0.012, "MED": 0.088, "LONG": 0.22}
"""Time of a reading at 1 kHz and more; user's guide, 'Measurement time'."""
_NO_TRIGGER = (-211, "Trigger ignored")
_STALE = (-230, "Data corrupt or stale")


def capacitance_F(bias_V: float) -> float:
    """Return the capacitance [F] at a bias [V]: accumulation below, inversion above the flat-band voltage."""
    share = 1.0 / (1.0 + math.exp((bias_V - _FLAT_V) / _WIDTH_V))
    return _DEPLETED_F + (_OXIDE_F - _DEPLETED_F) * share


def impedance_ohm(frequency_Hz: float, bias_V: float, film_ohm: float) -> complex:
    """Return the impedance [ohm] at a frequency [Hz] and a bias [V], with the film in series as the upper electrode."""
    omega, capacitance = 2 * math.pi * frequency_Hz, capacitance_F(bias_V)
    return _LEAD_OHM + film_ohm + 1.0 / complex(_LEAK_S + _LOSS * omega * capacitance, omega * capacitance)


Pair = Callable[[complex, float], tuple[float, float]]


def _series(z: complex, omega: float) -> dict[str, float]:
    quality = abs(z.imag / z.real)
    return {"C": -1.0 / (omega * z.imag), "L": z.imag / omega, "R": z.real, "D": 1.0 / quality, "Q": quality}


def _parallel(z: complex, omega: float) -> dict[str, float]:
    y = 1.0 / z
    quality = abs(y.imag / y.real)
    parts = {"C": y.imag / omega, "L": -1.0 / (omega * y.imag), "G": y.real, "R": 1.0 / y.real}
    return {**parts, "D": 1.0 / quality, "Q": quality}


def _of(convert: Callable[[complex, float], dict[str, float]], first: str, second: str) -> Pair:
    return lambda z, omega: (convert(z, omega)[first], convert(z, omega)[second])


def _polar(*, admittance: bool, degrees: bool) -> Pair:
    def pair(z: complex, omega: float) -> tuple[float, float]:
        size, angle = cmath.polar(1.0 / z if admittance else z)
        return size, math.degrees(angle) if degrees else angle

    return pair


TYPES: Mapping[str, Pair] = {
    **{f"CP{name}": _of(_parallel, "C", key) for name, key in {"D": "D", "Q": "Q", "G": "G", "RP": "R"}.items()},
    **{f"CS{name}": _of(_series, "C", key) for name, key in {"D": "D", "Q": "Q", "RS": "R"}.items()},
    **{f"LP{name}": _of(_parallel, "L", key) for name, key in {"D": "D", "Q": "Q", "G": "G", "RP": "R"}.items()},
    **{f"LS{name}": _of(_series, "L", key) for name, key in {"D": "D", "Q": "Q", "RS": "R"}.items()},
    "RX": lambda z, omega: (z.real, z.imag),
    "GB": lambda z, omega: ((1.0 / z).real, (1.0 / z).imag),
    "ZTD": _polar(admittance=False, degrees=True),
    "ZTR": _polar(admittance=False, degrees=False),
    "YTD": _polar(admittance=True, degrees=True),
    "YTR": _polar(admittance=True, degrees=False),
}
"""What the two numbers of a reading are, by measurement function."""


class SimKeysightE4980A(TableInstrument):
    """Measures a capacitor below the film at the place, its electrode; the bias shifts it; bias source of option 001.

    Source: Agilent, E4980A/E4980AL Precision LCR Meter User's Guide E4980-90070, chapter 'SCPI command reference'
    (subsystems APERture, BIAS, FETCh, FREQuency, FUNCtion, INITiate, LIST, TRIGger, VOLTage, CURRent).
    """

    reply_delay_s = 0.01
    identity = "Agilent Technologies,E4980A,MY00000000,A.02.10"
    fault_kinds: ClassVar = {"open_contact": "a needle does not touch: only stray capacitance is left"}
    table: ClassVar = {
        "frequency": real(":FREQuency[:CW]", 1e3, 20.0, 2e6),
        "voltage": real(":VOLTage[:LEVel]", 1.0, 0.0, 20.0),
        "current": real(":CURRent[:LEVel]", 0.01, 0.0, 0.1),
        "type": word(":FUNCtion:IMPedance[:TYPE]", "CPD", *TYPES),
        "range": real(":FUNCtion:IMPedance:RANGe[:VALue]", 1e5, 0.1, 1e5, ranges=[10.0**n for n in range(-1, 6)]),
        "range_auto": switch(":FUNCtion:IMPedance:RANGe:AUTO", True),
        "bias": real(":BIAS:VOLTage[:LEVel]", 0.0, -40.0, 40.0),
        "bias_current": real(":BIAS:CURRent[:LEVel]", 0.0, -0.1, 0.1),
        "bias_on": switch(":BIAS:STATe", False),
        "amplitude_control": switch(":AMPLitude:ALC", False),
        "format": word(":FORMat[:DATA]", "ASC", "ASCii", "REAL"),
        "long": switch(":FORMat:ASCii:LONG", False),
        "trigger": word(":TRIGger:SOURce", "INT", "INTernal", "HOLD", "EXTernal", "BUS"),
        "trigger_delay": real(":TRIGger:TDELay", 0.0, 0.0, 999.0),
        "step_delay": real(":TRIGger:DELay", 0.0, 0.0, 999.0),
        "continuous": switch(":INITiate:CONTinuous", True),
        "page": word(":DISPlay:PAGE", "MEAS", "MEASurement", "BNUMber", "BCOunt", "LIST", "MSETup", "CSETup"),
        "display": switch(":DISPlay:ENABle", True),
        "open_correction": switch(":CORRection:OPEN:STATe", False),
        "short_correction": switch(":CORRection:SHORt:STATe", False),
        "length": whole(":CORRection:LENGth", 0, 0, 4),
        "list_mode": word(":LIST:MODE", "SEQ", "SEQuence", "STEPped"),
        "beeper": switch(":SYSTem:BEEPer:STATe", True),
    }

    def __init__(self, clock: Clock, seed: int | str, probe: ProbeHead, faults: Sequence[Fault] = ()) -> None:
        self._probe = probe
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``."""
        super().reset()
        self._aperture, self._averages = "MED", 1
        self._list: list[float] = []
        self._latest: list[tuple[float, float, int]] = []

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return what measures, and the settings with two parameters."""
        return {
            ":APERture": self._set_aperture,
            ":APERture?": lambda _: f"{self._aperture},{self._averages}",
            ":FETCh[:IMPedance][:FORMatted]?": lambda _: self._fetch(),
            ":FETCh[:IMPedance]:CORRected?": lambda _: self._corrected(),
            ":TRIGger[:IMMediate]": lambda _: self.trigger(),
            ":INITiate[:IMMediate]": lambda _: None,
            ":ABORt": lambda _: None,
            ":LIST:FREQuency": self._set_list,
            ":LIST:FREQuency?": lambda _: ",".join(f"{value:+.6E}" for value in self._list),
            ":LIST:CLEar:ALL": lambda _: self._list.clear(),
            ":SYSTem:BEEPer[:IMMediate]": lambda _: None,
            ":SYSTem:PRESet": lambda _: self.reset(),
        }

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the bias is on."""
        if not self.values["bias_on"] or not self.values["bias"]:
            return ()
        return (f"bias of {self.values['bias']:g} V is on",)

    @override
    def trigger(self) -> None:
        """Measure, unless the meter triggers itself."""
        if self.values["trigger"] not in ("BUS", "HOLD"):
            raise ScpiError(_NO_TRIGGER)
        swept = self._list if self.values["page"] == "LIST" and self._list else [self.values["frequency"]]
        self._latest = [self._reading(frequency) for frequency in swept]

    @override
    def changed(self, key: str) -> None:
        """Let a range that was set end the automatic choice."""
        if key == "range":
            self.values["range_auto"] = False

    def _set_aperture(self, parameters: str) -> None:
        speed, _, averages = (part.strip() for part in parameters.partition(","))
        named = [short for short in _MEASURING_S if speed.upper().startswith(short)]
        if not named:
            raise ScpiError(ILLEGAL_VALUE)
        self._aperture, self._averages = named[0], int(number(averages, 1, 256)) if averages else self._averages

    def _set_list(self, parameters: str) -> None:
        self._list = [number(part.strip(), 20.0, 2e6) for part in parameters.split(",")][:201]

    def _fetch(self) -> str:
        if self.values["trigger"] == "INT":
            self._latest = [self._reading(self.values["frequency"])]
        if not self._latest:
            raise ScpiError(_STALE)
        self.busy_s = len(self._latest) * self._averages * _MEASURING_S[self._aperture]
        told = [f"{first:+.5E},{second:+.5E},{status:+d}" for first, second, status in self._latest]
        return ",".join(each if len(told) == 1 else f"{each},+0" for each in told)

    def _corrected(self) -> str:
        z = self._impedance(self.values["frequency"])
        return f"{z.real:+.5E},{z.imag:+.5E}"

    def _impedance(self, frequency: float) -> complex:
        film_ohm = self._probe.sheet_resistance_ohm
        if math.isinf(film_ohm) or self.faults.active("open_contact") is not None:
            return 1.0 / complex(1e-12, 2 * math.pi * frequency * _PARASITIC_F)
        return impedance_ohm(frequency, self.values["bias"] if self.values["bias_on"] else 0.0, film_ohm)

    def _reading(self, frequency: float) -> tuple[float, float, int]:
        """Return the two numbers of the measurement function, and the status: 0 is a good reading."""
        spread = NOISE / math.sqrt(self._averages * _MEASURING_S[self._aperture] / _MEASURING_S["MED"])
        z = self._impedance(frequency) * complex(1.0 + self.random.gauss(0.0, spread), self.random.gauss(0.0, spread))
        first, second = TYPES[self.values["type"]](z, 2 * math.pi * frequency)
        return first, second, 0
