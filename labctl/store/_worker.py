"""The thread that brings finished runs from the journal into the catalog and the index."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from labctl.clock import RealClock
from labctl.errors import StoreError
from labctl.store._catalog import Catalog, Entry
from labctl.store._documents import read_documents, start_and_stop
from labctl.store._index import Index, RunSummary, summarize
from labctl.store._layout import Layout
from labctl.store._run import gather
from labctl.store._tiled import create_catalog, import_shared

logger = logging.getLogger("labctl.store")

_BATCH = 16

T = TypeVar("T")


class CatalogWorker:
    """Works off finished runs; what goes wrong stays in `problems` and never reaches the journal.

    Args:
        layout: of the store.
        pending: finished runs that were left over.
    """

    def __init__(self, layout: Layout, pending: Iterable[str]) -> None:
        self._layout, self._index, self._catalog = layout, Index(layout.index), Catalog(layout.catalog)
        self._pending = deque(pending)
        self._busy, self._ended = True, False
        self._changed = threading.Condition(threading.Lock())
        self._creating = threading.Lock()
        self.problems: dict[str, str] = {}
        """Why a run is not in the catalog, by its uid; by ``catalog`` for the catalog itself."""
        import_shared()
        self._thread = RealClock().spawn(self._run, "store-catalog")

    def submit(self, uid: str) -> None:
        """Take over a run whose stop document is in the journal."""
        with self._changed:
            self._pending.append(uid)
            self._changed.notify_all()

    @property
    def n_waiting(self) -> int:
        """How many finished runs are not in the catalog."""
        return len(self._pending) + sum(subject != "catalog" for subject in self.problems)

    def drain(self, timeout_s: float) -> bool:
        """Wait until there is nothing to do; return whether the catalog holds every run handed over."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._pending and not self._busy, timeout_s)
        return done and not self.problems

    def close(self, timeout_s: float) -> None:
        """End the thread after the batch it is at."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def create_catalog(self) -> None:
        """Create the catalog unless there is one."""
        with self._creating:
            create_catalog(self._catalog)

    def _run(self) -> None:
        self._attempt("catalog", self.create_catalog)
        while batch := self._next_batch():
            self._ingest(batch)

    def _next_batch(self) -> list[str]:
        """Wait for runs; none when the thread is to end."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._pending or self._ended)
            if self._ended:
                return []
            self._busy = True
            return [self._pending.popleft() for _ in range(min(_BATCH, len(self._pending)))]

    def _ingest(self, batch: list[str]) -> None:
        self._attempt("catalog", self.create_catalog)
        held = self._attempt("catalog", lambda: self._catalog.holding(batch)) or set()
        entries: dict[str, Entry] = {}
        for uid in batch:
            if uid not in held and (entry := self._attempt(uid, partial(self._prepare, uid))) is not None:
                entries[uid] = entry
        self._insert(entries)
        self._attempt("index", lambda: self._index.put(self._summaries(batch)))

    def _prepare(self, uid: str) -> Entry:
        path = self._layout.journal_of(uid)
        return self._catalog.prepare(gather(read_documents(path), path))

    def _insert(self, entries: dict[str, Entry]) -> None:
        try:
            self._catalog.insert(list(entries.values()))
        except (StoreError, OSError):  # whose fault it is shows one by one
            for uid, entry in entries.items():
                self._attempt(uid, partial(self._catalog.insert, [entry]))

    def _summaries(self, batch: list[str]) -> Iterator[tuple[RunSummary, str]]:
        for uid in batch:
            start, stop = start_and_stop(self._layout.journal_of(uid))
            if start is not None:
                yield summarize(start, stop), self.problems.get(uid, "")

    def _attempt(self, subject: str, action: Callable[[], T]) -> T | None:
        try:
            result = action()
        except Exception as error:  # the journal has the run; no fault in here may end the thread
            self.problems[subject] = f"{type(error).__name__}: {error}"
            logger.error("%s: %s", subject, error, exc_info=error)
            return None
        self.problems.pop(subject, None)
        return result
