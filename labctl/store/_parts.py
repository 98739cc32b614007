"""The files the catalog keeps values in: an Arrow table per stream, a .npy file per array-valued key."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from labctl.errors import StoreError
from labctl.store._metadata import RENAMED, stream_metadata, to_json
from labctl.store._run import Stream


@dataclass(frozen=True)
class Part:
    """One table or array of a stream, with the file it is in; metadata and structure as JSON."""

    key: str
    family: str
    metadata: str
    structure: str
    mimetype: str
    path: Path
    parameter: str
    num: int | None


def write_stream(stream: Stream, directory: Path, prefix: str) -> list[Part]:
    """Write the files of a stream, none for one without events.

    Raises:
        StoreError: a data key cannot be a column.
        OSError: a file cannot be written.
    """
    import pyarrow as pa
    from tiled.structures.array import ArrayStructure
    from tiled.structures.table import TableStructure

    if not len(stream.times):
        return []
    keys = stream_metadata(stream)["data_keys"]
    parts: list[Part] = []
    table = {"seq_num": pa.array(stream.seq_nums), "time": pa.array(stream.times)}
    taken = {*table, "internal"}
    for key, column in stream.columns.items():
        name = RENAMED.get(key, key)
        if name in taken or f"ts_{name}" in taken or name.startswith("_"):
            raise StoreError(f"the catalog cannot hold the key {key!r} of stream {stream.name!r}")
        taken |= {name, f"ts_{name}"}
        if column.ndim > 1:
            structure = ArrayStructure.from_array(column)
            structure.chunks = tuple((length,) for length in column.shape)  # what tiled's reader of .npy expects
            structure.dims = ("time", *(f"{name}_dim{axis}" for axis in range(1, column.ndim)))
            path = directory / f"{prefix}-{len(parts)}.npy"
            _save(path, partial(np.save, arr=column))
            metadata = {**keys.get(name, {}), "dtype_numpy": column.dtype.str}
            texts = to_json(metadata), to_json(asdict(structure))
            parts.append(Part(name, "array", *texts, "application/x-npy", path, "data_uri", None))
        else:
            table[name] = _arrow(column)
        table[f"ts_{name}"] = pa.array(stream.timestamps[key])
    whole = pa.table(table)

    def write(file: BinaryIO) -> None:
        with pa.ipc.new_file(file, whole.schema) as writer:
            writer.write_table(whole)

    path = directory / f"{prefix}.arrow"
    _save(path, write)
    metadata = {key: entry for key, entry in keys.items() if key in table}
    texts = to_json(metadata), to_json(asdict(TableStructure.from_schema(whole.schema)))
    return [*parts, Part("internal", "table", *texts, "application/vnd.apache.arrow.file", path, "data_uris", 0)]


def _arrow(column: NDArray[Any]) -> Any:  # an Arrow array
    import pyarrow as pa

    if column.dtype != object:
        return pa.array(column)
    texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in column]
    return pa.array(texts, pa.string())


def _save(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file so that it is whole whenever it has its name."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_table(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns of an Arrow file.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no Arrow file.
    """
    import pyarrow as pa

    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
        table = reader.read_all()
        return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
