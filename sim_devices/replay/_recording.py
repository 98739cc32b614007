"""What one operation left behind, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim_devices.replay._check import CannotReplay

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """One run. Quantities are named by the role of the device and the signal: ``furnace.temperature``."""

    name: str
    """How messages call it."""
    kind: str
    station: str
    begin_s: float
    """[s since 1970-01-01 UTC]."""
    end_s: float
    """[s since 1970-01-01 UTC]."""
    is_complete: bool
    """Whether the operation came to its own end."""
    parameters: Mapping[str, float | int | str]
    """What was asked, in the units that the operation declares."""
    fittings: Mapping[str, float]
    """What was fitted to the station, numbers only: ``target_used`` [kWh], ``oxygen`` (0 to 1)."""
    times_s: Array
    """(n,) Of the process readings [s since 1970-01-01 UTC]."""
    process: Mapping[str, Array]
    """(n,) Each, all through the operation."""
    before: Mapping[str, float]
    """The devices' signals before it."""
    after: Mapping[str, float]
    """The same after it; empty where it did not come so far."""
    results: Mapping[str, float]
    room_times_s: Array = field(default_factory=lambda: np.array([]))
    """(m,) When the room's sensors were read [s since 1970-01-01 UTC]."""
    room_degC: Array = field(default_factory=lambda: np.array([]))
    """(m,) Temperature of the room [degC]."""
    room_pct: Array = field(default_factory=lambda: np.array([]))
    """(m,) Relative humidity of the room [%]."""

    def trace(self, key: str) -> Array:
        """Return a process quantity.

        Raises:
            CannotReplay: it was not recorded.
        """
        if key not in self.process:
            raise CannotReplay(f"{self.name}: the process stream has no {key}")
        return self.process[key]

    def asked(self, parameter: str) -> float:
        """Return a number that was asked.

        Raises:
            CannotReplay: it was not recorded.
        """
        if parameter not in self.parameters:
            raise CannotReplay(f"{self.name}: the start document has no parameter {parameter}")
        return float(self.parameters[parameter])

    def fitted(self, name: str) -> float:
        """Return a number that describes what was fitted to the station.

        Raises:
            CannotReplay: it was not recorded.
        """
        if name not in self.fittings:
            raise CannotReplay(f"{self.name}: the fittings of station {self.station} do not tell {name}")
        return self.fittings[name]

    @property
    def period_s(self) -> float:
        """Usual time between process readings [s]."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0
