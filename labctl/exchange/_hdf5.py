"""Reading HDF5 from strangers: only what lies in the file itself, and no more of it than memory can bear.

External links, virtual data sets and external storage would read any other file of this computer; their names are told
and they are left alone. Compound data, references and filters that are not here are left out too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

MOST_BYTES = 200_000_000
"""Of arrays that are read from one file; larger ones stay in the file."""
MOST_OBJECTS = 1_000_000
"""In one file; more are refused."""
_MOST_LINKS = 16


class Reader:
    """What is inside an open file."""

    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self.outside: dict[str, None] = {}
        """Files that it refers to, in order."""
        self._n_bytes = self._n_objects = 0

    def members(self, group: h5py.Group) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
        """Yield what is in a group, by name, in the order of the alphabet.

        Raises:
            ValueError: the file holds too much.
        """
        for name in sorted(group):
            found = self.member(group, name)
            if found is not None:
                yield name, found

    def member(self, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
        """Return what has a name in a group; None where it is not in the file, or no data.

        Raises:
            ValueError: the file holds too much.
        """
        self._n_objects += 1
        if self._n_objects > MOST_OBJECTS:
            raise ValueError(f"it holds more than {MOST_OBJECTS} objects")
        return self._member(group, name, 0)

    def value(self, dataset: h5py.Dataset) -> Any:  # numbers or text, of any shape
        """Return what a data set holds, text as `str`; None where it is not to be read."""
        is_text = h5py.check_string_dtype(dataset.dtype) is not None
        if dataset.shape is None or not (is_text or dataset.dtype.kind in "biuf") or not self._is_here(dataset):
            return None
        n_bytes = dataset.size * dataset.dtype.itemsize
        if self._n_bytes + n_bytes > MOST_BYTES:
            return None
        self._n_bytes += n_bytes
        return dataset.asstr("utf-8", "replace")[()] if is_text else dataset[()]

    def _member(self, group: h5py.Group, name: str, n_links: int) -> h5py.Group | h5py.Dataset | None:
        try:
            link = group.get(name, getlink=True)
        except TypeError:  # a kind of link that only the program that made it understands
            return None
        if isinstance(link, h5py.ExternalLink):
            self.outside[link.filename] = None
        elif isinstance(link, h5py.SoftLink):
            return self._linked(group, link.path, n_links + 1)
        elif link is not None:
            found = group[name]
            return found if isinstance(found, h5py.Group | h5py.Dataset) else None
        return None

    def _linked(self, group: h5py.Group, path: str, n_links: int) -> h5py.Group | h5py.Dataset | None:
        """Follow a soft link step by step, for there may be an external one on its way."""
        found: h5py.Group | h5py.Dataset | None = self.file["/"] if path.startswith("/") else group
        for name in filter(lambda part: part not in ("", "."), path.split("/")):
            if n_links > _MOST_LINKS or not isinstance(found, h5py.Group):
                return None
            found = self._member(found, name, n_links)
        return found

    def _is_here(self, dataset: h5py.Dataset) -> bool:
        if dataset.is_virtual:
            self.outside |= dict.fromkeys(s.file_name for s in dataset.virtual_sources() if s.file_name != ".")
            return False
        if dataset.external:
            self.outside |= dict.fromkeys(str(name) for name, _, _ in dataset.external)
            return False
        creation = dataset.id.get_create_plist()
        codes = [creation.get_filter(number)[0] for number in range(creation.get_nfilters())]
        return all(h5py.h5z.filter_avail(code) for code in codes)


def attribute(item: h5py.Group | h5py.Dataset, name: str) -> str:
    """Return an attribute as text; empty where it has none."""
    return text(item.attrs.get(name))


def text(value: Any) -> str:
    """Return a value as text: the first one of an array, as some programs write text; empty for None."""
    if isinstance(value, np.ndarray):
        value = value.flat[0] if value.size else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0")
    return "" if value is None or isinstance(value, h5py.Empty) else str(value)
