"""An index of facts beside a store, made from its runs; deleting it loses nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, func, insert, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool, StaticPool

from labctl.errors import StoreError
from labctl.records._facts_of_samples import RunFacts, run_facts
from labctl.records._facts_tables import VERSION, facts, keys, metadata, runs, state, subjects, tuples
from labctl.records._facts_writer import FactsWriter, Key, read_keys
from labctl.records._genealogy import told_by_run
from labctl.records._register import Register
from labctl.records._said import Entry
from labctl.store import Store

FILE = "facts.db"
_BATCH = 100
_WAIT_S = 30
_HEARD = select(state.c.value).where(state.c.name == "heard")

T = TypeVar("T")


class FactsDamaged(StoreError):  # noqa: N818  (reads as what is the matter)
    """The file of an index cannot be read."""


class FactsIndex:
    """Facts of runs and of samples, to be searched.

    Args:
        file: of the database; None keeps it in memory.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file
        pool = StaticPool if file is None else NullPool
        url = URL.create("sqlite", database=None if file is None else str(file))
        self._engine: Engine = create_engine(
            url, poolclass=pool, isolation_level="AUTOCOMMIT", connect_args={"timeout": _WAIT_S}
        )

    def prepare(self) -> None:
        """Create the tables where there are none.

        Raises:
            FactsDamaged: the file is no database, or one of another version.
            StoreError: it cannot be written.
        """
        with self.connection() as db:
            if self._is_prepared(db):
                return
        with self._writing() as db:
            if not self._is_prepared(db):  # another process may have been faster
                metadata.create_all(db)
                db.exec_driver_sql(f"PRAGMA user_version = {VERSION}")

    def _is_prepared(self, db: Connection) -> bool:
        found = db.exec_driver_sql("PRAGMA user_version").scalar_one()
        if found not in (0, VERSION):
            raise FactsDamaged(f"{self.file} is of version {found}, not {VERSION}")
        return bool(found)

    def runs(self) -> set[str]:
        """Return the uids of the runs that are in it."""
        with self.connection() as db:
            return {run for (run,) in tuples(db, select(runs.c.run))}

    def problems(self) -> dict[str, str]:
        """Return why runs say nothing, by their uid."""
        with self.connection() as db:
            rows = db.execute(select(runs.c.run, runs.c.problem).where(runs.c.problem != ""))
            return {row.run: row.problem for row in rows}

    def keys(self) -> dict[str, Key]:
        """Return all keys, by name."""
        with self.connection() as db:
            return read_keys(db)

    def counts(self, *, by_run: bool = False) -> dict[str, int]:
        """Return how many samples, or runs, have a fact, by key."""
        level = subjects.c.run.is_not(None) if by_run else subjects.c.run.is_(None)
        joined = facts.join(subjects, subjects.c.id == facts.c.subject).join(keys, keys.c.id == facts.c.key)
        query = select(keys.c.key, func.count().label("n")).select_from(joined).where(level).group_by(keys.c.id)
        with self.connection() as db:
            return {row.key: row.n for row in db.execute(query)}

    def add(
        self,
        told: Iterable[RunFacts],
        read: Iterable[str] = (),
        problems: Iterable[tuple[str, str]] = (),
        made: Iterable[Entry] = (),
    ) -> None:
        """Write what runs say; their samples are known anew.

        Args:
            told: what runs say of their samples.
            read: uids of runs that were read, also of those that name no sample.
            problems: uids of runs that cannot be read, with the reason.
            made: what the runs made of what.

        Raises:
            StoreError: the file cannot be written.
        """
        told = list(told)
        rows = dict.fromkeys((*read, *(entry.run for entry in told)), "") | dict(problems)
        with self._writing() as db:
            writer = FactsWriter(db)
            for entry in told:
                writer.write_run(entry)
            about = [sample for entry in made for sample in writer.hear(entry)]
            for sample in writer.and_descendants((*(entry.sample for entry in told), *about)):
                writer.write_sample(sample)
            if rows:
                entries = [{"run": run, "problem": problem} for run, problem in rows.items()]
                db.execute(insert(runs).prefix_with("OR REPLACE"), entries)

    def heard(self) -> int:
        """Return how many bytes of the register are in it."""
        with self.connection() as db:
            return db.execute(_HEARD).scalar() or 0

    def hear(self, entries: Iterable[Entry], since: int, heard: int) -> None:
        """Write what people said of samples and runs, unless another process has done it by now.

        Args:
            entries: of the register, in order.
            since: bytes of the register before the first of them.
            heard: bytes of the register up to the last of them.

        Raises:
            StoreError: the file cannot be written.
        """
        with self._writing() as db:
            if (db.execute(_HEARD).scalar() or 0) != since:
                return
            writer = FactsWriter(db)
            about = [sample for entry in entries for sample in writer.hear(entry)]
            for sample in writer.and_descendants(about):
                writer.write_sample(sample)
            db.execute(insert(state).prefix_with("OR REPLACE").values(name="heard", value=heard))

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Open it for reading.

        Raises:
            FactsDamaged: it cannot be read.
            StoreError: another process has been writing for long, or the disk is full.
        """
        try:
            with self._engine.connect() as db:
                yield db
        except DatabaseError as error:
            text = f"{self.file or 'facts in memory'}: {error.orig}"
            if isinstance(error, OperationalError) and "no such" not in text:
                raise StoreError(text) from error
            raise FactsDamaged(text) from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self.connection() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.exec_driver_sql("ROLLBACK")
                raise
            db.exec_driver_sql("COMMIT")


def ask(directory: Path, question: Callable[[FactsIndex], T]) -> T:
    """Return the answer to a question, from an index that holds every finished run of a store.

    The index is ``facts.db`` in the store's directory, or in memory where that cannot be written. One that is damaged
    is made anew.

    Raises:
        StoreError: the directory is no store, or the disk is full.
    """
    with Store.read(directory) as store:
        file = store.directory / FILE
        is_writable = os.access(file if file.exists() else store.directory, os.W_OK)
        index = FactsIndex(file if is_writable else None)
        try:
            _catch_up(index, store)
            return question(index)
        except FactsDamaged:
            file.unlink(missing_ok=True)
            _catch_up(index, store)
            return question(index)


def _catch_up(index: FactsIndex, store: Store) -> None:
    index.prepare()
    _read_runs(index, store)
    register = Register(store.directory)
    since = index.heard()
    entries, end = register.read(since)
    if entries:
        index.hear(entries, since, end)


def _read_runs(index: FactsIndex, store: Store) -> None:
    news = store.finished() - index.runs()
    if not news:
        return
    times = {run.uid: run.time for run in store.runs()}  # the first unit seen is a key's
    ordered = sorted(news, key=lambda uid: (times.get(uid, 0.0), uid))
    for begin in range(0, len(ordered), _BATCH):
        batch = ordered[begin : begin + _BATCH]
        told, problems, made = list[RunFacts](), dict[str, str](), list[Entry]()
        for uid in batch:
            try:
                run = store.run(uid)
                told += run_facts(run)
                made += told_by_run(run.start, run.stop)
            except (StoreError, ValueError, TypeError, KeyError, AttributeError) as error:
                problems[uid] = str(error)
        index.add(told, batch, problems.items(), made)


__all__ = ["FILE", "FactsDamaged", "FactsIndex", "ask"]
