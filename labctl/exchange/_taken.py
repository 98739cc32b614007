"""What was taken in from elsewhere: files under their checksum, and one line for each record, never changed."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from labctl.errors import StoreError
from labctl.exchange._foreign import ForeignOperation, ForeignRecord
from labctl.metadata import AccessPolicy
from labctl.records import Value

TAKEN = "taken.jsonl"
"""In the store's folder."""
ATTACHMENTS = "attachments"
"""Folder in the store's: files under their SHA-256."""


@dataclass(frozen=True)
class TakenFile:
    """A file that belongs to a record that was taken in."""

    name: str
    checksum: str
    """SHA-256 of the content, hexadecimal."""
    media_type: str
    path: Path
    """In the store."""


@dataclass(frozen=True)
class TakenRecord:
    """A record from elsewhere that was tied to a sample."""

    time: float
    """When it was taken in [s since 1970-01-01 UTC]."""
    by: str
    sample: str
    """Here."""
    source: str
    """Path it came from."""
    record: ForeignRecord
    """Without its arrays and files: the files are in `files`."""
    policy: AccessPolicy
    files: tuple[TakenFile, ...]


def keep(directory: Path, taken: TakenRecord) -> TakenRecord:
    """Copy the files of a record into a store, write the record down, and return it with its files.

    Args:
        directory: of the store.
        taken: without files; those of its `record` are copied.

    Raises:
        StoreError: it cannot be written.
    """
    path = directory / TAKEN
    try:
        (directory / ATTACHMENTS).mkdir(exist_ok=True)
        files = tuple(_copy(directory, file.path, file.name, file.media_type) for file in taken.record.files)
        kept = dataclasses.replace(taken, record=_without_arrays(taken.record), files=files)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.write(fd, orjson.dumps(_plain(kept)) + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise StoreError(f"{error.filename or path} cannot be written: {error.strerror}") from error
    return kept


def taken_records(directory: Path, sample: str | None = None) -> list[TakenRecord]:
    """Return what was taken in, the first one first; a line that a crash tore is left out.

    Args:
        directory: of the store.
        sample: only what was tied to it.

    Raises:
        StoreError: the file cannot be read.
    """
    path = directory / TAKEN
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    found = [taken for line in lines for taken in _read(directory, line)]
    return [taken for taken in found if sample in (None, taken.sample)]


def check_file(path: Path, checksum: str, name: str) -> None:
    """Make sure that a kept file is what it was.

    Raises:
        StoreError: it is gone or was changed.
    """
    if not path.is_file():
        raise StoreError(f"attachment {name}: {path} is gone")
    if checksum_of(path) != checksum:
        raise StoreError(f"attachment {name}: {path} was changed: its SHA-256 is not {checksum[:12]}...")


def checksum_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(directory: Path, source: Path, name: str, media_type: str) -> TakenFile:
    checksum = checksum_of(source)
    path = directory / ATTACHMENTS / checksum
    if not path.exists():
        part = path.with_name(f".part-{os.getpid()}-{checksum}")
        shutil.copyfile(source, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    return TakenFile(name, checksum, media_type, path)


def _without_arrays(record: ForeignRecord) -> ForeignRecord:
    operations = tuple(dataclasses.replace(operation, data={}) for operation in record.operations)
    return dataclasses.replace(record, operations=operations, files=())


def _plain(taken: TakenRecord) -> dict[str, Any]:
    files = [{"name": f.name, "checksum": f.checksum, "media_type": f.media_type} for f in taken.files]
    about = {name: getattr(taken, name) for name in ("time", "by", "sample", "source")}
    return {**about, "record": dataclasses.asdict(taken.record), "policy": taken.policy.model_dump(), "files": files}


def _read(directory: Path, line: bytes) -> Iterator[TakenRecord]:
    try:
        content = json.loads(line)
        about = content["record"]
        lists = {"samples": tuple(about["samples"]), "operations": tuple(map(_operation, about["operations"]))}
        record = ForeignRecord(**{**about, **lists, "files": ()})
        files = tuple(
            TakenFile(**entry, path=directory / ATTACHMENTS / entry["checksum"]) for entry in content["files"]
        )
        policy = AccessPolicy.model_validate(content["policy"])
        yield TakenRecord(**{**content, "record": record, "policy": policy, "files": files})
    except (ValueError, TypeError, KeyError):
        return


def _operation(content: Mapping[str, Any]) -> ForeignOperation:
    values = {
        name: {key: Value(**value) for key, value in content[name].items()}
        for name in ("parameters", "conditions", "results")
    }
    lists = {name: tuple(content[name]) for name in ("instruments", "files")}
    return ForeignOperation(**{**content, **values, **lists})
