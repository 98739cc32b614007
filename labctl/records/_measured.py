"""A property of samples, with everything that was recorded of them before it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import FileError, Problem
from labctl.files import closest, shown
from labctl.records._quality import QUALITIES
from labctl.records._roles import by_role

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_OF_THE_MEASUREMENT = ("after", "asked", "asrun", "before", "deviation", "events", "readings", "duration", "device")
"""Groups of facts about the measurement of the property itself: they follow from it."""
_PROPERTIES = ("result", "readings")
_NO_CAUSE = (
    *("run", "sample", "trial", "status", "reason", "quality", "flags", "kind", "operation", "role", "policy"),
    *("together_with", "note", "parents", "consumed", "archive", "quality_reason", "location", "simulated"),
)
_TIMES = ("time", "duration")


@dataclass(frozen=True)
class Measured:
    """A property, and the columns of facts of the samples that have it."""

    key: str
    """Of the property."""
    unit: str
    samples: tuple[str, ...]
    values: Array
    """(n_samples,) [unit]."""
    columns: Mapping[str, Sequence[Any]]
    """A number, text or None for each sample, by key; a device is named by its role where several had the role."""
    units: Mapping[str, str]
    operations: tuple[str, ...]
    """Names of the operations up to the measurement."""
    left_out: Mapping[str, int]
    """How many samples were not used, by reason."""


def measured(
    directories: Sequence[Path],
    objective: str,
    query: str = "",
    *,
    quality: str = "good",
    also: pd.DataFrame | None = None,
) -> Measured:
    """Read a property and what was recorded before it.

    Args:
        directories: of stores.
        objective: key of a fact that is a number, or the last part of one that is a result.
        query: which samples, in the language of `search`.
        quality: the worst that a sample's runs may have.
        also: more quantities, by sample's name; units stand in ``attrs["units"]``.

    Raises:
        FileError: the objective or the query is wrong.
        StoreError: a directory is no store.
    """
    from labctl.records._search import search
    from labctl.records._wear import wear

    key = _objective(directories, objective)
    table = search(directories, query, columns=["*"])
    if key in table and any(isinstance(value, str) for value in table[key]):
        raise FileError("objective", [Problem(key, "is a text, not a number")])
    units = dict(table.attrs["units"])
    table, left_out = _usable(table, key, quality)
    told = {str(name): _plain(table[name]) for name in table}
    operation = key.split(".")[1] if key.count(".") >= 2 else ""
    operations = _before(told, operation)
    worn, worn_units = wear(directories, {name: told[f"run.{name}"] for name in operations if f"run.{name}" in told})
    superseded = {f"fittings.{name.removeprefix('wear.')}_used" for name in worn}
    roles = {name: column for name, column in told.items() if name.startswith("role.")}
    aside = {key, *superseded, *_instruments(told, roles, operation, operations)}
    causes = {
        name: column
        for name, column in {**told, **worn}.items()
        if name not in aside and _may_cause(name, operation, operations)
    }
    units |= worn_units
    columns = _with_roles(causes, roles, units)
    if also is not None:
        extra = also.reindex(table["sample"])
        columns |= {str(name): _plain(extra[name]) for name in extra}
        units |= also.attrs.get("units", {})
    values = np.array(table[key], np.float64) if key in table else np.empty(0)
    return Measured(key, units.get(key, ""), tuple(table["sample"]), values, columns, units, operations, left_out)


def _objective(directories: Sequence[Path], asked: str) -> str:
    from labctl.records._search import known_facts

    known = {fact.key: fact for folder in directories for fact in known_facts(folder)}
    if asked in known:
        return asked
    results = [key for key in known if key.startswith("result.") and not key.endswith((".valid", "_error"))]
    fitting = [key for key in results if key.endswith(f".{asked}")]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        hint = f"is measured by several operations; name one: {', '.join(sorted(fitting))}"
        raise FileError("objective", [Problem(asked, hint)])
    last = {key.rpartition(".")[2]: key for key in results}
    close = closest(asked, [*last, *known])
    hint = f"did you mean {close!r}?" if close else f"results there are: {', '.join(sorted(results)) or 'none'}"
    raise FileError("objective", [Problem(shown(asked), f"no sample has such a fact; {hint}")])


def _usable(table: pd.DataFrame, key: str, quality: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the samples that have the property, of sufficient quality, and why others have been left out."""
    left_out = dict[str, int]()
    n = len(table)
    numbers = [isinstance(value, float) and np.isfinite(value) for value in table[key]] if key in table else [False] * n
    tests = {"without the property": np.array(numbers, bool)}
    group, _, rest = key.partition(".")
    valid = f"result.{rest.rpartition('.')[0]}.valid"
    if group == "result" and valid in table:
        tests["measured, but marked as not valid"] = np.array([value != 0.0 for value in table[valid]], bool)
    if "quality" in table:
        allowed = QUALITIES[: QUALITIES.index(quality) + 1]
        tests[f"quality worse than {quality}"] = np.array([value in allowed for value in table["quality"]], bool)
    keep = np.ones(n, bool)
    for reason, passed in tests.items():
        if lost := int(np.count_nonzero(keep & ~passed)):
            left_out[reason] = lost
        keep &= passed
    return table[keep].reset_index(drop=True), left_out


def _before(columns: Mapping[str, Sequence[Any]], operation: str) -> tuple[str, ...]:
    """Return the operations that began no later than the one that measured, for most samples."""
    measured_at = columns.get(f"time.{operation}")
    found = []
    for key, times in columns.items():
        group, _, name = key.partition(".")
        if group != "time" or not name or measured_at is None:
            continue
        pairs = [(a, b) for a, b in zip(times, measured_at, strict=True) if a is not None and b is not None]
        if pairs and sum(a <= b for a, b in pairs) > len(pairs) / 2:
            found.append((float(np.mean([a for a, _ in pairs])), name))
    return tuple(name for _, name in sorted(found))


def _may_cause(key: str, operation: str, operations: Sequence[str]) -> bool:
    group, _, rest = key.partition(".")
    of = rest.partition(".")[0]
    if group in _PROPERTIES or group in _NO_CAUSE:
        return False
    if group in ("device", "substrate", "version") or not rest:
        return group != "duration"  # from the first run to the last, the measurement's included
    if group == "time":
        return False  # the beginning of the first operation stands for all
    if of == operation and group in _OF_THE_MEASUREMENT:
        return False
    return of in operations


def _instruments(
    told: Mapping[str, Sequence[Any]], roles: Mapping[str, Sequence[Any]], operation: str, operations: Sequence[str]
) -> set[str]:
    """Return the facts about devices that took no part before the measurement: its own instruments, and later ones."""
    before = [name for name in operations if name != operation]
    used = {device for role, told in roles.items() if role.split(".")[1] in before for device in told}
    known = {device for told in roles.values() for device in told} - used
    return {name for name in told if name.startswith("device.") and name.split(".")[1] in known}


def _with_roles(
    columns: Mapping[str, Sequence[Any]], roles: Mapping[str, Sequence[Any]], units: dict[str, str]
) -> dict[str, Sequence[Any]]:
    """Return columns in which a device goes by its role, where different samples met different devices in it."""
    several = {name: told for name, told in roles.items() if len({device for device in told if device}) > 1}
    found = dict[str, list[Any]]()
    for key, values in columns.items():
        for name, rows in (by_role(key, several, len(values)) if several else {key: range(len(values))}).items():
            column = found.setdefault(name, [None] * len(values))
            for row in rows:
                column[row] = values[row] if values[row] is not None else column[row]
            if key in units:
                units.setdefault(name, units[key])
    return dict(found)


def _plain(column: pd.Series) -> list[Any]:
    """Return numbers (times in s), texts, and None where there is nothing."""
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return [None if value is pd.NaT else value.timestamp() for value in column]
    return [None if value is None or value != value else value for value in column.tolist()]


__all__ = ["Measured", "measured"]
