"""A chuck that spins liquid to a film."""

from __future__ import annotations

import math
from collections.abc import Callable

from sim_devices.plant.line import Line

STEP_S = 1.0
"""The liquid thins on this grid [s]."""
COVERS_ML = 0.2
"""Less liquid than this leaves a part of the sample bare: no film [mL]; invented."""
_AREA_M2, _HOLDS_M = 6.25e-4, 500e-6  # 25 x 25 mm; more liquid than the height runs off (invented)
_BY_HAND_ML, _STANDING_RPM = 0.5, 10.0
# Invented: a sol of tin and indium in alcohol.
_DENSITY_KG_M3, _VISCOSITY_PA_S, _SOLIDS = 850.0, 4.0e-3, 0.05
_DRYING_M_S = 12.0e-9  # at 1 rad/s; at rest as at 1 rad/s


def thinned_m(height_m: float, rad_s: float, duration_s: float) -> float:
    """Return the height of a spinning liquid after a time [m].

    A. G. Emslie, F. T. Bonner, L. G. Peck, J. Appl. Phys. 29 (1958) 858, equation 11.

    Args:
        height_m: at the beginning [m].
        rad_s: angular speed [rad/s].
        duration_s: how long it spins [s].
    """
    outflow = _DENSITY_KG_M3 * rad_s**2 / (3.0 * _VISCOSITY_PA_S)
    return height_m / math.sqrt(1.0 + 4.0 * outflow * height_m**2 * duration_s)


class SpinChuck:
    """The first place of a spin coater; liquid on its sample flows off, dries, and leaves a gel of indium tin oxide.

    Drying goes with the root of the speed: D. Meyerhofer, J. Appl. Phys. 49 (1978) 3993. The chuck is brought up to the
    present by the instruments that act on it.

    Args:
        line: has the place.
        place: of the sample; empty for none.
    """

    def __init__(self, line: Line, place: str = "") -> None:
        self._line, self._place = line, place
        self.speed_rpm: Callable[[float], float] = lambda now_s: 0.0
        """Speed at an instant [rpm]; the spin coater puts itself here."""
        self.is_wetted_by_hand = True
        """Whether somebody wets a sample when the chuck begins to turn; a syringe pump ends that."""
        self._serial, self._poured_mL, self._height_m, self._solids_m = "", 0.0, 0.0, 0.0
        self._turned = False
        self._index = int(line.clock.monotonic() // STEP_S)

    def pour(self, volume_mL: float) -> None:
        """Bring liquid [mL] onto the sample."""
        self.advance()
        self._take()
        self._poured_mL += volume_mL
        added_m = min(volume_mL * 1e-6 / _AREA_M2, _HOLDS_M - self._height_m)
        self._height_m += added_m
        self._solids_m += added_m * _SOLIDS

    def advance(self) -> None:
        """Bring the liquid up to the present."""
        until = int(self._line.clock.monotonic() // STEP_S)
        while self._index < until:
            rpm = self.speed_rpm(self._index * STEP_S)
            self._index += 1
            if rpm < _STANDING_RPM:
                self._turned = False
                if not self._height_m:
                    self._index = until
                    return
            self._step(rpm * 2.0 * math.pi / 60.0)

    def _take(self) -> None:
        """Look which sample is there; liquid of an earlier one left with it."""
        film = self._line.occupant(self._place) if self._place else None
        serial = film.serial if film is not None else ""
        if serial != self._serial:
            self._serial, self._poured_mL, self._height_m, self._solids_m = serial, 0.0, 0.0, 0.0

    def _step(self, rad_s: float) -> None:
        self._take()
        if self.is_wetted_by_hand and not self._turned and rad_s > 1.0 and not self._height_m:
            self._turned = True
            self._poured_mL, self._height_m, self._solids_m = _BY_HAND_ML, _HOLDS_M, _HOLDS_M * _SOLIDS
        if not self._height_m:
            return
        height_m = thinned_m(self._height_m, rad_s, STEP_S)
        self._solids_m *= height_m / self._height_m
        self._height_m = height_m - _DRYING_M_S * math.sqrt(max(rad_s, 1.0)) * STEP_S
        if self._height_m <= self._solids_m:
            self._dry()

    def _dry(self) -> None:
        film = self._line.occupant(self._place) if self._place else None
        if film is not None and self._poured_mL >= COVERS_ML:
            film.deposit(self._solids_m * 1e9, vacancies_cm3=1e19, grain_nm=3.0, disorder=1.0, tin_activation=0.02)
        self._poured_mL, self._height_m, self._solids_m = 0.0, 0.0, 0.0
