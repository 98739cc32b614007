"""A file of lines that several processes append to, each line on the disk before anything is done because of it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labctl.errors import StoreError


class Lines:
    """JSON lines; `read` gives those that came since the last call, whoever wrote them.

    Args:
        path: of the file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._offset, self._number = path, 0, 0

    def read(self) -> list[Mapping[str, Any]]:
        """Return the lines that came since the last call; one that is not whole yet comes later.

        Raises:
            StoreError: the file cannot be read, or a line is no JSON.
        """
        try:
            if self._size() == self._offset:
                return []
            with self.path.open("rb") as file:
                return self._read(file.fileno())
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}") from error

    @contextmanager
    def turn(self) -> Iterator[list[Mapping[str, Any]]]:
        """Keep other writers away while the body runs; give the lines that came since the last call.

        Raises:
            StoreError: the file cannot be opened or read.
        """
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield self._read(file)
        finally:
            os.close(file)

    def append(self, line: Mapping[str, Any]) -> None:
        """Write a line and sync it; to be called in one's turn, after what came before was read.

        Raises:
            StoreError: it cannot be written; nothing of it stays in the file.
        """
        data = json.dumps(line, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        try:
            file = os.open(self.path, os.O_RDWR)
            try:
                os.ftruncate(file, self._offset)  # a writer that died in the middle of a line left part of it
                written = 0
                while written < len(data):
                    written += os.pwrite(file, data[written:], self._offset + written)
                os.fsync(file)
            except OSError:
                os.ftruncate(file, self._offset)
                raise
            finally:
                os.close(file)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}") from error
        self._offset, self._number = self._offset + len(data), self._number + 1

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _read(self, file: int) -> list[Mapping[str, Any]]:
        size = os.fstat(file).st_size
        if size < self._offset:
            raise StoreError(f"{self.path} is shorter than it was: somebody cut it")
        data = os.pread(file, size - self._offset, self._offset)
        whole = data[: data.rfind(b"\n") + 1]
        lines = []
        for number, text in enumerate(whole.splitlines(), self._number + 1):
            try:
                lines.append(json.loads(text))
            except ValueError as error:
                raise StoreError(f"{self.path}: line {number} is no JSON: {error}") from error
        self._offset, self._number = self._offset + len(whole), self._number + len(lines)
        return lines
