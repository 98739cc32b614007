"""A recorded run: documents gathered into arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import StoreError
from labctl.store._documents import Document, read_documents

_EXTERNAL = ("resource", "datum", "datum_page", "stream_resource", "stream_datum")
_EXACT = 2**53
_EMPTY: dict[str, Any] = {"number": np.float64, "integer": np.int64, "boolean": np.bool_}


@dataclass(frozen=True)
class Stream:
    """The events of one stream, in the order they were recorded."""

    name: str
    descriptors: tuple[Mapping[str, Any], ...]
    """More than one when a device was configured anew during the run."""
    seq_nums: NDArray[np.int64]
    """(n,) Numbers of the events."""
    times: NDArray[np.float64]
    """(n,) Times of the events [s since 1970-01-01 UTC]."""
    columns: Mapping[str, NDArray[Any]]
    """(n, ...) Values by data key, in `units`. Text is an object array; arrays of changing length end in NaN."""
    timestamps: Mapping[str, NDArray[np.float64]]
    """(n,) When each value was read [s since 1970-01-01 UTC], by data key."""

    @property
    def description(self) -> Mapping[str, Mapping[str, Any]]:
        """What the descriptor says of each data key."""
        keys: Mapping[str, Mapping[str, Any]] = self.descriptors[0]["data_keys"]
        return keys

    @property
    def units(self) -> Mapping[str, str]:
        """Unit of each data key that has one."""
        return {key: str(entry["units"]) for key, entry in self.description.items() if entry.get("units")}

    @property
    def configuration(self) -> Mapping[str, Mapping[str, Any]]:
        """Configuration of each device when the stream began: values by key."""
        entries = self.descriptors[0].get("configuration", {})
        return {device: dict(entry.get("data", {})) for device, entry in entries.items()}


@dataclass(frozen=True)
class RecordedRun:
    """One run as it was recorded."""

    uid: str
    start: Mapping[str, Any]
    stop: Mapping[str, Any] | None
    """None while the run goes on."""
    streams: Mapping[str, Stream]
    has_external_files: bool = False
    """Whether documents refer to files that a detector wrote by itself; the arrays in them are not in `streams`."""
    _journal: Path | None = field(default=None, repr=False, compare=False)

    def documents(self) -> Iterator[tuple[str, Document]]:
        """Yield every document as it was journaled.

        Raises:
            StoreError: the journal file is gone.
        """
        if self._journal is None or not self._journal.exists():
            raise StoreError(f"run {self.uid}: the journal file is gone; the documents cannot be given again")
        return read_documents(self._journal)


class _Rows:
    """The events of a stream while they are gathered."""

    def __init__(self) -> None:
        self.descriptors: list[Document] = []
        self.seq_nums: list[int] = []
        self.times: list[float] = []
        self.data: dict[str, list[Any]] = {}
        self.timestamps: dict[str, list[Any]] = {}

    def add_page(self, page: Document) -> None:
        n_before = len(self.times)
        self.seq_nums += page["seq_num"]
        self.times += page["time"]
        for table, new in ((self.data, page["data"]), (self.timestamps, page["timestamps"])):
            for key, values in new.items():
                column = table.setdefault(key, [])
                column += [None] * (n_before - len(column))
                column += values

    def add(self, event: Document) -> None:
        n_before = len(self.times)
        self.seq_nums.append(event["seq_num"])
        self.times.append(event["time"])
        for table, new in ((self.data, event["data"]), (self.timestamps, event["timestamps"])):
            for key, value in new.items():
                column = table.setdefault(key, [])
                if len(column) < n_before:
                    column += [None] * (n_before - len(column))
                column.append(value)

    def stream(self, name: str) -> Stream:
        keys, n_rows = self.descriptors[0]["data_keys"], len(self.times)
        names = [key for key in keys if key in self.data or (n_rows == 0 and "external" not in keys[key])]
        names += [key for key in self.data if key not in keys]
        for table in (self.data, self.timestamps):
            for key in names:
                column = table.setdefault(key, [])
                column += [None] * (n_rows - len(column))
        return Stream(
            name,
            tuple(self.descriptors),
            np.array(self.seq_nums, np.int64),
            np.array(self.times, np.float64),
            {key: make_column(self.data[key], keys.get(key, {})) for key in names},
            {key: np.array(self.timestamps[key], np.float64) for key in names},
        )


def gather(documents: Iterable[tuple[str, Document]], journal: Path | None = None) -> RecordedRun:
    """Return the run that documents make.

    Raises:
        StoreError: they do not begin with a start document, or one is malformed.
    """
    start: Document | None = None
    stop: Document | None = None
    streams: dict[str, _Rows] = {}
    rows_of: dict[str, _Rows] = {}
    external = False
    try:
        for name, document in documents:
            if name == "event":
                rows_of[document["descriptor"]].add(document)
            elif name == "event_page":
                rows_of[document["descriptor"]].add_page(document)
            elif name == "descriptor":
                rows = rows_of[document["uid"]] = streams.setdefault(document["name"], _Rows())
                rows.descriptors.append(document)
                external = external or any("external" in key for key in document["data_keys"].values())
            elif name == "start":
                start = document
            elif name == "stop":
                stop = document
            else:
                external = external or name in _EXTERNAL
        if start is None:
            raise StoreError(f"{journal or 'the documents'}: there is no start document")
        made = {name: rows.stream(name) for name, rows in streams.items()}
        return RecordedRun(start["uid"], start, stop, made, external, journal)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StoreError(f"{journal or 'the documents'}: a document is malformed: {error!r}") from error


def make_column(values: list[Any], description: Mapping[str, Any]) -> NDArray[Any]:
    """Return values of one data key as an array of the narrowest kind that holds all of them exactly.

    Args:
        values: numbers, truth values, text, nested lists, or None for a value that was not recorded.
        description: the data key's entry in the descriptor; its dtype decides only where the values leave a choice.
    """
    declared = description.get("dtype")
    kinds = set(map(type, values))
    if not kinds:
        return np.array([], _EMPTY.get(str(declared), object))
    if kinds == {list}:
        array = _array(values, description.get("dtype_numpy"))
        if array is not None:
            return array
    elif kinds == {bool}:
        return np.array(values, np.bool_)
    elif kinds == {int} and declared != "number":
        if all(-(2**63) <= value < 2**63 for value in values):
            return np.array(values, np.int64)
    elif (
        kinds <= {float, int, type(None)}
        and (kinds != {type(None)} or declared in _EMPTY)
        and (int not in kinds or all(abs(value) <= _EXACT for value in values if type(value) is int))
    ):
        return np.array(values, np.float64)
    column = np.empty(len(values), object)
    column[:] = values
    return column


def _array(rows: list[Any], dtype_numpy: Any) -> NDArray[Any] | None:
    """Return (n, ...) or None where numpy cannot hold the values without changing them."""
    try:
        array = np.array(rows)
    except ValueError:  # of changing length
        longest = max(map(len, rows))
        try:
            array = np.array([row + [np.nan] * (longest - len(row)) for row in rows], np.float64)
        except (ValueError, TypeError):
            return None
    if array.dtype.kind not in "bifuU" or array.size == 0:
        return None
    if array.dtype.kind == "U":
        return array if array.tolist() == rows else None
    try:
        wanted = np.dtype(dtype_numpy) if isinstance(dtype_numpy, str) else array.dtype
    except TypeError:
        return array
    if wanted != array.dtype and wanted.kind in ("f" if array.dtype.kind == "f" else "iuf"):
        with np.errstate(all="ignore"):
            narrow = array.astype(wanted)
        if np.array_equal(narrow, array, equal_nan=narrow.dtype.kind == "f"):
            return narrow
    return array
