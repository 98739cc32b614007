"""The tiled catalog as labctl writes it: few rows for a run, in one transaction, beside plain files.

A run lies as bluesky-tiled-plugins' TiledWriter lays it out (BlueskyRun 3.0, BlueskyEventStream 3.0, a table
``internal`` and one array per array-valued key), so that every reader of theirs reads it; only the values are kept
otherwise, in an Arrow file per stream and a .npy file per array. The rows go into tiled's own tables, whose
layout is private to tiled: `REVISION` is the one this was written for, any other is refused.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import StoreError
from labctl.store._metadata import RENAMED, run_metadata, stream_metadata, to_json
from labctl.store._parts import Part, read_table, write_stream
from labctl.store._run import RecordedRun, Stream

REVISION = "917dbbcfc4b1"
"""Of the catalog's schema, as tiled 0.2.20 creates it."""

_URI = "file://localhost"
"""What tiled puts before a path; it neither quotes nor unquotes the path."""
_RUN_SPEC = {"name": "BlueskyRun", "version": "3.0"}
_STREAM_SPECS = [{"name": "BlueskyEventStream", "version": "3.0"}, {"name": "composite", "version": None}]


@dataclass(frozen=True)
class Entry:
    """A run whose files are written and whose rows are ready, with metadata and specs as JSON."""

    uid: str
    time: float
    metadata: str
    specs: str
    streams: Sequence[tuple[str, str, Sequence[Part]]]


class Catalog:
    """The catalog in a directory: ``catalog.db`` and the files under ``data``.

    Args:
        directory: where it lies.
        address: where it will lie once it is in use; files are addressed absolutely.
    """

    def __init__(self, directory: Path, address: Path | None = None) -> None:
        self.directory = directory.absolute()
        self.address = (address or directory).absolute()

    @property
    def database(self) -> Path:
        """The SQLite file, of tiled's schema."""
        return self.directory / "catalog.db"

    @property
    def data(self) -> Path:
        """One directory per run."""
        return self.directory / "data"

    def prepare(self, run: RecordedRun) -> Entry:
        """Write the files of a run and return what `insert` needs.

        Raises:
            StoreError: the run cannot be catalogued: it is not whole, or has external files, awkward keys, or text that
                is no Unicode.
            OSError: a file cannot be written.
        """
        if run.has_external_files:
            raise StoreError(f"run {run.uid} refers to files that a detector wrote itself; the catalog cannot hold it")
        if run.stop is None:
            raise StoreError(f"run {run.uid} has no stop document that can be read: its journal file is damaged")
        directory = self.data / run.uid
        directory.mkdir(parents=True, exist_ok=True)
        metadata, specs = run_metadata(run)
        try:
            streams = [
                (stream.name, to_json(stream_metadata(stream)), write_stream(stream, directory, f"s{n}"))
                for n, stream in enumerate(run.streams.values())
            ]
            return Entry(run.uid, float(run.start["time"]), to_json(metadata), to_json([*specs, _RUN_SPEC]), streams)
        except (TypeError, ValueError) as error:
            raise StoreError(f"run {run.uid}: the catalog cannot hold it: {error}") from error

    def insert(self, entries: Sequence[Entry]) -> None:
        """Add runs in one transaction: all of them or none.

        Raises:
            StoreError: the database cannot be written, or is not of the revision this was written for.
        """
        with self._connection() as db:
            db.execute("BEGIN IMMEDIATE")
            for entry in sorted(entries, key=lambda entry: entry.time):  # `catalog[-1]` is the last inserted
                self._insert(db, entry)
            db.execute("COMMIT")

    def uids(self) -> set[str]:
        """Return the runs in the catalog; none when there is no catalog.

        Raises:
            StoreError: the database cannot be read.
        """
        if not self.database.exists():
            return set()
        with self._connection() as db:
            return {row[0] for row in db.execute("SELECT key FROM nodes WHERE parent = 0")}

    def holding(self, uids: Sequence[str]) -> set[str]:
        """Return which of a few runs the catalog has.

        Raises:
            StoreError: the database cannot be read.
        """
        query = f"SELECT key FROM nodes WHERE parent = 0 AND key IN ({', '.join('?' * len(uids))})"
        with self._connection() as db:
            return {row[0] for row in db.execute(query, uids)}

    def load(self, uid: str) -> RecordedRun | None:
        """Return a run from the catalog's files, or None when the catalog has none of it.

        Metadata is as the catalog holds it: NaN is None there.

        Raises:
            StoreError: the database or a file cannot be read.
        """
        if not self.database.exists():
            return None
        with self._connection() as db:
            row = db.execute("SELECT id, metadata FROM nodes WHERE parent = 0 AND key = ?", [uid]).fetchone()
            if row is None:
                return None
            metadata = json.loads(row[1])
            streams = {}
            query = "SELECT id, key, metadata FROM nodes WHERE parent = ? ORDER BY id"
            for stream_id, name, text in db.execute(query, [row[0]]).fetchall():
                streams[name] = self._load_stream(db, stream_id, name, json.loads(text))
        return RecordedRun(uid, metadata["start"], metadata["stop"], streams)

    def addresses(self) -> Iterator[Path]:
        """Yield the paths the catalog's files are addressed by."""
        with self._connection() as db:
            for (uri,) in db.execute("SELECT data_uri FROM assets"):
                yield _path(uri)

    def _insert(self, db: sqlite3.Connection, entry: Entry) -> None:
        run_id = _add_node(db, 0, entry.uid, "container", entry.metadata, entry.specs)
        for name, metadata, parts in entry.streams:
            stream_id = _add_node(db, run_id, name, "container", metadata, to_json(_STREAM_SPECS))
            for part in parts:
                self._insert_part(db, stream_id, part)

    def _insert_part(self, db: sqlite3.Connection, stream_id: int, part: Part) -> None:
        node_id = _add_node(db, stream_id, part.key, part.family, part.metadata, "[]")
        structure_id = hashlib.md5(part.structure.encode(), usedforsecurity=False).hexdigest()
        db.execute("INSERT OR IGNORE INTO structures (id, structure) VALUES (?, ?)", [structure_id, part.structure])
        source_id = db.execute(
            "INSERT INTO data_sources (node_id, structure_id, mimetype, parameters, properties, management,"
            " structure_family) VALUES (?, ?, ?, '{}', '{}', 'external', ?)",
            [node_id, structure_id, part.mimetype, part.family],
        ).lastrowid
        address = self.address / part.path.relative_to(self.directory)
        asset_id = db.execute(
            "INSERT INTO assets (data_uri, is_directory, size) VALUES (?, 0, ?)",
            [_URI + str(address), part.path.stat().st_size],
        ).lastrowid
        db.execute(
            "INSERT INTO data_source_asset_association (data_source_id, asset_id, parameter, num) VALUES (?, ?, ?, ?)",
            [source_id, asset_id, part.parameter, part.num],
        )

    def _load_stream(self, db: sqlite3.Connection, stream_id: int, name: str, metadata: dict[str, Any]) -> Stream:
        query = """SELECT nodes.key, assets.data_uri FROM nodes
            JOIN data_sources ON data_sources.node_id = nodes.id
            JOIN data_source_asset_association AS link ON link.data_source_id = data_sources.id
            JOIN assets ON assets.id = link.asset_id WHERE nodes.parent = ?"""
        columns: dict[str, NDArray[Any]] = {}
        table: dict[str, NDArray[Any]] = {}
        for key, uri in db.execute(query, [stream_id]).fetchall():
            path = self.data.joinpath(*_path(uri).parts[-2:])  # also when the store was moved
            try:
                if key == "internal":
                    table = read_table(path)
                else:
                    columns[key] = np.load(path, allow_pickle=False)
            except (OSError, ValueError) as error:  # pyarrow's errors are both
                raise StoreError(f"{path} cannot be read: {error}") from error
        original = {renamed: key for key, renamed in RENAMED.items()}
        keys = {original.get(key, key): value for key, value in metadata["data_keys"].items()}
        names = {key: RENAMED.get(key, key) for key in keys}
        columns |= {key: values for key, values in table.items() if key in names.values()}
        empty = np.empty(0)
        return Stream(
            name,
            ({**metadata, "name": name, "data_keys": keys},),
            table.get("seq_num", empty.astype(np.int64)),
            table.get("time", empty),
            {key: columns.get(names[key], empty) for key in keys},
            {key: table.get(f"ts_{names[key]}", empty) for key in keys},
        )

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.database, timeout=30, isolation_level=None)) as db:
                db.execute("PRAGMA foreign_keys = ON")
                db.execute("PRAGMA synchronous = FULL")
                (found,) = db.execute("SELECT version_num FROM alembic_version").fetchone()
                if found != REVISION:
                    raise StoreError(
                        f"{self.database} has schema {found}; this labctl writes tiled's schema {REVISION}"
                    )
                yield db
        except sqlite3.Error as error:
            raise StoreError(f"{self.database}: {error}") from error


def _add_node(db: sqlite3.Connection, parent: int, key: str, family: str, metadata: str, specs: str) -> int:
    query = "INSERT INTO nodes (parent, key, structure_family, metadata, specs) VALUES (?, ?, ?, ?, ?)"
    return db.execute(query, [parent, key, family, metadata, specs]).lastrowid or 0


def _path(uri: str) -> Path:
    return Path(uri.removeprefix(_URI))
