"""What people say of samples: one line for each thing said, never changed."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labctl.errors import StoreError

FILE = "registry.jsonl"


class Register:
    """A file to which entries are added; one is on the disk when `append` returns.

    Args:
        directory: of the store; it is made with the first entry.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else add an entry while the body looks and adds; processes take turns."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written to: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def append(self, time: float, by: str, act: str, **about: Any) -> None:
        """Add an entry; the caller holds the lock.

        Args:
            time: when it is said [s since 1970-01-01 UTC].
            by: who says it.
            act: what is said or done.
            about: the rest, ready for JSON.

        Raises:
            StoreError: it cannot be written.
        """
        entry = {"uid": str(uuid.uuid4()), "time": time, "by": by, "act": act, **about}
        line = json.dumps(entry, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        try:
            with self.path.open("r+b") as file:
                end = file.seek(0, os.SEEK_END)
                if end and self._is_torn(file, end):
                    file.truncate(self._whole(file))
                    file.seek(0, os.SEEK_END)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written to: {error.strerror}") from error

    @staticmethod
    def _is_torn(file: Any, end: int) -> bool:
        file.seek(end - 1)
        torn: bool = file.read(1) != b"\n"
        return torn

    @staticmethod
    def _whole(file: Any) -> int:
        file.seek(0)
        return len(file.read().rpartition(b"\n")[0]) + 1

    def read(self, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return the entries from a byte on, and where the next will begin; one not written to its end is left out.

        Raises:
            StoreError: a line is no entry.
        """
        if not self.path.exists():
            return [], 0
        with self.path.open("rb") as file:
            file.seek(offset)
            whole = file.read().rpartition(b"\n")[0]
        lines = whole.split(b"\n") if whole else []
        try:
            return [json.loads(line) for line in lines], offset + (len(whole) + 1 if lines else 0)
        except ValueError as error:
            raise StoreError(f"{self.path}: a line is no entry: {error}") from error
