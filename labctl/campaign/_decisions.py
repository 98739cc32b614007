"""What a campaign decided, in order, so that it goes on after its process died."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labctl.errors import StoreError

FILE = "decisions.jsonl"
SUGGESTED, LOADED, ASIDE, ENDED, CLOSED = "suggested", "loaded", "set aside", "ended", "closed"


class Decisions:
    """A file of decisions; one is on the disk before anything is done because of it.

    What came of a decision is not here but in the runs: a trial that ended is read back from the store.

    Args:
        directory: of the store.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def write(self, kind: str, **about: Any) -> None:
        """Write a decision down.

        Args:
            kind: `SUGGESTED` (``point``, ``sample``), `LOADED` (``station``, ``samples``), `ASIDE` (``sample``,
                ``reason``), `ENDED` (``trial``, ``reason``) or `CLOSED` (``reason``).
            about: what was decided, ready for JSON.

        Raises:
            StoreError: it cannot be written.
        """
        line = json.dumps({"decision": kind, **about}, sort_keys=True) + "\n"
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(file, line.encode())
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from error

    def read(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the decisions, cutting one off that was not written to its end.

        Raises:
            StoreError: a line is no decision.
        """
        if not self._path.exists():
            return
        whole, _, torn = self._path.read_bytes().rpartition(b"\n")
        if torn:
            with self._path.open("r+b") as file:
                file.truncate(len(whole) + bool(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                entry = json.loads(line)
                yield entry.pop("decision"), entry
            except (ValueError, KeyError, AttributeError) as error:
                raise StoreError(f"{self._path}: line {number} is no decision: {error!r}") from error
