"""A four-point probe head whose source and meter are two instruments."""

from __future__ import annotations

import math
from collections.abc import Callable

from sim_devices.plant.line import Line

GEOMETRY = math.pi / math.log(2)
"""Sheet over measured resistance: Smits, Bell Syst. Tech. J. 37 (1958) 711."""
_EMF_V, _DRIFT_V, _DRIFT_S = 1.4e-6, 0.3e-6, 900.0  # invented: thermal voltage of the leads, and how it drifts


class ProbeHead:
    """Four pins on the film at a place: a current through the outer two, a voltage between the inner two.

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

    @property
    def resistance_ohm(self) -> float:
        """Voltage over current of the film [ohm]; infinite without one."""
        film = self._line.sample_at(self._place) if self._place else None
        return math.inf if film is None else film.sheet_resistance_ohm / GEOMETRY

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
