"""Queries as SQL over the index of facts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from sqlalchemy import ColumnElement, Connection, and_, false, func, not_, or_, select, true

from labctl.errors import FileError, Problem
from labctl.files import closest, shown
from labctl.quantities import Quantity
from labctl.records import _facts
from labctl.records._facts_of_samples import EACH
from labctl.records._facts_tables import facts, parts, subjects
from labctl.records._facts_writer import Key
from labctl.records._query import Condition, Either, Not, Query

_EQUAL = 1e-9
"""Numbers that differ by less than this share are equal: a unit's conversion rounds."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_N_SUGGESTED = 5


class Conditions:
    """Makes SQL of a query for one index.

    Args:
        db: connection to the index.
        keys: all its keys, by name.
        by_run: whether runs are looked for, or whole samples.
    """

    def __init__(self, db: Connection, keys: Mapping[str, Key], *, by_run: bool) -> None:
        self._db, self._keys, self._by_run = db, keys, by_run
        self.unknown: dict[str, str] = {}
        """Where a key stands that no fact here has, by key."""

    def of(self, query: Query) -> ColumnElement[bool]:
        """Return the condition on `subjects` that a query means.

        Raises:
            FileError: a value does not fit its key.
        """
        if isinstance(query, Condition):
            return self._condition(query)
        if isinstance(query, Not):
            return not_(self.of(query.part))
        parts = [self.of(part) for part in query.parts]
        return or_(false(), *parts) if isinstance(query, Either) else and_(true(), *parts)

    def known(self, pattern: str) -> list[Key]:
        """Return the keys that a key or pattern means; runs and samples do not have all the same ones."""
        return [key for key in matching(pattern, self._keys) if self._has(key)]

    def _has(self, key: Key) -> bool:
        return key.key in EACH or (key.of_runs if self._by_run else key.of_samples)

    def _condition(self, condition: Condition) -> ColumnElement[bool]:
        found = self.known(condition.key)
        if not found:
            self.unknown[condition.key] = condition.place
            return false()
        if condition.comparison == "has":
            return self._having(found)
        if condition.comparison == "!=":
            return and_(self._having(found), not_(or_(*(self._met(key, condition, "=") for key in found))))
        return or_(*(self._met(key, condition, condition.comparison) for key in found))

    def _met(self, key: Key, condition: Condition, comparison: str) -> ColumnElement[bool]:
        if key.unit is None:
            return self._subjects([key], _text(comparison, condition.value))
        if comparison == "~":
            if not self._has_text(key):
                raise condition.wrong(f"is a number{_in(key)}; ~ looks for a part of a text")
            return self._subjects([key], _text(comparison, condition.value))
        try:
            low, high = _span(condition.value, key.unit)
        except ValueError as error:
            if comparison == "=" and self._has_text(key):
                return self._subjects([key], _text(comparison, condition.value))
            raise condition.wrong(str(error)) from None
        return self._subjects([key], _number(comparison, low, high))

    def _having(self, keys: Collection[Key]) -> ColumnElement[bool]:
        columns = (facts.c.number, facts.c.text)  # apart, because each has its own index
        return or_(*(self._subjects(keys, column.is_not(None)) for column in columns))

    def _subjects(self, keys: Collection[Key], met: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return the condition that one of the facts with these keys is as told."""
        ids = [key.id for key in keys]
        direct = select(facts.c.subject).where(facts.c.key.in_(ids), met)
        if self._by_run or not all(key.key in EACH for key in keys):
            return subjects.c.id.in_(direct)
        return subjects.c.id.in_(select(parts.c.whole).where(parts.c.part.in_(direct)))

    def _has_text(self, key: Key) -> bool:
        query = select(facts.c.subject).where(facts.c.key == key.id, facts.c.text.is_not(None)).limit(1)
        return self._db.execute(query).first() is not None


def matching(pattern: str, keys: Mapping[str, Key]) -> list[Key]:
    """Return the keys that a key or a pattern with ``*`` means."""
    if "*" not in pattern:
        return [keys[pattern]] if pattern in keys else []
    literal = pattern.replace("[", "[[]")  # brackets are part of a key
    return [key for name, key in keys.items() if fnmatchcase(name, literal)]


def unknown_key(key: str, place: str, keys: Collection[Key], *, by_run: bool) -> FileError:
    """Return the error that a key is none, with what may have been meant."""
    here = [known.key for known in keys if known.key in EACH or (known.of_runs if by_run else known.of_samples)]
    if any(known.key == key for known in keys):
        level = "runs only; search by run" if not by_run else "whole samples only; search by sample"
        return FileError("query", [Problem(place, f"{key} is a fact of {level}")])
    last = key.rpartition(".")[2]
    alike = [name for name in here if last and last in name.split(".")][:_N_SUGGESTED]
    close = closest(key, here)
    hint = f"; did you mean {close!r}?" if close else f"; similar: {', '.join(alike)}" if alike else ""
    what = "no key fits" if "*" in key else "unknown key"
    return FileError("query", [Problem(place, f"{what} {shown(key)}{hint or '; see: labctl records facts'}")])


def _text(comparison: str, value: str) -> ColumnElement[bool]:
    column = facts.c.text
    if comparison == "~":
        return and_(column.is_not(None), func.instr(func.lower(column), value.lower()) > 0)
    return {"=": column == value, "<": column < value, "<=": column <= value, ">": column > value}.get(
        comparison, column >= value
    )


def _number(comparison: str, low: float, high: float) -> ColumnElement[bool]:
    """Return the condition that a number stands to a span (of a day, or hardly any) as told."""
    column = facts.c.number
    return {
        "=": and_(column >= low, column <= high),
        "<": column < low,
        "<=": column <= high,
        ">": column > high,
    }.get(comparison, column >= low)


def _span(value: str, unit: str) -> tuple[float, float]:
    """Return the lowest and highest number that a value means.

    Raises:
        ValueError: it is no number, has another kind of unit, or none.
    """
    if unit == _facts.UTC:
        return _moment(value)
    number = Quantity(unit).parse(value)
    slack = abs(number) * _EQUAL
    return number - slack, number + slack


def _moment(value: str) -> tuple[float, float]:
    """Return begin and end of a day, or a time twice [s since 1970-01-01 UTC]."""
    try:
        begin = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"{shown(value)} is not a time such as 2026-03-01 or 2026-03-01T14:30") from None
    begin = begin if begin.tzinfo is not None else begin.replace(tzinfo=UTC)
    try:
        end = begin + timedelta(days=1, microseconds=-1) if _DAY.fullmatch(value.strip()) else begin
        return begin.timestamp(), end.timestamp()
    except OverflowError:
        raise ValueError(f"{shown(value)} is beyond the calendar") from None


def _in(key: Key) -> str:
    return f" in {key.unit}" if key.unit else ""


__all__ = ["Conditions", "matching", "unknown_key"]
