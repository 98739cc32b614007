"""A folder that is given away, or a zip file of one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder_of(out: Path) -> Iterator[Path]:
    """Give a new, empty folder to fill; at the end it is `out`, or packed in it where the name ends in ``.zip``."""
    if out.suffix != ".zip":
        out.mkdir()
        yield out
        return
    with tempfile.TemporaryDirectory(dir=out.parent) as parent:
        folder = Path(parent) / "content"
        folder.mkdir()
        yield folder
        shutil.make_archive(str(out.with_suffix("")), "zip", folder)
