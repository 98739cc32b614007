"""A measured property against the one that the replayed film has."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sim_devices import keithley2400, thorlabs_pm100d
from sim_devices.plant.film import Film
from sim_devices.plant.probe import GEOMETRY
from sim_devices.replay._check import CannotReplay
from sim_devices.replay._recording import Recording

_COVERAGE = 4.0
"""Standard deviations that count as noise."""
MEASURED = {"measure_sheet_resistance": "sheet_resistance", "measure_transmittance": "transmittance"}
"""The property that each kind of operation measures."""


@dataclass(frozen=True)
class Property:
    """A property as it was measured and as it comes out of the replay."""

    name: str
    unit: str
    recorded: float
    """[unit]; infinite where the meter showed an open film."""
    recomputed: float
    """[unit]; infinite for a film that is open."""
    meter_noise: float
    """Largest error of the meter [unit]."""
    failure: str
    """Why the replayed film is cracked or has come off; empty when it is whole."""
    blurred: tuple[float, ...] = ()
    """What comes out of the process readings with their noise once more in them [unit]."""

    @property
    def process_noise(self) -> float:
        """What the noise of the process readings may do to `recomputed` [unit]."""
        finite = [value for value in self.blurred if math.isfinite(value)]
        if not finite or math.isinf(self.recomputed):
            return 0.0
        return _COVERAGE * math.sqrt(statistics.fmean((value - self.recomputed) ** 2 for value in finite))

    @property
    def noise(self) -> float:
        """Largest difference that noise explains [unit]: the meter's, and that of the process readings."""
        return math.hypot(self.meter_noise, self.process_noise)

    @property
    def is_on_the_edge(self) -> bool:
        """Whether noise decides that the film is open: it is on one side, and a blurred one on the other."""
        return any(math.isinf(value) != math.isinf(self.recomputed) for value in self.blurred)

    @property
    def agrees(self) -> bool:
        """Whether noise explains the difference."""
        if math.isinf(self.recorded) or math.isinf(self.recomputed):
            return self.recorded == self.recomputed or self.is_on_the_edge
        return abs(self.recorded - self.recomputed) <= self.noise


def property_of(film: Film, recording: Recording) -> Property:
    """Compare a measurement with the replayed film.

    Raises:
        CannotReplay: the result was not recorded.
    """
    name = MEASURED[recording.kind]
    if name not in recording.results:
        raise CannotReplay(f"{recording.name}: the result stream has no {name}")
    shown, n = recording.results[name], math.sqrt(recording.asked("n_readings"))
    if name == "sheet_resistance":
        limit_ohm = recording.asked("compliance") / (recording.asked("current") * 1e-3) * GEOMETRY
        expected = film.sheet_resistance_ohm
        expected = math.inf if expected >= limit_ohm else expected
        noise = _COVERAGE * keithley2400.NOISE / n * shown
        shown = shown if recording.results.get("valid", 1.0) else math.inf
        return Property(name, "ohm", shown, expected, noise, film.failure)
    share = thorlabs_pm100d.DRIFT + _COVERAGE * thorlabs_pm100d.NOISE / n
    return Property(
        name, "", shown, film.transmittance(recording.asked("wavelength")), share * abs(shown), film.failure
    )


def with_blurred(found: Property, others: Sequence[Property]) -> Property:
    """Return a property that also knows what blurred recordings make of it."""
    values = tuple(other.recomputed for other in others)
    return Property(found.name, found.unit, found.recorded, found.recomputed, found.meter_noise, found.failure, values)
