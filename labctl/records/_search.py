"""Finding samples and runs by what was recorded of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from labctl.errors import StoreError
from labctl.quantities import Quantity
from labctl.records._facts import UTC
from labctl.records._query import All, Query, conditions_of, parse_conditions, parse_query

if TYPE_CHECKING:
    import pandas as pd

    from labctl.records._facts_index import FactsIndex
    from labctl.records._facts_writer import Key

Level: TypeAlias = Literal["sample", "run"]
STORE = "store"
"""Column that names the store, where several were searched."""
_ALWAYS: Mapping[str, tuple[str, ...]] = {
    "sample": ("sample", "time", "status"),
    "run": ("sample", "run", "operation", "station", "time", "status"),
}


@dataclass(frozen=True)
class KeySummary:
    """A key, and how many have a fact with it."""

    key: str
    unit: str
    """Of its numbers; ``UTC`` for times, empty for text and pure numbers."""
    n: int
    """How many samples, or runs."""


@dataclass(frozen=True)
class _Found:
    """What one store had."""

    columns: Mapping[str, list[Any]]  # numbers and text
    units: Mapping[str, str]
    n: int
    keys: Sequence[Key]
    unknown: Mapping[str, str]


def search(
    directories: Path | str | Sequence[Path | str],
    query: str = "",
    *,
    columns: Sequence[str] | None = None,
    by: Level = "sample",
    **where: object,
) -> pd.DataFrame:
    """Find samples, or runs, by what was recorded; the earliest first.

    ``search(folder, "asked.heat.temperature > 350 degC and status = success")``

    Args:
        directories: stores; with several, the column `store` says where each row is from.
        query: in the language of docs/how-to/find-records.md; everything when empty.
        columns: keys, or patterns with ``*``, of the facts to give; those in the query when None.
        by: one row for each sample, or for each run of a sample.
        where: more conditions by key, ``__`` for ``.``: ``station="furnace_a"``, ``asked__heat__dwell="> 1 h"``.

    Returns:
        Numbers in the unit that ``attrs["units"]`` has for the column; times as such, in UTC; nothing where the fact is
        missing.

    Raises:
        FileError: the query is wrong, or asks for a key that no store has.
        StoreError: a directory is no store.
    """
    from labctl.records._conditions import unknown_key
    from labctl.records._facts_index import ask

    asked = All((parse_query(query), parse_conditions(where))) if where else parse_query(query)
    wanted = tuple(columns) if columns is not None else tuple(c.key for c in conditions_of(asked))
    folders = [Path(directories)] if isinstance(directories, Path | str) else [Path(one) for one in directories]
    found = [ask(folder, lambda index: _find(index, asked, wanted, by)) for folder in folders]
    for key, place in found[0].unknown.items() if found else ():
        if all(key in one.unknown for one in found):
            keys = [known for one in found for known in one.keys]
            raise unknown_key(key, place, keys, by_run=by == "run")
    return _table(folders, found)


def known_facts(directory: Path, *, by: Level = "sample") -> list[KeySummary]:
    """Return the keys that there are facts with in a store, in the order of the alphabet.

    Raises:
        StoreError: the directory is no store.
    """
    from labctl.records._facts_index import ask

    keys, counts = ask(directory, lambda index: (index.keys(), index.counts(by_run=by == "run")))
    return [KeySummary(name, keys[name].unit or "", n) for name, n in sorted(counts.items())]


def _find(index: FactsIndex, query: Query, columns: Sequence[str], by: Level) -> _Found:
    from sqlalchemy import bindparam, func, select

    from labctl.records._conditions import Conditions
    from labctl.records._facts_tables import facts, subjects, tuples

    keys = index.keys()
    with index.connection() as db:
        conditions = Conditions(db, keys, by_run=by == "run")
        level = subjects.c.run.is_not(None) if by == "run" else subjects.c.run.is_(None)
        hits = select(subjects.c.id).where(level, conditions.of(query)).order_by(subjects.c.time, subjects.c.id)
        row_of = {subject: number for number, (subject,) in enumerate(tuples(db, hits))}
        told = {key.key: key for key in (*_of_names(_ALWAYS[by], keys), *_of_patterns(columns, conditions))}
        name_of = {key.id: name for name, key in told.items()}
        values: dict[str, list[Any]] = {name: [None] * len(row_of) for name in told}
        ids = func.json_each(bindparam("ids")).table_valued("value")
        query_of_facts = select(facts).where(facts.c.subject.in_(select(ids.c.value)), facts.c.key.in_(list(name_of)))
        for subject, key, number, text in tuples(db, query_of_facts, {"ids": str(list(row_of))}):
            values[name_of[key]][row_of[subject]] = text if number is None else number
    units = {name: key.unit for name, key in told.items() if key.unit}
    unknown = conditions.unknown | {
        name: "columns" for name in columns if not conditions.known(name) and name not in conditions.unknown
    }
    return _Found(values, units, len(row_of), tuple(keys.values()), unknown)


def _of_names(names: Sequence[str], keys: Mapping[str, Key]) -> list[Key]:
    return [keys[name] for name in names if name in keys]


def _of_patterns(patterns: Sequence[str], conditions: Any) -> list[Key]:  # Conditions, imported late
    return [key for pattern in patterns for key in conditions.known(pattern)]


def _table(folders: Sequence[Path], found: Sequence[_Found]) -> pd.DataFrame:
    import pandas as pd

    units = {name: unit for one in reversed(found) for name, unit in one.units.items()}
    names = dict.fromkeys(name for one in found for name in one.columns)
    columns: dict[str, Any] = {STORE: [str(f) for f, one in zip(folders, found, strict=True) for _ in range(one.n)]}
    if len(folders) == 1:
        columns.clear()
    for name in names:
        values = [value for one in found for value in _in_unit(one, name, units.get(name, ""))]
        columns[name] = _column(values, units.get(name, ""))
    table = pd.DataFrame(columns)
    if len(folders) > 1 and "time" in table:
        table = table.sort_values("time", kind="stable", ignore_index=True)
    table.attrs["units"] = units
    return table


def _in_unit(one: _Found, name: str, unit: str) -> list[Any]:
    """Return a store's values of a column in the unit that the table has; numbers and text."""
    values, own = one.columns.get(name, [None] * one.n), one.units.get(name, unit)
    if own == unit:
        return values
    try:
        return [Quantity(unit).parse(f"{v!r} {own}") if isinstance(v, float) else v for v in values]
    except ValueError as error:
        raise StoreError(f"{name} has another kind of unit in each store: {error}") from None


def _column(values: list[Any], unit: str) -> Any:  # a column of pandas
    import numpy as np
    import pandas as pd

    if any(isinstance(value, str) for value in values):
        return pd.Series(values, dtype=object)
    numbers = np.array(values, np.float64)
    if unit != UTC:
        return numbers
    return pd.to_datetime(pd.Series(np.round(1000 * numbers)), unit="ms", utc=True)


__all__ = ["STORE", "KeySummary", "Level", "known_facts", "search"]
