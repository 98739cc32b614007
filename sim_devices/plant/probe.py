"""The contacts of a sample: pins on its film, what presses and carries them, and how warm it is there."""

from __future__ import annotations

import math
from collections.abc import Callable

from sim_devices.plant.line import Line
from sim_devices.plant.transport import ROOM_K

GEOMETRY = math.pi / math.log(2)
"""Sheet over measured resistance: Smits, Bell Syst. Tech. J. 37 (1958) 711."""
CONTACT_MM = 10.0
"""Position of a lift from which the pins press on the film [mm]; invented."""
_EMF_V, _DRIFT_V, _DRIFT_S = 1.4e-6, 0.3e-6, 900.0  # invented: thermal voltage of the leads, and how it drifts


class ProbeHead:
    """Four pins on the film at a place: a current through the outer two, a voltage between the inner two.

    The instruments of a tool share it and put themselves here: a source its current, stages where the head is, a
    cryostat how warm the sample is.

    Args:
        line: has the place.
        place: of the film; empty for none.
    """

    def __init__(self, line: Line, place: str = "") -> None:
        self._line, self._place = line, place
        self.source_A: Callable[[], float] = lambda: 0.0
        """Current that flows, were the pins to touch a perfect conductor [A]; the source puts itself here."""
        self.compliance_V: Callable[[], float] = lambda: math.inf
        """Highest voltage of the source [V]."""
        self.kelvin: Callable[[], float] = lambda: ROOM_K
        """Temperature of the sample [K]."""
        self._positions_mm: dict[str, Callable[[], float]] = {}

    def carried(self, role: str, position_mm: Callable[[], float], middle_mm: float) -> None:
        """Let a stage carry the sample below the head (`x`, `y`), or the head (`lift`); other roles carry nothing.

        Args:
            role: of the stage.
            position_mm: gives where it is [mm].
            middle_mm: its position with the head over the middle of the sample [mm].
        """
        if role in ("x", "y"):
            self._positions_mm[role] = lambda: position_mm() - middle_mm
        elif role == "lift":
            self._positions_mm[role] = position_mm

    @property
    def touches(self) -> bool:
        """Whether the pins press on the sample; they do where no lift carries them."""
        lift = self._positions_mm.get("lift")
        return lift is None or lift() >= CONTACT_MM

    @property
    def sheet_resistance_ohm(self) -> float:
        """Sheet resistance of the film below the pins, as warm as it is [ohm]; infinite without one."""
        film = self._line.sample_at(self._place) if self._place and self.touches else None
        if film is None:
            return math.inf
        away = [self._positions_mm[role]() for role in ("x", "y") if role in self._positions_mm]
        return film.sheet_resistance_at(math.hypot(*away), self.kelvin())

    @property
    def resistance_ohm(self) -> float:
        """Voltage over current of the film [ohm]; infinite without one."""
        return self.sheet_resistance_ohm / GEOMETRY

    def is_limited(self, current_A: float) -> bool:
        """Return whether the source cannot drive a current [A]."""
        return current_A != 0.0 and abs(current_A) * self.resistance_ohm > self.compliance_V()

    def voltage_V(self, current_A: float | None = None) -> float:
        """Return the voltage between the inner pins [V] at a current [A]; at the present one when omitted."""
        current_A = self.source_A() if current_A is None else current_A
        now_s = self._line.clock.monotonic()
        thermal_V = _EMF_V + _DRIFT_V * math.sin(2 * math.pi * now_s / _DRIFT_S)
        if self.is_limited(current_A):
            return math.copysign(self.compliance_V(), current_A)
        return thermal_V + (current_A * self.resistance_ohm if current_A else 0.0)
