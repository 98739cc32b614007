"""Summaries of the finished runs, so that a list of ten thousand runs reads no journal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from labctl.errors import StoreError

_VERSION = 1


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs shows."""

    uid: str
    time: float
    """Start of the run [s since 1970-01-01 UTC]."""
    duration_s: float | None
    """None while the run goes on."""
    operation: str
    """Kind of operation; the plan's name for a run that is none."""
    station: str
    samples: tuple[str, ...]
    trials: tuple[str, ...]
    campaign: str
    status: str
    """``success``, ``fail``, ``abort`` or ``running``."""
    reason: str
    scan_id: int | None


def summarize(start: Mapping[str, Any], stop: Mapping[str, Any] | None) -> RunSummary:
    """Return the summary of a run by its first and last documents."""
    scan_id = start.get("scan_id")
    return RunSummary(
        uid=start["uid"],
        time=float(start["time"]),
        duration_s=None if stop is None else float(stop["time"]) - float(start["time"]),
        operation=str(start.get("operation") or start.get("plan_name") or ""),
        station=str(start.get("station") or ""),
        samples=_names(start.get("samples")),
        trials=_names(start.get("trials")),
        campaign=str(start.get("campaign") or ""),
        status="running" if stop is None else str(stop.get("exit_status", "fail")),
        reason="" if stop is None else str(stop.get("reason") or ""),
        scan_id=scan_id if isinstance(scan_id, int) else None,
    )


def _names(value: Any) -> tuple[str, ...]:  # metadata may hold anything
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


@dataclass(frozen=True)
class Selection:
    """Which runs are asked for; None asks for all."""

    campaign: str | None = None
    trial: str | None = None
    sample: str | None = None
    station: str | None = None
    operation: str | None = None
    status: str | None = None

    def matches(self, run: RunSummary) -> bool:
        """Return whether a run is among them."""
        single = ("campaign", "station", "operation", "status")
        return (
            all(getattr(self, name) in (None, getattr(run, name)) for name in single)
            and (self.trial is None or self.trial in run.trials)
            and (self.sample is None or self.sample in run.samples)
        )

    def where(self) -> tuple[str, list[str]]:
        """Return the same as an SQL condition with its values."""
        terms, values = ["1"], []
        for name in ("campaign", "station", "operation", "status"):
            if (value := getattr(self, name)) is not None:
                terms.append(f"{name} = ?")
                values.append(value)
        for name in ("trial", "sample"):
            if (value := getattr(self, name)) is not None:
                terms.append(f"EXISTS (SELECT 1 FROM json_each({name}s) WHERE value = ?)")
                values.append(value)
        return " AND ".join(terms), values


class Index:
    """One row for each finished run, with what kept it out of the catalog, if anything."""

    _COLUMNS = ", ".join(entry.name for entry in fields(RunSummary))

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Create the file, or anew where it cannot be trusted; it is made from the journal anyway."""
        try:
            with self._connection() as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version == _VERSION and db.execute("PRAGMA quick_check").fetchone()[0] == "ok":
                    return
        except StoreError:
            pass  # damaged
        self._path.unlink(missing_ok=True)
        with self._connection("rwc") as db:
            db.executescript(f"""
                CREATE TABLE runs (uid TEXT PRIMARY KEY, time REAL NOT NULL, duration_s REAL, operation TEXT NOT NULL,
                    station TEXT NOT NULL, samples TEXT NOT NULL, trials TEXT NOT NULL, campaign TEXT NOT NULL,
                    status TEXT NOT NULL, reason TEXT NOT NULL, scan_id INTEGER, problem TEXT NOT NULL);
                CREATE INDEX newest ON runs (time);
                PRAGMA user_version = {_VERSION};
            """)

    def put(self, runs: Iterable[tuple[RunSummary, str]]) -> None:
        """Write the rows of runs, each with its problem (empty for none).

        Raises:
            StoreError: the file cannot be written.
        """
        rows = []
        for run, problem in runs:
            values = (json.dumps(value) if isinstance(value, tuple) else value for value in astuple(run))
            rows.append((*values, problem))
        with self._connection() as db, db:
            db.executemany(f"INSERT OR REPLACE INTO runs VALUES ({', '.join('?' * 12)})", rows)

    def clear(self) -> None:
        """Remove all rows."""
        with self._connection() as db, db:
            db.execute("DELETE FROM runs")

    def uids(self) -> set[str]:
        """Return the runs that have a row."""
        with self._connection() as db:
            return {row[0] for row in db.execute("SELECT uid FROM runs")}

    def problems(self) -> dict[str, str]:
        """Return what kept runs out of the catalog, by uid."""
        with self._connection() as db:
            return dict(db.execute("SELECT uid, problem FROM runs WHERE problem <> '' ORDER BY time"))

    def select(self, selection: Selection, newest: int | None) -> list[RunSummary]:
        """Return the selected runs, newest first, at most `newest`."""
        where, values = selection.where()
        query = f"SELECT {self._COLUMNS} FROM runs WHERE {where} ORDER BY time DESC LIMIT ?"
        with self._connection() as db:
            rows = db.execute(query, [*values, -1 if newest is None else newest]).fetchall()
        return [_summary(row) for row in rows]

    @contextmanager
    def _connection(self, mode: str = "rw") -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(f"{self._path.as_uri()}?mode={mode}", timeout=30, uri=True)) as db:
                yield db
        except sqlite3.Error as error:
            if not self._path.exists():
                raise StoreError(
                    f"{self._path} is missing; labctl store rebuild makes it anew from the journal"
                ) from error
            raise StoreError(f"{self._path}: {error}") from error


def _summary(row: tuple[Any, ...]) -> RunSummary:  # the columns' types are the table's
    uid, time, duration_s, operation, station, samples, trials, *rest = row
    lists = tuple(json.loads(samples)), tuple(json.loads(trials))
    return RunSummary(uid, time, duration_s, operation, station, *lists, *rest)
