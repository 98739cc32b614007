"""A research object in a zip file, unpacked where it cannot do harm."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labctl.errors import FileError, Problem

LARGEST = 50_000_000_000
"""Unpacked [bytes]; a zip file that says more is refused."""


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give a folder: the path itself, or that of a zip file's content until the end of the block.

    Raises:
        FileError: the zip file is damaged, too large, or names places outside itself.
    """
    if path.suffix.lower() != ".zip" or path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        _extract(path, Path(folder))
        inside = list(Path(folder).iterdir())
        lone = len(inside) == 1 and inside[0].is_dir()  # some tools put everything in one folder
        yield inside[0] if lone else Path(folder)


def _extract(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > LARGEST:
                raise FileError(
                    str(path), [Problem("", f"unpacks to {size / 1e9:.0f} GB; the most is {LARGEST / 1e9:g}")]
                )
            for name in archive.namelist():
                if not (folder / name).resolve().is_relative_to(folder.resolve()):
                    raise FileError(str(path), [Problem("", f"names a place outside itself: {name!r}")])
            archive.extractall(folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise FileError(str(path), [Problem("", f"is no zip file that can be read: {error}")]) from error
