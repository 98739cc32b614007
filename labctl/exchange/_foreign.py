"""What another laboratory recorded, as far as its file says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from labctl.records import Value


@dataclass(frozen=True)
class DataSet:
    """Numbers or text in a foreign file."""

    unit: str
    values: NDArray[Any]
    """In `unit`; of any shape, its axes as in the file."""


@dataclass(frozen=True)
class ForeignFile:
    """A file that belongs to a foreign record."""

    name: str
    """As the record calls it: a path with ``/``."""
    path: Path
    """Where it lies now."""
    media_type: str = ""
    note: str = ""


@dataclass(frozen=True)
class ForeignOperation:
    """Something that was done to a sample elsewhere. Text is empty where the file says nothing."""

    identifier: str
    name: str
    begin: str = ""
    """ISO 8601."""
    end: str = ""
    """ISO 8601."""
    status: str = ""
    instruments: tuple[str, ...] = ()
    person: str = ""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """What was asked."""
    conditions: Mapping[str, Value] = field(default_factory=dict)
    """What was read while it was done."""
    results: Mapping[str, Value] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    """Names of the files it used or made."""
    data: Mapping[str, DataSet] = field(default_factory=dict)


@dataclass(frozen=True)
class ForeignRecord:
    """What a file from elsewhere says. Text is empty where it says nothing."""

    format: str
    title: str
    identifier: str = ""
    samples: tuple[str, ...] = ()
    """As they are called there."""
    owner: str = ""
    licence: str = ""
    """As given there; not always an SPDX identifier."""
    access: str = ""
    operations: tuple[ForeignOperation, ...] = ()
    files: tuple[ForeignFile, ...] = ()
