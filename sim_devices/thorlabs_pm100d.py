"""A simulated Thorlabs PM100D behind a sample in a beam."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import Line
from sim_devices.scpi import Handler, ScpiError
from sim_devices.scpi_table import TableInstrument, doing, real, whole
from sim_devices.wire import Fault

_BEAM_W = 1.0e-3
DRIFT, _DRIFT_S = 2e-3, 5 * 3600.0  # invented: the lamp, over hours
"""How far the lamp strays at most, as a share."""
NOISE = 5e-4
"""Of one reading of ten averages, standard deviation as a share."""
_SAMPLES_S, _USUAL_SAMPLES = 3000.0, 10  # ten are within the reply's delay
_STALE = (-230, "Data corrupt or stale")


def _number(value: float) -> str:
    return f"{value:E}"


class SimThorlabsPM100D(TableInstrument):
    """Measures what the film at a place lets through of a monochromator's beam.

    The monochromator follows the wavelength that is set here. Source: Thorlabs, PM100D Operation Manual, chapter 'SCPI
    commands' (SENSe, CONFigure, INITiate, FETCh, MEASure); 3000 samples a second are averaged.
    """

    reply_delay_s = 0.02
    identity = "Thorlabs,PM100D,P0000000,2.4.0"
    fault_kinds: ClassVar = {"lamp_off": "the lamp has failed: no light"}

    table: ClassVar = {
        "wavelength": real("[:SENSe]:CORRection:WAVelength", 550.0, 400.0, 1100.0, _number),
        "reference": real("[:SENSe]:POWer[:DC]:REFerence", _BEAM_W, 0.0, 1.0, _number, lasting=True),
        "averaging": whole("[:SENSe]:AVERage[:COUNt]", 10, 1, 3000),
    }

    def __init__(self, clock: Clock, seed: int | str, line: Line, place: str, faults: Sequence[Fault] = ()) -> None:
        self._line, self._place = line, place
        super().__init__(clock, seed, faults)
        self._phase = self.random.uniform(0.0, 2 * math.pi)

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``; the reference survives."""
        super().reset()
        self._latest = ""

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return what measures."""
        return {
            ":SYSTem:SENSor:IDN?": lambda _: '"S120C","00000000","01-Jan-2026",1,18,33',
            ":CONFigure[:SCALar][:POWer]": lambda _: None,
            ":CONFigure?": lambda _: '"POW"',
            ":INITiate[:IMMediate]": doing(self._measure),
            ":ABORt": lambda _: None,
            ":FETCh?": lambda _: self._told(),
            ":MEASure[:SCALar][:POWer]?": lambda _: self._measure(),
            ":READ?": lambda _: self._measure(),
        }

    def _measure(self) -> str:
        self.busy_s = max(0, self.values["averaging"] - _USUAL_SAMPLES) / _SAMPLES_S
        self._latest = _number(self._power_W())
        return self._latest

    def _told(self) -> str:
        if not self._latest:
            raise ScpiError(_STALE)
        return self._latest

    def _power_W(self) -> float:
        if self.faults.active("lamp_off") is not None:
            return abs(self.random.gauss(0.0, 1e-9))
        film = self._line.sample_at(self._place)
        through = 1.0 if film is None else film.transmittance(self.values["wavelength"])
        drift = 1.0 + DRIFT * math.sin(2 * math.pi * self.clock.monotonic() / _DRIFT_S + self._phase)
        noise = 1.0 + self.random.gauss(0.0, NOISE / math.sqrt(self.values["averaging"] / 10.0))
        return _BEAM_W * through * drift * noise
