"""Where everything of a store lies, and who may write to it."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from labctl.errors import StoreError


class StoreBusy(StoreError):  # noqa: N818  (reads as what is the matter)
    """Another writer holds the store."""


@dataclass(frozen=True)
class Layout:
    """The paths in a store's directory."""

    directory: Path

    @property
    def journal(self) -> Path:
        """One file per run: the truth."""
        return self.directory / "journal"

    @property
    def catalog(self) -> Path:
        """The tiled catalog, made from the journal."""
        return self.directory / "catalog"

    @property
    def index(self) -> Path:
        """Summaries of the finished runs, made from the journal."""
        return self.directory / "index.db"

    @property
    def wire(self) -> Path:
        """What was said on the wire when a run failed: one file for each such run."""
        return self.directory / "wire"

    @property
    def lock(self) -> Path:
        """Held by the one writer."""
        return self.directory / "lock"

    @property
    def about(self) -> Path:
        """Names the store."""
        return self.directory / "store.json"

    def journal_of(self, uid: str) -> Path:
        """Return the journal file of a run."""
        return self.journal / f"{uid}.jsonl"

    def journaled(self) -> set[str]:
        """Return the uids of all runs that have a journal file."""
        with os.scandir(self.journal) as entries:
            return {entry.name[:-6] for entry in entries if entry.name.endswith(".jsonl") and len(entry.name) == 42}

    def read_name(self) -> str:
        """Return the store's name.

        Raises:
            StoreError: the directory is no store.
        """
        try:
            return str(json.loads(self.about.read_text(encoding="utf-8"))["name"])
        except FileNotFoundError as error:
            raise StoreError(f"{self.directory} is no store: {self.about.name} is missing") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.directory} is no store: {self.about.name} cannot be read: {error}") from error

    def write_name(self, name: str) -> None:
        """Remember the store's name."""
        temporary = self.about.with_suffix(".tmp")
        temporary.write_text(json.dumps({"name": name, "format": 1}) + "\n", encoding="utf-8")
        temporary.replace(self.about)


class WriterLock:
    """The right to write to a store; the kernel takes it back when the process dies.

    Raises:
        StoreBusy: another writer holds it; with the process number.
        StoreError: the lock file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"{path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise StoreBusy(f"{path.parent} is being written to by process {holder}; a store has one writer") from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another writer in; releasing again does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
