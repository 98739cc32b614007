"""Samples that were made alike, and samples of the same composition that were made otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.errors import StoreError
from labctl.files import closest
from labctl.records._facts import AGAINST_SETPOINT, STATISTICS
from labctl.records._roles import by_role

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

PROCESS = ("asked", "asrun")
"""Groups of facts that tell how a sample was made: what was asked, and what was reached."""
_MOST = 3.0
"""As different as two values can be [scales]: one outlier does not drown everything else."""
_NORMAL_IQR = 1.349
"""Interquartile range of a normal distribution of standard deviation 1."""
_N_TOLD = 3
_COMPOSITION = "composition"


@dataclass(frozen=True)
class _Process:
    """How each sample was made."""

    samples: tuple[str, ...]
    quantities: Mapping[str, tuple[str, ...]]  # facts of each quantity
    facts: Mapping[str, list[Any]]  # a number, text or None for each sample
    units: Mapping[str, str]


def nearest(
    directory: Path | str, sample: str, n: int = 5, *, by: Sequence[str] = PROCESS, columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the samples that were made most like a sample, the most similar first.

    The distance is the root of the mean, over all quantities, of the squared difference. A quantity is one parameter
    that was asked, or one process signal of one operation, whatever device had the role; of a signal the mean of the
    squared differences of its statistics counts. A difference is measured in scales of its fact: the interquartile
    range over all samples divided by 1.349, which is the standard deviation of normally distributed values and does not
    mind outliers; the standard deviation where more than half of the values are equal. A difference counts as 3 scales
    at most, and as 3 where one sample has no such fact or where texts differ. Facts that are equal for all samples do
    not count.

    Args:
        directory: store.
        sample: name.
        n: how many at most.
        by: ``asked``, ``asrun`` or both.
        columns: keys, or patterns with ``*``, of facts to give besides, such as ``result.*``.

    Returns:
        Columns `sample`, `distance` [scales], `differs` (the facts that differ most, as `sample` has them and as the
        other has), and those asked for.

    Raises:
        StoreError: the directory is no store, or has no such sample.
        FileError: no fact has one of the keys.
    """
    return _ranked(directory, sample, tuple(by), columns, same_composition=False).head(n).reset_index(drop=True)


def same_composition(
    directory: Path | str, sample: str, *, by: Sequence[str] = PROCESS, columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the samples of a sample's composition that were made by another process, the most similar first.

    The composition is the fact ``composition``: what the substrate's data and the stations' fittings name as
    ``composition``, ``target``, ``source``, ``precursor`` or ``ink``. Arguments, distance and columns are those of
    `nearest`.

    Raises:
        StoreError: the directory is no store, has no such sample, or the sample's composition was not recorded.
        FileError: no fact has one of the keys.
    """
    table = _ranked(directory, sample, tuple(by), columns, same_composition=True)
    return table[table["distance"] > 0].reset_index(drop=True)


def _ranked(
    directory: Path | str, sample: str, by: tuple[str, ...], columns: Sequence[str], *, same_composition: bool
) -> pd.DataFrame:
    import pandas as pd

    from labctl.records._search import search

    table = search(directory, columns=(_COMPOSITION, *columns) if same_composition else columns)
    known = table["sample"].tolist() if "sample" in table else []
    if sample not in known:
        close = closest(sample, known)
        hint = f"; did you mean {close!r}?" if close else f"; it has {len(known)} samples"
        raise StoreError(f"no run names sample {sample!r} in {directory}{hint}")
    process = _process(directory, by)
    here = process.samples.index(sample)
    squares = {name: _squares(process, facts, here) for name, facts in process.quantities.items()}
    told = pd.DataFrame({"sample": process.samples, "distance": _distances(squares, len(process.samples))})
    told["differs"] = [_differs(process, squares, here, other) for other in range(len(process.samples))]
    units = {**table.attrs["units"], "distance": ""}
    joined = told.merge(table.drop(columns=[c for c in ("time", "status") if c not in columns]), on="sample")
    if same_composition:
        own = joined.loc[joined["sample"] == sample, _COMPOSITION].iloc[0]
        if not isinstance(own, str):
            raise StoreError(f"the composition of {sample} was not recorded: no fitting or substrate names it")
        joined = joined[joined[_COMPOSITION] == own]
    joined = joined[joined["sample"] != sample].sort_values("distance", kind="stable", ignore_index=True)
    joined.attrs["units"] = {name: unit for name, unit in units.items() if name in joined and unit}
    return joined


def _process(directory: Path | str, by: tuple[str, ...]) -> _Process:
    """Read how each sample was made; a signal is named for its device's role, which other stations have too."""
    from labctl.records._search import known_facts, search

    unknown = set(by) - set(PROCESS)
    if unknown or not by:
        raise ValueError(f"by is {' or '.join(PROCESS)}, or both, not {', '.join(sorted(unknown)) or 'nothing'}")
    told_of = {*STATISTICS, *AGAINST_SETPOINT}
    there = {entry.key.split(".")[0] for entry in known_facts(Path(directory))}
    wanted = [f"{group}.*" for group in (*by, "role") if group in there]
    table = search(directory, columns=wanted)
    columns = {str(key): column.tolist() for key, column in table.items()}
    roles = {key: column for key, column in columns.items() if key.startswith("role.")}
    facts: dict[str, list[Any]] = {}
    units, quantities = dict[str, str](), dict[str, list[str]]()
    for key, told in columns.items():
        if key.split(".")[0] not in by:
            continue
        values = [None if value != value else value for value in told]
        for name, rows in (
            by_role(key, roles, len(values)) if key.startswith("asrun.") else {key: range(len(values))}
        ).items():
            column = facts.setdefault(name, [None] * len(values))
            for row in rows:
                column[row] = values[row] if values[row] is not None else column[row]
            units[name] = table.attrs["units"].get(key, "")
            quantity = name.rpartition(".")[0] if name.rpartition(".")[2] in told_of else name
            if name not in quantities.setdefault(quantity, []):
                quantities[quantity].append(name)
    grouped = {name: tuple(members) for name, members in quantities.items()}
    return _Process(tuple(table["sample"]), grouped, facts, units)


def _squares(process: _Process, names: Sequence[str], here: int) -> NDArray[np.float64] | None:
    """Return the squared differences of a quantity from a sample (n_samples,) [scales]; None where nothing differs."""
    import numpy as np

    found = [_difference(process.facts[name], here) for name in names]
    counted = [difference for difference in found if difference is not None]
    return np.mean(np.square(counted), axis=0) if counted else None


def _difference(values: list[Any], here: int) -> NDArray[np.float64] | None:
    import numpy as np

    n = len(values)
    if any(isinstance(value, str) for value in values):
        if len(set(values)) == 1:
            return None
        return np.where([value == values[here] for value in values], 0.0, _MOST)
    numbers = np.array(values, np.float64)
    told = numbers[np.isfinite(numbers)]
    if len(told) == n and np.ptp(told) == 0:
        return None
    if not np.isfinite(numbers[here]):
        return np.where(np.isfinite(numbers), _MOST, 0.0)
    low, high = np.percentile(told, [25, 75])
    scale = (high - low) / _NORMAL_IQR or np.std(told) or 1.0
    difference = np.minimum(np.abs(numbers - numbers[here]) / scale, _MOST)
    return np.where(np.isfinite(numbers), difference, _MOST)


def _distances(squares: Mapping[str, NDArray[np.float64] | None], n: int) -> NDArray[np.float64]:
    import numpy as np

    counted = [square for square in squares.values() if square is not None]
    return np.sqrt(np.mean(counted, axis=0)) if counted else np.zeros(n)


def _differs(process: _Process, squares: Mapping[str, NDArray[np.float64] | None], here: int, other: int) -> str:
    """Return the facts that make two samples differ most, with their values."""
    shares = {name: square[other] for name, square in squares.items() if square is not None and square[other] > 0}
    largest = sorted(shares, key=lambda name: -shares[name])[:_N_TOLD]
    return "; ".join(_told(process, process.quantities[name], here, other) for name in largest)


def _told(process: _Process, names: Sequence[str], here: int, other: int) -> str:
    name = next((name for name in names if process.facts[name][here] != process.facts[name][other]), names[0])
    values = process.facts[name]
    unit = process.units.get(name, "")
    return f"{name} {_shown(values[here])} -> {_shown(values[other])} {unit}".rstrip()


def _shown(value: Any) -> str:  # a number, text or None
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


__all__ = ["PROCESS", "nearest", "same_composition"]
