"""Documents go to disk before the plan goes on."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from labctl.clock import RealClock
from labctl.errors import StoreError
from labctl.store._documents import Document, encode
from labctl.store._layout import Layout

SYNC_INTERVAL_S = 0.05
"""A document that comes sooner after the last fsync of its file is synced by the flusher."""

_OWNER_KEY = {
    "descriptor": "run_start",
    "stop": "run_start",
    "resource": "run_start",
    "stream_resource": "run_start",
    "event": "descriptor",
    "event_page": "descriptor",
    "stream_datum": "descriptor",
    "datum": "resource",
    "datum_page": "resource",
}
_OWNERS = ("descriptor", "resource", "stream_resource")


class Journal:
    """Writes the documents of all runs, one file per run; any number of threads may call `write`.

    Args:
        layout: of the store.
        on_stop: called with the run's uid when its stop document is safe, on the writing thread.
    """

    def __init__(self, layout: Layout, on_stop: Callable[[str], None]) -> None:
        self._layout, self._on_stop = layout, on_stop
        self._lock = threading.Lock()
        self._files: dict[str, _RunFile] = {}
        self._owners: dict[str, _RunFile] = {}
        self._dirty, self._closed = threading.Event(), threading.Event()
        self._flusher: threading.Thread | None = None

    def write(self, name: str, document: Document) -> None:
        """Append a document to its run's file.

        Raises:
            StoreError: it cannot be written, or its run is not open.
        """
        if self._closed.is_set():
            raise StoreError(f"{self._layout.directory}: the store is closed; a {name} document came")
        if name in ("start", "stop") and not isinstance(document.get("time"), int | float):
            raise StoreError(f"journal: the {name} document {document.get('uid')} has time={document.get('time')!r}")
        try:
            line = encode(name, document)
        except (TypeError, ValueError) as error:
            raise StoreError(
                f"journal: the {name} document {document.get('uid')} cannot be written: {error}"
            ) from error
        if name == "start":
            self._begin(document, line)
            return
        file = self._file_of(name, document)
        file.append(name, line)
        if name in _OWNERS:
            with self._lock:
                self._owners[document["uid"]] = file
        if name == "stop":
            self._forget(file)
            self._on_stop(file.uid)
        elif file.dirty and not self._dirty.is_set():
            self._wake_flusher()

    def close(self) -> None:
        """Close all files; a run without a stop document is recovered when the store is next opened."""
        self._closed.set()
        self._dirty.set()
        if self._flusher is not None:
            self._flusher.join()
        with self._lock:
            files = list(self._files.values())
        for file in files:
            file.close()

    def _begin(self, start: Document, line: bytes) -> None:
        uid = str(start.get("uid"))
        try:
            if str(uuid.UUID(uid)) != uid:
                raise ValueError("badly written")
        except ValueError as error:
            raise StoreError(f"start document: uid={uid!r} is no UUID") from error
        file = _RunFile(uid, self._layout.journal_of(uid))
        try:
            file.append("start", line)
        except StoreError:
            file.close()
            file.path.unlink()
            raise
        with self._lock:
            self._files[uid] = file

    def _file_of(self, name: str, document: Document) -> _RunFile:
        key = _OWNER_KEY.get(name)
        if key is None:
            raise StoreError(f"journal: {name!r} is no kind of document; known: start, {', '.join(_OWNER_KEY)}")
        owner = document.get(key)
        table = self._files if key == "run_start" else self._owners
        file = table.get(str(owner))
        if file is None:
            raise StoreError(f"journal: a {name} document came for {key}={owner!r}, which no open run has")
        return file

    def _forget(self, file: _RunFile) -> None:
        with self._lock:
            del self._files[file.uid]
            self._owners = {uid: owner for uid, owner in self._owners.items() if owner is not file}

    def _wake_flusher(self) -> None:
        with self._lock:
            if self._flusher is None:
                self._flusher = RealClock().spawn(self._flush, "store-flusher")
        self._dirty.set()

    def _flush(self) -> None:
        while not self._closed.is_set():
            self._dirty.wait()
            self._closed.wait(SYNC_INTERVAL_S)
            self._dirty.clear()
            with self._lock:
                files = list(self._files.values())
            for file in files:
                file.flush()


class _RunFile:
    """The open journal file of one run; its lock is held for a write and a sync, never for anything else."""

    def __init__(self, uid: str, path: Path) -> None:
        self.uid, self.path = uid, path
        self.dirty = False
        self._lock = threading.Lock()
        self._clock = RealClock()
        self._size, self._synced = 0, 0.0
        self._late_failure: OSError | None = None
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise StoreError(f"{path} cannot be created: {error.strerror}") from error

    def append(self, name: str, line: bytes) -> None:
        """Write one line and sync it when it is due.

        Raises:
            StoreError: the run is closed, or the file cannot be written; nothing of the line stays in it.
        """
        with self._lock:
            if self._fd < 0:
                raise StoreError(f"journal: a {name} document came for run {self.uid}, which is closed")
            try:
                self._raise_late_failure()
                self._write(line)
                if name in ("start", "stop") or self._clock.monotonic() - self._synced >= SYNC_INTERVAL_S:
                    self._sync()
                else:
                    self.dirty = True
                if name == "start":
                    _sync_directory(self.path.parent)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, self._size)
                raise StoreError(f"{self.path} cannot be written: {error.strerror or error}") from error
            self._size += len(line)
            if name == "stop":
                self._close()

    def flush(self) -> None:
        """Sync what was written since the last sync; a failure is raised by the next `append`."""
        with self._lock:
            if self.dirty and self._fd >= 0:
                try:
                    self._sync()
                except OSError as error:
                    self.dirty, self._late_failure = False, error

    def close(self) -> None:
        """Sync and close the file."""
        self.flush()
        with self._lock:
            if self._fd >= 0:
                self._close()

    def _write(self, line: bytes) -> None:
        n_written = os.write(self._fd, line)
        while n_written < len(line):  # the disk is filling up: the next call says so
            n_written += os.write(self._fd, line[n_written:])

    def _sync(self) -> None:
        os.fsync(self._fd)
        self._synced, self.dirty = self._clock.monotonic(), False

    def _raise_late_failure(self) -> None:
        failure, self._late_failure = self._late_failure, None
        if failure is not None:
            raise failure

    def _close(self) -> None:
        os.close(self._fd)
        self._fd = -1


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
