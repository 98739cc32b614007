"""Writing facts into their index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Column, ColumnElement, Connection, delete, insert, select, update

from labctl.quantities import Quantity
from labctl.records._facts import Fact
from labctl.records._facts_of_samples import RunFacts, sample_facts, waited
from labctl.records._facts_tables import facts, keys, lineage, parts, said, subjects, tuples
from labctl.records._said import Entry, doubted, joined_policy, with_said


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
        """Write what a run says of one of its samples, and what people doubt of the run."""
        self._subject(entry.sample, None, entry.number("time"))
        subject = self._subject(entry.sample, entry.run, entry.number("time"))
        self._replace(subject, doubted(entry, self._said(said.c.run == entry.run)).facts, of_runs=True)

    def hear(self, entry: Entry) -> list[str]:
        """Write down what a person said; return the samples that it is about."""
        about = {name: str(entry[name]) if name in entry else None for name in ("sample", "run")}
        self._db.execute(insert(said).values(**about, entry=json.dumps(entry)))
        if entry["act"] == "flagged":
            runs = self._runs_where(subjects.c.run == entry["run"])
            for subject, told in runs.items():
                self._replace(subject, doubted(told, [entry]).facts, of_runs=True)
            return [told.sample for told in runs.values()]
        for parent in entry.get("parents", ()):
            self._db.execute(insert(lineage).prefix_with("OR IGNORE").values(child=entry["sample"], parent=parent))
        return [str(entry["sample"])]

    def and_descendants(self, samples: Iterable[str]) -> list[str]:
        """Return samples with everything that was made from them."""
        return self._climb(samples, lineage.c.parent, lineage.c.child)

    def write_sample(self, sample: str) -> None:
        """Make a sample's facts anew from its runs, and say how long it had waited before each.

        The runs of what it was made from are its own too.
        """
        line = self._climb([sample], lineage.c.child, lineage.c.parent)
        runs = self._runs_where(subjects.c.sample.in_(line))
        heard = self._said(said.c.sample.in_(line))
        of_sample = [entry for entry in heard if entry["sample"] == sample]
        if not runs and not of_sample:
            return
        for (subject, told), wait in zip(list(runs.items()), waited(list(runs.values())), strict=True):
            if wait is not None:
                fact = Fact("idle_before", wait, "s")
                runs[subject] = RunFacts(told.run, told.sample, (*told.facts, fact))
                if told.sample == sample:
                    self._insert(subject, (fact,), of_runs=True)
        found = list(runs.values())
        end = max((told.number("time") + told.number("duration") for told in found), default=0.0)
        facts_of_runs = (*sample_facts(sample, found), *joined_policy(found, heard))
        together = with_said(facts_of_runs, of_sample, end)
        begin = next(float(fact.value) for fact in together if fact.key == "time")
        whole = self._subject(sample, None, begin)
        self._replace(whole, together, of_runs=False)
        self._db.execute(delete(parts).where(parts.c.whole == whole))
        if runs:
            self._db.execute(insert(parts), [{"whole": whole, "part": subject} for subject in runs])

    def _runs_where(self, condition: ColumnElement[bool]) -> dict[int, RunFacts]:
        """Return what runs say, without how long the sample had waited, in the order of time."""
        told = select(subjects.c.id, subjects.c.sample, subjects.c.run, keys.c.key, keys.c.unit, facts.c.number)
        joined = subjects.join(facts, facts.c.subject == subjects.c.id).join(keys, keys.c.id == facts.c.key)
        query = told.add_columns(facts.c.text).select_from(joined).where(condition, subjects.c.run.is_not(None))
        rows = tuples(self._db, query.order_by(subjects.c.time, subjects.c.id))
        return {
            subject: RunFacts(
                run,
                sample,
                tuple(
                    Fact(key, text) if number is None else Fact(key, number, unit or "")
                    for *_, key, unit, number, text in group
                    if key != "idle_before"
                ),
            )
            for (subject, sample, run), group in groupby(rows, key=lambda row: row[:3])
        }

    def _said(self, condition: ColumnElement[bool]) -> list[Entry]:
        query = select(said.c.entry).where(condition).order_by(said.c.id)
        return [json.loads(entry) for (entry,) in tuples(self._db, query)]

    def _climb(self, samples: Iterable[str], along: Column[str], to: Column[str]) -> list[str]:
        found = list(dict.fromkeys(samples))
        for name in found:  # it grows
            found += [other for (other,) in tuples(self._db, select(to).where(along == name)) if other not in found]
        return found

    def _subject(self, sample: str, run: str | None, time: float) -> int:
        same = (subjects.c.sample == sample, subjects.c.run.is_(None) if run is None else subjects.c.run == run)
        known = self._db.execute(select(subjects.c.id).where(*same)).scalar()
        if known is not None:
            self._db.execute(update(subjects).where(subjects.c.id == known).values(time=time))
            return int(known)
        added = self._db.execute(insert(subjects).values(sample=sample, run=run, time=time))
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
