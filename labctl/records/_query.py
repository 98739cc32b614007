"""Questions to the facts, as people type them: ``asked.heat.temperature > 350 degC and station = furnace_a``.

Grammar (docs/how-to/find-records.md)::

    query      = both { "or" both }
    both       = one { "and" one }
    one        = "not" one | "(" query ")" | condition
    condition  = key comparison value | "has" key
    comparison = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~"
    value      = words up to "and", "or", ")" or the end | quoted text
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from labctl.errors import FileError, Problem
from labctl.files import shown

_TOKEN = re.compile(r"""\s*([()]|!=|<=|>=|[=<>~]|"[^"]*"|'[^']*'|[^\s()=!<>~"']+)""")
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "~")
_CONDITION = re.compile(r"\s*(!=|<=|>=|[=<>~])?(.*)", re.DOTALL)
_DEEPEST = 50
_MOST_CONDITIONS = 200


@dataclass(frozen=True)
class Condition:
    """What a fact must be."""

    key: str
    """A key, or a pattern with ``*``: any of the facts that it fits."""
    comparison: str
    """``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``~`` (contains), or ``has``."""
    value: str
    """As it was written, without quotes; empty after ``has``."""
    place: str
    """Where the key stands, for messages."""
    value_place: str

    def wrong(self, text: str) -> FileError:
        """Return the error that says what is wrong with the value."""
        return FileError("query", [Problem(self.value_place, f"{self.key}: {text}")])


@dataclass(frozen=True)
class Not:
    """What must not be so."""

    part: Query


@dataclass(frozen=True)
class All:
    """Parts that must all be so; none of them asks for everything."""

    parts: tuple[Query, ...]


@dataclass(frozen=True)
class Either:
    """Parts of which one must be so."""

    parts: tuple[Query, ...]


Query: TypeAlias = Condition | Not | All | Either


def parse_query(text: str) -> Query:
    """Return what a query asks for; an empty one asks for everything.

    Raises:
        FileError: it does not follow the grammar; with the place.
    """
    parser = _Parser(text)
    if parser.next == "":
        return All(())
    query = parser.either()
    if parser.next != "":
        text = "there is no '(' to it" if parser.next == ")" else "expected 'and', 'or' or the end"
        raise parser.error(f"unexpected {shown(parser.next)}: {text}")
    return query


def parse_conditions(where: Mapping[str, object]) -> Query:
    """Return what keyword arguments ask for, all together.

    Args:
        where: by key (``__`` may stand for ``.``): a value that it must have, or text that begins with a comparison,
            such as ``"> 350 degC"``.
    """
    return All(tuple(_condition(key, value) for key, value in where.items()))


def conditions_of(query: Query) -> tuple[Condition, ...]:
    """Return all conditions in the order in which they stand."""
    if isinstance(query, Condition):
        return (query,)
    parts = (query.part,) if isinstance(query, Not) else query.parts
    return tuple(condition for part in parts for condition in conditions_of(part))


def _condition(key: str, value: object) -> Condition:
    key = key.replace("__", ".")
    if isinstance(value, bool):
        told = str(value).lower()
    else:
        told = value.isoformat() if isinstance(value, date) else str(value)
    found = _CONDITION.fullmatch(told) if isinstance(value, str) else None
    comparison, rest = (found[1] or "=", found[2].strip()) if found is not None else ("=", told)
    if not rest:
        raise FileError("query", [Problem(key, f"{shown(value)} has no value")])
    return Condition(key, comparison, rest, key, key)


class _Parser:
    """Reads a query from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, int]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                what = "the quotation does not end" if text[at] in "\"'" else f"unexpected {shown(text[at])}"
                raise FileError("query", [Problem(f"character {at + 1}", what)])
            self._tokens.append((found[1], found.start(1)))
            at = found.end()
        self._at, self._depth, self._n_conditions = 0, 0, 0

    @property
    def next(self) -> str:
        """The token that follows; empty at the end."""
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"character {self._tokens[self._at][1] + 1}" if self.next else "the end"

    def error(self, text: str) -> FileError:
        """Return what is wrong at this place."""
        return FileError("query", [Problem(self.place, text)])

    def either(self) -> Query:
        """Read parts with ``or`` between them."""
        return self._several("or", self._both, Either)

    def _both(self) -> Query:
        return self._several("and", self._one, All)

    def _several(self, word: str, read: Callable[[], Query], made: type[All] | type[Either]) -> Query:
        parts = [read()]
        while self.next.lower() == word:
            self._at += 1
            parts.append(read())
        return parts[0] if len(parts) == 1 else made(tuple(parts))

    def _one(self) -> Query:
        if self.next.lower() == "not":
            return Not(self._inside(self._one))
        if self.next == "(":
            query = self._inside(self.either)
            if self.next != ")":
                raise self.error(f"expected ')'{self._instead()}")
            self._at += 1
            return query
        return self._condition()

    def _inside(self, read: Callable[[], Query]) -> Query:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.error(f"is more than {_DEEPEST} levels deep")
        self._at += 1
        query = read()
        self._depth -= 1
        return query

    def _condition(self) -> Condition:
        self._n_conditions += 1
        if self._n_conditions > _MOST_CONDITIONS:
            raise self.error(f"there are more than {_MOST_CONDITIONS} conditions")
        is_has = self.next.lower() == "has" and self._follows() not in _COMPARISONS
        self._at += is_has
        key, place = self._word("a key such as asked.heat.temperature"), self._last_place()
        if is_has:
            return Condition(key, "has", "", place, place)
        if self.next not in _COMPARISONS:
            raise self.error(f"expected {' '.join(_COMPARISONS)} after {key!r}{self._instead()}")
        comparison = self._take()
        value_place = self.place
        return Condition(key, comparison, self._value(f"{key} {comparison}"), place, value_place)

    def _value(self, before: str) -> str:
        if self.next[:1] in ("'", '"') and self.next:
            return self._take()[1:-1]
        first = self._at
        while self.next and self.next not in ("(", ")", *_COMPARISONS) and self.next.lower() not in ("and", "or"):
            self._at += 1
        if self._at == first:
            raise self.error(f"expected a value after {before!r}{self._instead()}")
        last, begin = self._tokens[self._at - 1]
        return self._text[self._tokens[first][1] : begin + len(last)]

    def _word(self, wanted: str) -> str:
        is_word = bool(self.next) and self.next not in ("(", ")", *_COMPARISONS) and self.next[0] not in "\"'"
        if not is_word or self.next.lower() in ("and", "or"):
            raise self.error(f"expected {wanted}{self._instead()}")
        return self._take()

    def _take(self) -> str:
        token = self.next
        self._at += 1
        return token

    def _follows(self) -> str:
        return self._tokens[self._at + 1][0] if self._at + 1 < len(self._tokens) else ""

    def _last_place(self) -> str:
        return f"character {self._tokens[self._at - 1][1] + 1}"

    def _instead(self) -> str:
        return f", not {shown(self.next)}" if self.next else ""


__all__ = ["All", "Condition", "Either", "Not", "Query", "conditions_of", "parse_conditions", "parse_query"]
