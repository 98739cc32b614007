"""The formats that records are given in, each in a module of its own.

A module has ``write(dossier: Dossier, out: Path) -> Path``, which makes a file or folder that does not exist yet and
returns it, and, where the format can be taken in, ``read(path: Path) -> ForeignRecord``.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labctl.errors import FileError, LabError, Problem
from labctl.files import nearest


@dataclass(frozen=True)
class Format:
    """One way to give records away."""

    name: str
    module: str
    purpose: str
    makes: str
    """``folder`` or ``file``."""
    suffixes: tuple[str, ...] = ()
    """Of the files that can also be taken in; empty where none can."""


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Format("rocrate", "labctl.exchange._rocrate", "research objects (RO-Crate 1.1)", "folder", ("", ".zip")),
            Format("gemd", "labctl.exchange._gemd", "asked and as run, apart (GEMD JSON)", "file", (".json",)),
            Format(
                "nexus",
                "labctl.exchange._nexus",
                "what large facilities use (NeXus, HDF5)",
                "file",
                (".nxs", ".nexus", ".h5", ".hdf5", ".hdf"),
            ),
            Format("rde", "labctl.exchange._rde", "NIMS Research Data Express (RDE), structured", "folder"),
            Format("csv", "labctl.exchange._csv", "tables with a line of units (CSV)", "folder"),
            Format("parquet", "labctl.exchange._parquet", "tables with units in their schema (Parquet)", "folder"),
            Format("datacite", "labctl.exchange._datacite", "a DOI's metadata (DataCite 4.5)", "file"),
        )
    }
)
"""By the name that ``--to`` takes."""


def format_of(name: str) -> Format:
    """Return a format by its name.

    Raises:
        FileError: there is none of this name.
    """
    if name not in FORMATS:
        raise FileError("--to", [Problem("", f"unknown format {name!r}{nearest(name, tuple(FORMATS))}")])
    return FORMATS[name]


def format_for(path: Path) -> Format:
    """Return the format of a file or folder from elsewhere, by how its name ends.

    Raises:
        FileError: it does not exist, or no format ends so.
    """
    if not path.exists():
        raise FileError(str(path), [Problem("", "no such file or folder")])
    suffix = "" if path.is_dir() else path.suffix.lower() or "without an ending"
    for entry in FORMATS.values():
        if suffix in entry.suffixes:
            return entry
    known = ", ".join(ending for entry in FORMATS.values() for ending in entry.suffixes if ending)
    raise FileError(str(path), [Problem("", f"cannot be taken in; known: a folder (RO-Crate), {known}")])


def load(chosen: Format) -> Any:  # a module; typing has no protocol with an optional `read`
    """Return the module of a format.

    Raises:
        LabError: a library that it needs is not installed.
    """
    try:
        return importlib.import_module(chosen.module)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("labctl"):
            raise
        raise missing(chosen.name, error) from error


def missing(name: str, error: ModuleNotFoundError) -> LabError:
    """Return the error that says how to install what a format needs."""
    package = str(error.name).partition(".")[0]
    return LabError(f"{name} needs the package {package}, which is not installed: pip install 'labctl[exchange]'")
