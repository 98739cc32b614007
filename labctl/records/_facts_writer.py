"""Writing facts into their index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, delete, insert, select, update

from labctl.quantities import Quantity
from labctl.records._facts import Fact
from labctl.records._facts_of_samples import RunFacts, sample_facts, waited
from labctl.records._facts_tables import facts, keys, subjects


@dataclass(frozen=True)
class Key:
    """A key that facts have."""

    id: int
    key: str
    unit: str | None
    """None while no number has it."""
    of_runs: bool
    """Whether single runs have it."""
    of_samples: bool
    """Whether whole samples have it."""


def read_keys(db: Connection, name: str | None = None) -> dict[str, Key]:
    """Return all keys, or one, by name."""
    query = select(keys) if name is None else select(keys).where(keys.c.key == name)
    return {row.key: Key(*row) for row in db.execute(query)}


class FactsWriter:
    """One transaction that adds facts."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._keys = read_keys(db)

    def write_run(self, entry: RunFacts) -> None:
        """Write what a run says of one of its samples."""
        whole = self._subject(entry.sample, None, None, entry.number("time"))
        subject = self._subject(entry.sample, entry.run, whole, entry.number("time"))
        self._replace(subject, entry.facts, of_runs=True)

    def write_sample(self, sample: str) -> None:
        """Make a sample's facts anew from those of its runs, and say how long it had waited before each."""
        told = select(subjects.c.id, subjects.c.run, keys.c.key, keys.c.unit, facts.c.number, facts.c.text)
        joined = subjects.join(facts, facts.c.subject == subjects.c.id).join(keys, keys.c.id == facts.c.key)
        query = told.select_from(joined).where(subjects.c.sample == sample, subjects.c.run.is_not(None))
        rows = self._db.execute(query.order_by(subjects.c.time, subjects.c.id)).all()
        found, ids = [], []
        for (subject, run), group in groupby(rows, key=lambda row: (row[0], row[1])):
            said = tuple(
                Fact(key, text) if number is None else Fact(key, number, unit or "")
                for _, _, key, unit, number, text in group
                if key != "idle_before"
            )
            found.append(RunFacts(run, sample, said))
            ids.append(subject)
        for index, (subject, wait) in enumerate(zip(ids, waited(found), strict=True)):
            if wait is not None:
                fact = Fact("idle_before", wait, "s")
                found[index] = RunFacts(found[index].run, sample, (*found[index].facts, fact))
                self._insert(subject, (fact,), of_runs=True)
        whole = self._subject(sample, None, None, found[0].number("time"))
        self._replace(whole, sample_facts(found), of_runs=False)

    def _subject(self, sample: str, run: str | None, whole: int | None, time: float) -> int:
        same = (subjects.c.sample == sample, subjects.c.run.is_(None) if run is None else subjects.c.run == run)
        known = self._db.execute(select(subjects.c.id).where(*same)).scalar()
        if known is not None:
            self._db.execute(update(subjects).where(subjects.c.id == known).values(time=time))
            return int(known)
        added = self._db.execute(insert(subjects).values(sample=sample, run=run, whole=whole, time=time))
        return int(added.lastrowid)

    def _replace(self, subject: int, told: Sequence[Fact], *, of_runs: bool) -> None:
        self._db.execute(delete(facts).where(facts.c.subject == subject))
        self._insert(subject, told, of_runs=of_runs)

    def _insert(self, subject: int, told: Sequence[Fact], *, of_runs: bool) -> None:
        rows = []
        for fact in told:
            key, value = self._key(fact, of_runs)
            is_text = isinstance(value, str)
            rows.append((subject, key, None if is_text else value, value if is_text else None))
        self._db.exec_driver_sql("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", rows)

    def _key(self, fact: Fact, of_runs: bool) -> tuple[int, float | str]:
        """Return the key of a fact and its value in the key's unit; a unit of another kind makes another key."""
        unit = None if isinstance(fact.value, str) else fact.unit
        known = self._keys.get(fact.key)
        if known is None or (known.unit is None and unit is not None):
            known = self._new_key(fact.key, unit, of_runs)
        if not (known.of_runs if of_runs else known.of_samples):
            known = self._new_key(fact.key, known.unit, of_runs)
        if isinstance(fact.value, str) or known.unit == unit:
            return known.id, fact.value
        try:
            return known.id, Quantity(known.unit or "").parse(f"{fact.value!r} {unit}")
        except ValueError:
            return self._key(Fact(f"{fact.key}[{unit}]", fact.value, fact.unit), of_runs)

    def _new_key(self, name: str, unit: str | None, of_runs: bool) -> Key:
        known = self._keys.get(name)
        levels = {"of_runs": of_runs, "of_samples": not of_runs}
        if known is None:
            self._db.execute(insert(keys).values(key=name, unit=unit, **levels))
        else:
            set_levels = {level: True for level, told in levels.items() if told}
            self._db.execute(update(keys).where(keys.c.id == known.id).values(unit=unit, **set_levels))
        self._keys[name] = made = read_keys(self._db, name)[name]
        return made
