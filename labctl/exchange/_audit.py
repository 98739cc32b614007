"""Who was given what: one line for each export that was granted or refused, never changed afterwards."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from labctl.errors import StoreError

AUDIT = "audit.jsonl"
"""In the store's folder."""


@dataclass(frozen=True)
class AuditEntry:
    """One export, granted or refused."""

    time: float
    """[s since 1970-01-01 UTC]."""
    by: str
    """Who gave it away."""
    role: str
    """For whom: ``public``, ``consortium`` or ``owner``."""
    what: str
    """Sample or campaign."""
    format: str
    out: str
    verdict: str
    """``granted`` or ``refused``."""
    reasons: tuple[str, ...]
    """Why it was refused."""
    samples: tuple[str, ...]
    n_runs: int
    policies: tuple[dict[str, Any], ...]
    """Different policies that held for its parts."""


def append_entry(directory: Path, entry: AuditEntry) -> None:
    """Write an entry; it is on the disk when this returns. Several processes may write.

    Raises:
        StoreError: it cannot be written; then nothing may leave.
    """
    path = directory / AUDIT
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            torn = (size := os.fstat(fd).st_size) > 0 and os.pread(fd, 1, size - 1) != b"\n"
            line = (b"\n" if torn else b"") + orjson.dumps(asdict(entry)) + b"\n"
            if os.write(fd, line) != len(line):
                raise StoreError(f"{path} cannot be written: the disk is full")
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise StoreError(f"{path} cannot be written, so nothing is given away: {error.strerror}") from error


def audit_entries(directory: Path) -> Sequence[AuditEntry]:
    """Return every export from a store, the first one first; a line that a crash tore is left out.

    Raises:
        StoreError: the file cannot be read.
    """
    path = directory / AUDIT
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    return [entry for line in lines if (entry := _entry(line)) is not None]


def _entry(line: bytes) -> AuditEntry | None:
    try:
        content = json.loads(line)
        lists = {name: tuple(content[name]) for name in ("reasons", "samples", "policies")}
        return AuditEntry(**{**content, **lists})
    except (ValueError, TypeError, KeyError):
        return None
