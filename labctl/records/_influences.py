"""What may have influenced a property: distinct quantities, each with the facts that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.records._measured import Measured

Array = NDArray[np.float64]
SAME = 0.99
"""Quantities whose correlation is at least this are one."""
_FEWEST = 3
"""A value that fewer samples have, or lack, cannot be told from chance."""
_COVERAGE = 0.9
_MOST_LEVELS = 8
_DECADE = 10.0
_ORDER = (
    "asked",
    "wear",
    "ambient",
    "idle_before",
    "substrate",
    "fittings",
    "station",
    "asrun",
    "operator",
    "deviation",
)
_LAST = "time"
_CLEAREST = ("overshoot", "mean", "offset")


@dataclass(frozen=True)
class Influence:
    """A quantity that may explain a property."""

    name: str
    """Key of a fact, or ``station.heat = furnace_b`` for whether a text is so."""
    unit: str
    values: Array
    """(n_samples,) [unit]; 1 and 0 for whether a text is so."""
    kin: tuple[str, ...] = ()
    """Facts that vary with it so closely that they are the same to any analysis."""

    @property
    def is_set(self) -> bool:
        """Whether somebody chose it: it is a parameter of the recipe."""
        return self.name.startswith("asked.")

    @property
    def is_either(self) -> bool:
        """Whether it has two values only."""
        return len(np.unique(self.values)) == 2

    @cached_property
    def is_log(self) -> bool:
        """Whether it spans a decade or more, so that its logarithm is taken."""
        low, high = float(self.values.min()), float(self.values.max())
        return low > 0 and high >= _DECADE * low and self.unit != "UTC"

    @cached_property
    def standard(self) -> Array:
        """(n_samples,) The values, or their logarithm, with mean 0 and standard deviation 1."""
        values = np.log(self.values) if self.is_log else self.values
        return (values - values.mean()) / values.std()


def influences(measured: Measured) -> tuple[list[Influence], dict[str, str]]:
    """Return the quantities that may explain a property, and why others cannot be judged, by key."""
    found, cannot = list[Influence](), dict[str, str]()
    for key, told in measured.columns.items():
        made = (
            _of_text(key, told) if any(isinstance(v, str) for v in told) else _of_numbers(key, told, measured, cannot)
        )
        found += made
    return _joined(found), cannot


def _of_numbers(key: str, told: Sequence[Any], measured: Measured, cannot: dict[str, str]) -> list[Influence]:
    values = np.array([np.nan if value is None else value for value in told], np.float64)
    if key.startswith(("deviation.", "events.")):
        values = np.nan_to_num(values)  # none is 0
    there = np.isfinite(values)
    if there.mean() < _COVERAGE:
        return []
    values = np.where(there, values, np.median(values[there]))
    _, counts = np.unique(np.round(values, 12), return_counts=True)
    if len(counts) == 1 or np.ptp(values) <= 1e-9 * np.abs(values).max():
        cannot[key] = "does not vary"
        return []
    if len(values) - counts.max() < _FEWEST:
        cannot[key] = f"differs in {len(values) - counts.max()} samples only"
        return []
    return [Influence(key, measured.units.get(key, ""), values)]


def _of_text(key: str, told: Sequence[Any]) -> list[Influence]:
    texts = ["" if value is None else str(value) for value in told]
    levels = sorted(set(texts) - {""})
    if not 2 <= len(set(texts)) <= _MOST_LEVELS:
        return []
    found = []
    for level in levels[1:] if len(set(texts)) == 2 and "" not in texts else levels:
        values = np.array([text == level for text in texts], np.float64)
        if _FEWEST <= values.sum() <= len(values) - _FEWEST:
            found.append(Influence(f"{key} = {level}", "", values))
    return found


def _joined(found: Sequence[Influence]) -> list[Influence]:
    """Return one influence for each group that varies together, named for the one nearest to the cause."""
    if not found:
        return []
    ranked = sorted(found, key=lambda one: _rank(one.name))
    standard = np.array([_normal_scores(one.values) for one in ranked])
    alike = np.abs(standard @ standard.T) / standard.shape[1]
    joined, taken = list[Influence](), np.zeros(len(ranked), bool)
    for index, one in enumerate(ranked):
        if taken[index]:
            continue
        kin = [k for k in range(len(ranked)) if not taken[k] and alike[index, k] >= SAME]
        taken[kin] = True
        joined.append(Influence(one.name, one.unit, one.values, tuple(ranked[k].name for k in kin if k != index)))
    return joined


def signal_of(name: str) -> str:
    """Return the signal that a quantity is a statistic or a reading of, such as ``heat.furnace.temperature``."""
    group, _, rest = name.partition(".")
    operation, _, signal = rest.partition(".")
    if group not in ("asrun", "deviation", "before", "after", "ambient"):
        return name
    parts = signal.split(".")
    if group in ("asrun", "deviation"):
        parts = parts[:-1]
    signal = ".".join(parts)
    return signal if group == "ambient" or signal.startswith("room_") else f"{operation}.{signal}"


def _rank(name: str) -> tuple[int, int, str]:
    group = name.partition(".")[0]
    place = _ORDER.index(group) if group in _ORDER else len(_ORDER) + (group == _LAST)
    statistic = name.rpartition(".")[2]
    return place, _CLEAREST.index(statistic) if statistic in _CLEAREST else len(_CLEAREST), name


def _normal_scores(values: Array) -> Array:
    """Return standardised normal scores of ranks: monotone transformations do not matter."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores = np.asarray(ndtri((rankdata(values) - 0.5) / len(values)))
    return (scores - scores.mean()) / scores.std()


__all__ = ["SAME", "Influence", "influences", "signal_of"]
