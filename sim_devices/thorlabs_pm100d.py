"""A simulated Thorlabs PM100D behind a sample in a beam."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from labctl.clock import Clock
from sim_devices.plant import Line
from sim_devices.scpi import Handler, ScpiInstrument, number
from sim_devices.wire import Fault

_BEAM_W = 1.0e-3
DRIFT, _DRIFT_S = 2e-3, 5 * 3600.0  # invented: the lamp, over hours
"""How far the lamp strays at most, as a share."""
NOISE = 5e-4
"""Of one reading of ten averages, standard deviation as a share."""


class SimThorlabsPM100D(ScpiInstrument):
    """Measures what the film at a place lets through of a monochromator's beam.

    The monochromator follows the wavelength that is set here. Source: Thorlabs, PM100D Operation
    Manual, 'SCPI commands'.
    """

    reply_delay_s = 0.02
    identity = "Thorlabs,PM100D,P0000000,2.4.0"
    fault_kinds: ClassVar = {"lamp_off": "the lamp has failed: no light"}

    def __init__(self, clock: Clock, seed: int | str, line: Line, place: str, faults: Sequence[Fault] = ()) -> None:
        self._line, self._place = line, place
        self.reset()
        super().__init__(clock, seed, faults)
        self._phase = self.random.uniform(0.0, 2 * math.pi)

    def reset(self) -> None:
        """Return to the state after ``*RST``; the reference survives."""
        self._wavelength_nm, self._averaging, self._reference_W = 550.0, 10, _BEAM_W

    def commands(self) -> Mapping[str, Handler]:
        """Return the part of the command set that a power reading needs."""
        return {
            "[:SENSe]:CORRection:WAVelength": lambda p: self._set_wavelength(p),
            "[:SENSe]:CORRection:WAVelength?": lambda _: f"{self._wavelength_nm:E}",
            "[:SENSe]:POWer[:DC]:REFerence": lambda p: self._set_reference(p),
            "[:SENSe]:POWer[:DC]:REFerence?": lambda _: f"{self._reference_W:E}",
            "[:SENSe]:AVERage[:COUNt]": lambda p: self._set_averaging(p),
            "[:SENSe]:AVERage[:COUNt]?": lambda _: str(self._averaging),
            ":SYSTem:SENSor:IDN?": lambda _: '"S120C","00000000","01-Jan-2026",1,18,33',
            ":MEASure[:SCALar][:POWer]?": lambda _: f"{self._power_W():E}",
            ":READ?": lambda _: f"{self._power_W():E}",
        }

    def _set_wavelength(self, parameters: str) -> None:
        self._wavelength_nm = number(parameters, 400.0, 1100.0)

    def _set_reference(self, parameters: str) -> None:
        self._reference_W = number(parameters, 0.0, 1.0)

    def _set_averaging(self, parameters: str) -> None:
        self._averaging = int(number(parameters, 1, 3000))

    def _power_W(self) -> float:
        if self.faults.active("lamp_off") is not None:
            return abs(self.random.gauss(0.0, 1e-9))
        film = self._line.sample_at(self._place)
        through = 1.0 if film is None else film.transmittance(self._wavelength_nm)
        drift = 1.0 + DRIFT * math.sin(2 * math.pi * self.clock.monotonic() / _DRIFT_S + self._phase)
        noise = 1.0 + self.random.gauss(0.0, NOISE / math.sqrt(self._averaging / 10.0))
        return _BEAM_W * through * drift * noise
