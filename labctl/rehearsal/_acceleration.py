"""How much sooner than other ways a campaign gets there, with spread over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from labctl.rehearsal._baselines import THIS, Race

_LOW, _HIGH = 0.1, 0.9


@dataclass(frozen=True)
class Spread:
    """A quantity over seeds: its middle, and what nine in ten are above and below; infinity where it was given up."""

    middle: float
    low: float
    high: float
    is_least: bool = False
    """Whether runs that were given up count, with what they had come to: the truth is larger."""

    @property
    def text(self) -> str:
        """The spread in words: middle, low and high."""
        sign = "> " if self.is_least else ""
        return f"{sign}{self.middle:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True)
class Acceleration:
    """One way beside the campaign's."""

    baseline: str
    n_seeds: int
    n_reached: int
    lab_h: Spread
    """Until the target was reached [h of lab time]."""
    trials: Spread
    """That had ended by then."""
    factor: Spread | None
    """Lab time over that of the campaign's way with the same seed; None where that never got there."""


def accelerations(races: Sequence[Race]) -> tuple[Acceleration, ...]:
    """Return what each way came to, in the order in which the ways were first run.

    A run that was given up counts with the time that it had taken: its time, and the factor, are at least that.
    """
    own = {race.seed: race for race in races if race.baseline == THIS.key and race.reached}
    found = []
    for key in dict.fromkeys(race.baseline for race in races):
        mine = [race for race in races if race.baseline == key]
        given_up = any(not race.reached for race in mine)
        paired = [race for race in mine if race.seed in own]
        factors = [race.lab_s / own[race.seed].lab_s for race in paired]
        found.append(
            Acceleration(
                key,
                len(mine),
                sum(race.reached for race in mine),
                _spread([race.lab_s / 3600 for race in mine], is_least=given_up),
                _spread([float(race.n_ended) for race in mine], is_least=given_up),
                _spread(factors, is_least=any(not race.reached for race in paired)) if factors else None,
            )
        )
    return tuple(found)


def _spread(values: Sequence[float], *, is_least: bool) -> Spread:
    ordered = sorted(values)
    last = len(ordered) - 1
    return Spread(
        statistics.median(ordered),
        ordered[math.floor(_LOW * last)],
        ordered[math.ceil(_HIGH * last)],
        is_least,
    )
