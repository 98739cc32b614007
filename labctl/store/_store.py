"""The one door to what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from labctl.errors import StoreError
from labctl.link import Exchange
from labctl.store._catalog import Catalog
from labctl.store._documents import Document, read_documents, start_and_stop
from labctl.store._index import Index, RunSummary, Selection, summarize
from labctl.store._journal import Journal
from labctl.store._layout import Layout, WriterLock
from labctl.store._recovery import close_unfinished
from labctl.store._run import RecordedRun, gather
from labctl.store._tiled import open_client
from labctl.store._wire_log import write_wire_log
from labctl.store._worker import CatalogWorker

_CLOSE_LIMIT_S = 10.0
_SHORTEST_PREFIX = 6
_UNADDRESSABLE = frozenset("?#")


class Store:
    """Every recorded run of a laboratory: journal, index and catalog in one directory.

    Open it with `Store.open` to write and with `Store.read` to look. A run is the same by `run` from its first document
    on, whether it has reached the catalog or not.
    """

    def __init__(self, layout: Layout, name: str, lock: WriterLock | None, *, catalog: bool = True) -> None:
        self.directory, self.name = layout.directory, name
        self._layout, self._lock = layout, lock
        self._index, self._catalog = Index(layout.index), Catalog(layout.catalog)
        self._client: Any = None  # tiled's client is untyped
        self._close_client: Callable[[], None] | None = None
        self._journal: Journal | None = None
        self._worker: CatalogWorker | None = None
        if lock is not None:
            left = self._recover()
            self._worker = CatalogWorker(layout, left) if catalog else None
            self._journal = Journal(layout, self._worker.submit if self._worker is not None else lambda uid: None)

    @classmethod
    def open(cls, directory: Path, *, name: str = "lab", catalog: bool = True) -> Self:
        """Open a store as its one writer; create it if it is missing.

        Runs that a dead process left unfinished are closed first. The catalog is created and caught up in another
        thread, so that this returns at once.

        Args:
            directory: of the store.
            name: of the laboratory; the store remembers it.
            catalog: False for a store that will hardly be kept: the journal alone is written; the next to open
                the store fills its catalog.

        Raises:
            StoreError: another process writes to the store, or the directory cannot be written to.
        """
        layout = Layout(Path(directory).absolute())
        if not _UNADDRESSABLE.isdisjoint(str(layout.directory)):
            raise StoreError(f"{layout.directory} cannot be a store: tiled cannot address files in a path with ? or #")
        try:
            layout.journal.mkdir(parents=True, exist_ok=True)
            lock = WriterLock(layout.lock)
            try:
                Index(layout.index).prepare()
                layout.write_name(name)
                return cls(layout, name, lock, catalog=catalog)
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise StoreError(f"{layout.directory} cannot be written to: {error}") from error

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Open a store to look at it, also while another process writes to it.

        Raises:
            StoreError: the directory is no store.
        """
        layout = Layout(Path(directory).absolute())
        return cls(layout, layout.read_name(), None)

    @property
    def n_waiting(self) -> int:
        """How many finished runs are in the journal and not in the catalog; 0 for one who only reads."""
        return self._worker.n_waiting if self._worker is not None else 0

    @property
    def problems(self) -> dict[str, str]:
        """What kept runs out of the catalog, by run uid; the journal has them all the same."""
        return {**self._index.problems(), **(self._worker.problems if self._worker else {})}

    def journal(self, name: str, document: Document) -> None:
        """Write a document down; it is safe when this returns. To be subscribed to RunEngines, on any thread.

        A start or stop document is on the disk. Another one is with the operating system, and on the disk at most
        0.1 s later.

        Raises:
            StoreError: it cannot be written, belongs to no open run, or the store is open for reading only.
        """
        if self._journal is None:
            raise StoreError(f"{self.directory} is open for reading only; a {name} document cannot be written")
        self._journal.write(name, document)

    def run(self, uid: str) -> RecordedRun:
        """Return a run, finished or not.

        Args:
            uid: of the run, or its first characters, at least 6.

        Raises:
            StoreError: no run, or more than one, begins like this.
        """
        uid = self._whole_uid(uid)
        path = self._layout.journal_of(uid)
        if path.exists():
            return gather(read_documents(path), path)
        run = self._catalog.load(uid)
        if run is None:
            raise StoreError(f"{self.directory}: run {uid} is neither in the journal nor in the catalog")
        return run

    def runs(
        self,
        *,
        campaign: str | None = None,
        trial: str | None = None,
        sample: str | None = None,
        station: str | None = None,
        operation: str | None = None,
        status: str | None = None,
        newest: int | None = None,
    ) -> list[RunSummary]:
        """Return summaries of the runs that match all arguments given, newest first, also of those in progress.

        Args:
            campaign: name of the campaign.
            trial: one of the run's trials.
            sample: one of the run's samples.
            station: where it was done.
            operation: kind of operation.
            status: ``success``, ``fail``, ``abort`` or ``running``.
            newest: how many at most.
        """
        selection = Selection(campaign, trial, sample, station, operation, status)
        fresh = []
        for uid in self._layout.journaled() - self._index.uids():
            start, stop = start_and_stop(self._layout.journal_of(uid))
            if start is not None and selection.matches(summary := summarize(start, stop)):
                fresh.append(summary)
        indexed = self._index.select(selection, newest)
        found = {run.uid: run for run in (*fresh, *indexed)}  # the worker may have indexed one meanwhile
        return sorted(found.values(), key=lambda run: run.time, reverse=True)[:newest]

    def finished(self) -> set[str]:
        """Return the uids of all finished runs; cheap, to see whether there are new ones."""
        indexed = self._index.uids()
        fresh = self._layout.journaled() - indexed
        return indexed | {uid for uid in fresh if start_and_stop(self._layout.journal_of(uid))[1] is not None}

    def ends(self, uid: str) -> tuple[Document, Document | None]:
        """Return the start and the stop document of a run, the latter None while it goes on; cheaper than `run`.

        Raises:
            StoreError: there is no such run.
        """
        path = self._layout.journal_of(uid)
        start, stop = start_and_stop(path) if path.exists() else (None, None)
        if start is None:
            run = self.run(uid)
            return dict(run.start), None if run.stop is None else dict(run.stop)
        return start, stop

    def keep_wire_log(self, uid: str, exchanges: Iterable[tuple[str, Exchange]]) -> Path:
        """Attach to a run what was said on the wire; return the file.

        Args:
            uid: of the run.
            exchanges: each with the device's name.

        Raises:
            StoreError: it cannot be written, or the store is open for reading only.
        """
        if self._lock is None:
            raise StoreError(f"{self.directory} is open for reading only; a wire log cannot be written")
        return write_wire_log(self._layout.wire / f"{uid}.jsonl", exchanges)

    def wire_log(self, uid: str) -> Path | None:
        """Return the file with what was said on the wire when a run failed, None when there is none.

        Args:
            uid: the whole of it.
        """
        path = self._layout.wire / f"{uid}.jsonl"
        return path if path.exists() else None

    def drain(self, timeout_s: float) -> bool:
        """Wait until the catalog holds every finished run; return whether it does.

        Args:
            timeout_s: how long to wait at most, in real seconds.

        Raises:
            StoreError: the store is open for reading only, or without its catalog.
        """
        if self._worker is None:
            how = "for reading only; its writer fills the catalog" if self._lock is None else "without its catalog"
            raise StoreError(f"{self.directory} is open {how}")
        return self._worker.drain(timeout_s)

    def catalog_client(self) -> Any:
        """Return tiled's client of the catalog (bluesky's CatalogOfBlueskyRuns), served within this process.

        Raises:
            StoreError: there is no catalog yet.
        """
        if self._client is None:
            if self._worker is not None:
                self._worker.create_catalog()
            if not self._catalog.database.exists():
                raise StoreError(f"{self.directory} has no catalog yet; its writer creates it")
            self._client, self._close_client = open_client(self._catalog)
        return self._client

    def close(self) -> None:
        """Fill the catalog (at most 10 s), end the threads and let another writer in; again does nothing."""
        if self._journal is not None:
            self._journal.close()
        if self._close_client is not None:
            self._close_client()
            self._client = self._close_client = None
        if self._worker is not None:
            self._worker.drain(_CLOSE_LIMIT_S)
            self._worker.close(_CLOSE_LIMIT_S)
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recover(self) -> list[str]:
        """Close the runs of a dead writer; return what the catalog lacks."""
        if not self._catalog.database.exists():
            self._index.clear()
        close_unfinished(self._layout, self._layout.journaled() - self._index.uids())
        catalogued = self._index.uids() - set(self._index.problems())
        left = self._layout.journaled() - catalogued
        return sorted(left, key=lambda uid: self._layout.journal_of(uid).stat().st_mtime)

    def _whole_uid(self, uid: str) -> str:
        if self._layout.journal_of(uid).exists():
            return uid
        if len(uid) < _SHORTEST_PREFIX:
            raise StoreError(
                f"{uid!r} is too short for a run's uid: give at least its first {_SHORTEST_PREFIX} characters"
            )
        known = self._layout.journaled() | self._index.uids() | self._catalog.uids()
        found = sorted(candidate for candidate in known if candidate.startswith(uid))
        if len(found) != 1:
            text = f"{len(found)} runs begin with {uid!r}: {', '.join(found[:10])}" if found else f"has no run {uid!r}"
            raise StoreError(f"{self.directory}: {text}")
        return found[0]
