"""The registry as tables, made from what people said and from the runs; deleting it loses nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Engine, Float, Integer, MetaData, Table, Text, create_engine, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool, StaticPool

from labctl.errors import StoreError
from labctl.records._entry import Archive
from labctl.records._genealogy import told_by_run

FILE = "registry.db"
VERSION = 1
"""Of the tables; a file of another version is made anew."""
_MOVE = "transfer"
_INHERITED = ("lot", "substrate", "carrier", "composition")
"""What a part has from the whole, and what a substrate's certificate may tell."""

metadata = MetaData()
samples = Table(
    "samples",
    metadata,
    Column("name", Text, primary_key=True),
    *(
        Column(name, Text, nullable=False, default="")
        for name in ("lot", "substrate", "carrier", "composition", "note")
    ),
    Column("consumed", Text, nullable=False, default=""),
    Column("archive", Text, nullable=False, default=""),
    Column("quality", Text, nullable=False, default="good"),
    Column("reason", Text, nullable=False, default=""),
    Column("judged_by", Text, nullable=False, default=""),
    Column("policy", Text, nullable=False, default=""),
    Column("campaign", Text, nullable=False, default=""),
    Column("trial", Text, nullable=False, default=""),
    Column("n_runs", Integer, nullable=False, default=0),
    Column("last_operation", Text, nullable=False, default=""),
    Column("last_status", Text, nullable=False, default=""),
    Column("last_time", Float, nullable=False, default=0.0),
)
lineage = Table(
    "lineage",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("child", Text, nullable=False, index=True),
    Column("parent", Text, nullable=False, index=True),
)
stays = Table(
    "stays",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sample", Text, nullable=False, index=True),
    Column("time", Float, nullable=False),
    Column("place", Text, nullable=False),
    Column("by", Text, nullable=False),
)
attachments = Table(
    "attachments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sample", Text, nullable=False, index=True),
    *(
        Column(name, Text, nullable=False)
        for name in ("name", "checksum", "media_type", "kind", "note", "by", "policy")
    ),
    Column("time", Float, nullable=False),
)
flags = Table(
    "flags",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Text, nullable=False, index=True),
    *(Column(name, Text, nullable=False) for name in ("kind", "quality", "stream", "key", "detail", "by")),
)
run_policies = Table(
    "run_policies", metadata, Column("sample", Text, primary_key=True), Column("policy", Text, primary_key=True)
)
runs = Table("runs", metadata, Column("uid", Text, primary_key=True))
state = Table("state", metadata, Column("name", Text, primary_key=True), Column("value", Integer, nullable=False))


class RegistryIndex:
    """The tables.

    Args:
        directory: of the store.
    """

    def __init__(self, directory: Path) -> None:
        self.file = directory / FILE
        if directory.exists() and not os.access(directory, os.W_OK):  # records on a shared, read-only disk
            self.engine: Engine = create_engine("sqlite://", poolclass=StaticPool)
            return
        self.engine = create_engine(f"sqlite:///{self.file}", poolclass=NullPool, connect_args={"timeout": 30})

    def prepare(self) -> None:
        """Create the file, or anew where it cannot be trusted.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            with self.engine.connect() as db:
                if db.exec_driver_sql("PRAGMA user_version").scalar_one() == VERSION:
                    return
        except DatabaseError as error:
            if isinstance(error, OperationalError) and "unable to open" not in str(error):
                raise StoreError(f"{self.file}: {error.orig}") from error
        try:
            if self.engine.url.database:
                self.file.unlink(missing_ok=True)
            with self.engine.begin() as db:
                metadata.create_all(db)
                db.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
        except (OSError, DatabaseError) as error:
            raise StoreError(f"{self.file} cannot be written: {error}") from error

    def known(self) -> tuple[int, set[str]]:
        """Return how many bytes of what people said are in it, and the runs that are."""
        with self.engine.connect() as db:
            read = db.execute(select(state.c.value).where(state.c.name == "read")).scalar()
            return read or 0, {row.uid for row in db.execute(select(runs.c.uid))}

    def add(
        self,
        entries: Iterable[Mapping[str, Any]],
        read: int,
        told: Iterable[tuple[Mapping[str, Any], Mapping[str, Any] | None]],
    ) -> None:
        """Take in what people said and runs.

        Args:
            entries: of the register, in order.
            read: bytes of the register up to the last of them.
            told: start and stop documents of finished runs, in order of time.
        """
        with self.engine.begin() as db:
            for entry in entries:
                _ACTS[entry["act"]](db, entry)
            _put(db, state, {"name": "read", "value": read})
            for start, stop in told:
                _add_run(db, start, stop or {})


def _put(db: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Write a row, or change the one with its key."""
    keys = [column.name for column in table.primary_key]
    changed = {name: value for name, value in row.items() if name not in keys}
    query = upsert(table).values(**row)
    db.execute(query.on_conflict_do_update(keys, set_=changed) if changed else query.on_conflict_do_nothing())


# What people said.


def _added(db: Connection, entry: Mapping[str, Any]) -> None:
    name, parents = entry["sample"], entry.get("parents", ())
    about = {key: entry[key] for key in (*_INHERITED, "note") if entry.get(key)}
    if len(parents) == 1:  # a part of it
        whole = db.execute(select(samples).where(samples.c.name == parents[0])).mappings().first()
        about = {key: whole[key] for key in _INHERITED if whole is not None and whole[key]} | about
    _put(db, samples, {"name": name, **about, "last_time": entry["time"]})
    for parent in parents:
        if name not in _line(db, parent):  # runs may say anything
            db.execute(insert(lineage).values(child=name, parent=parent))
    if entry.get("place"):
        _moved(db, entry)


def _line(db: Connection, name: str) -> list[str]:
    """Return a sample and everything it was made from."""
    found = [name]
    for each in found:  # it grows
        rows = db.execute(select(lineage.c.parent).where(lineage.c.child == each))
        found += [row.parent for row in rows if row.parent not in found]
    return found


def _consumed(db: Connection, entry: Mapping[str, Any]) -> None:
    _put(db, samples, {"name": entry["sample"], "consumed": entry["reason"], "last_time": entry["time"]})


def _moved(db: Connection, entry: Mapping[str, Any]) -> None:
    _stay(db, entry["sample"], entry["time"], entry["place"], entry["by"])


def _archived(db: Connection, entry: Mapping[str, Any]) -> None:
    archive = {key: entry[key] for key in ("shelf", "box", "condition", "until")}
    _put(db, samples, {"name": entry["sample"], "archive": json.dumps(archive), "last_time": entry["time"]})
    _stay(db, entry["sample"], entry["time"], Archive(**archive).place, entry["by"])


def _attached(db: Connection, entry: Mapping[str, Any]) -> None:
    names = ("sample", "name", "checksum", "media_type", "kind", "note", "by", "time")
    policy = json.dumps(entry["policy"]) if entry.get("policy") else ""
    db.execute(insert(attachments).values(**{name: entry[name] for name in names}, policy=policy))


def _judged(db: Connection, entry: Mapping[str, Any]) -> None:
    about = {"quality": entry["quality"], "reason": entry["reason"], "judged_by": entry["by"]}
    _put(db, samples, {"name": entry["sample"], **about, "last_time": entry["time"]})


def _policy_set(db: Connection, entry: Mapping[str, Any]) -> None:
    _put(db, samples, {"name": entry["sample"], "policy": json.dumps(entry["policy"]), "last_time": entry["time"]})


def _flagged(db: Connection, entry: Mapping[str, Any]) -> None:
    names = ("run", "kind", "quality", "stream", "key", "detail", "by")
    db.execute(insert(flags).values(**{name: entry[name] for name in names}))


_ACTS = {
    "added": _added,
    "consumed": _consumed,
    "moved": _moved,
    "archived": _archived,
    "attached": _attached,
    "judged": _judged,
    "policy": _policy_set,
    "flagged": _flagged,
}


# What runs tell.


def _add_run(db: Connection, start: Mapping[str, Any], stop: Mapping[str, Any]) -> None:
    uid = str(start["uid"])
    _put(db, runs, {"uid": uid})
    for index, sample in enumerate(start.get("samples", ())):
        row: dict[str, Any] = {
            "name": sample,
            "last_operation": str(start.get("operation", start.get("plan_name", ""))),
            "last_status": str(stop.get("exit_status", "")),
            "last_time": float(start["time"]),
        }
        certificate = start.get("substrates", {}).get(sample, {})
        row |= {key: str(certificate[key]) for key in _INHERITED if certificate.get(key)}
        for key, value in (("campaign", start.get("campaign")), ("trial", _at(start.get("trials"), index))):
            row |= {key: str(value)} if value else {}
        _put(db, samples, row)
        db.execute(samples.update().where(samples.c.name == sample).values(n_runs=samples.c.n_runs + 1))
        if "policy" in start:
            _put(db, run_policies, {"sample": sample, "policy": json.dumps(start["policy"], sort_keys=True)})
        if place := _at(start.get("locations"), index):
            _stay(db, sample, float(start["time"]), str(place), uid)
        if start.get("operation") == _MOVE and "time" in stop:
            source, destination = (str(start["parameters"].get(key, "")) for key in ("source", "destination"))
            place = destination if stop.get("exit_status") == "success" else f"{source} or {destination}?"
            _stay(db, sample, float(stop["time"]), place, uid)
    for entry in told_by_run(start, stop):
        _ACTS[entry["act"]](db, entry)


def _at(values: Any, index: int) -> Any:  # metadata may hold anything
    return values[index] if isinstance(values, list | tuple) and index < len(values) else None


def _stay(db: Connection, sample: str, time: float, place: str, by: str) -> None:
    """Write down where a sample was, unless it was there at that time already."""
    before = select(stays.c.place).where(stays.c.sample == sample, stays.c.time <= time)
    if db.execute(before.order_by(stays.c.time.desc(), stays.c.id.desc()).limit(1)).scalar() != place:
        db.execute(insert(stays).values(sample=sample, time=time, place=place, by=by))
