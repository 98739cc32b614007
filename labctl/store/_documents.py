"""Documents as lines of text: one `[name, document]` per line, exact both ways."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import orjson

Document = dict[str, Any]  # event-model's documents are open mappings

_ENCODE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_LONG_NUMBER = re.compile(rb"\d{19}")
_BLOCK = 1 << 16


def encode(name: str, document: Mapping[str, Any]) -> bytes:
    """Return the line of a document.

    Raises:
        TypeError: the document holds a value that is no JSON.
        ValueError: it contains itself.
    """
    item = (name, document)
    try:
        line = orjson.dumps(item, default=plain, option=_ENCODE)
    except TypeError:  # perhaps only an integer beyond 64 bit or a key that is no text, which json accepts
        line = b"null"
    if b"null" in line:  # orjson writes NaN and the infinities as null, json by their names
        line = json.dumps(item, default=plain).encode() + b"\n"
    return line


def plain(value: Any) -> Any:
    """Return what JSON has for a value that it does not know.

    Raises:
        TypeError: it has nothing.
    """
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"a {type(value).__name__} cannot be recorded: {value!r}")


def decode(line: bytes) -> tuple[str, Document] | None:
    """Return the document of a line, or None for one that is torn or no document."""
    if not line.endswith(b"\n"):
        return None
    try:
        item = _loads(line)
    except (ValueError, RecursionError):
        return None
    match item:
        case [str(name), dict(document)]:
            return name, document
    return None


def _loads(line: bytes) -> Any:  # whatever the line holds
    if _LONG_NUMBER.search(line):  # orjson would read an integer beyond 64 bit as a float
        return json.loads(line.decode())
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:  # NaN and the infinities, or garbage
        return json.loads(line.decode())


def read_documents(path: Path) -> Iterator[tuple[str, Document]]:
    """Yield the documents of a journal file up to the first line that is not whole.

    Of a run in progress it yields what there was at the call: a fast writer could otherwise stay ahead for ever.
    """
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        for line in file:
            left -= len(line)
            item = decode(line)
            if item is None or left < 0:
                return
            yield item


def start_and_stop(path: Path) -> tuple[Document | None, Document | None]:
    """Return the start and stop documents of a journal file by its first and last whole lines."""
    with path.open("rb") as file:
        first, last = decode(file.readline()), decode(_last_line(file))
    start = first[1] if first is not None and first[0] == "start" else None
    return start, last[1] if last is not None and last[0] == "stop" else None


def _last_line(file: Any) -> bytes:  # a binary file; typing has no short name for it
    size, block = file.seek(0, os.SEEK_END), _BLOCK
    while True:
        start = max(0, size - block)
        file.seek(start)
        tail: bytes = file.read(size - start)
        end = tail.rfind(b"\n")
        begin = tail.rfind(b"\n", 0, max(end, 0))
        if begin >= 0 or start == 0:
            return tail[begin + 1 : end + 1]
        block *= 4
