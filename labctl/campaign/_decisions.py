"""What a campaign decided, in order, so that it goes on after its process died."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labctl.errors import StoreError

FILE = "decisions.jsonl"
STARTED, SUGGESTED, APPROVED, REFUSED = "started", "suggested", "approved", "refused"
FORETOLD = "foretold"
LOADED, HANDLED, ASIDE, HELD, RELEASED = "loaded", "handled", "set aside", "held", "released"
RETIRED, EXTENDED = "retired", "extended"
PAUSED, RESUMED, ENDED, CLOSED = "paused", "resumed", "ended", "closed"
_OF_STATIONS = (HELD, RELEASED, RETIRED, EXTENDED)
"""What is written into all campaigns of a laboratory, also into those that ended."""


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
            kind: `STARTED` (``earlier``: points of other campaigns that the optimizer begins with; ``policy``),
                `SUGGESTED` (``point``, ``sample``, ``asks``: why a person has to approve it; ``by`` and ``reason`` of a
                person who suggested it), `APPROVED` (``trial``, ``by``, ``reason``), `REFUSED` (the same, ``time``, and
                ``places`` of samples to which nothing was done, by name), `FORETOLD` (``gain`` that is left after
                ``trial``), `LOADED` (``station``, ``samples``), `HANDLED` (an operation that failed: ``run``,
                ``station``, ``samples``, ``reason``, ``verdict``), `ASIDE` (``sample``, ``reason``), `HELD`, `RETIRED`
                or `RELEASED` (``station``, ``reason``), `EXTENDED` (``stations``, ``reason``), `PAUSED` or `RESUMED`
                (``reason``), `ENDED` (``trial``, ``reason``) or `CLOSED` (``reason``).
            about: what was decided, ready for JSON.

        Raises:
            StoreError: it cannot be written.
        """
        line = json.dumps({"decision": kind, **about}, sort_keys=True).encode() + b"\n"
        try:
            is_new = not self._path.exists()
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                _write_whole(file, line)
                os.fsync(file)
            finally:
                os.close(file)
            if is_new:
                _sync_folder(self._path.parent)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror}") from error

    def cut_torn_tail(self) -> None:
        """Cut off a decision that was not written to its end; nothing was done because of it."""
        if self._path.exists():
            whole, end, torn = self._path.read_bytes().rpartition(b"\n")
            if torn:
                os.truncate(self._path, len(whole) + len(end))

    def read(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the decisions that were written to their end.

        Raises:
            StoreError: a line is no decision.
        """
        if not self._path.exists():
            return
        whole = self._path.read_bytes().rpartition(b"\n")[0]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                entry = json.loads(line)
                yield entry.pop("decision"), entry
            except (ValueError, KeyError, AttributeError) as error:
                raise StoreError(f"{self._path}: line {number} is no decision: {error!r}") from error


def _write_whole(file: int, line: bytes) -> None:
    """Write a line, or nothing: a disk that fills up takes a part of it without an error."""
    end, n_written = os.fstat(file).st_size, 0
    try:
        while n_written < len(line):
            n_written += os.write(file, line[n_written:])
    except OSError:
        os.ftruncate(file, end)
        raise


def _sync_folder(folder: Path) -> None:
    """Have the names of a folder's files on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def is_closed(directory: Path) -> bool | None:
    """Return whether the campaign in a store's folder ended, or None where none began.

    Raises:
        StoreError: a line is no decision.
    """
    kinds = [kind for kind, _ in Decisions(directory).read()]
    own = [kind for kind in kinds if kind not in _OF_STATIONS]
    return own[-1:] == [CLOSED] if kinds else None
