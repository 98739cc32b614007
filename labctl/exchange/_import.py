"""Taking records in: from another laboratory into a sample's papers, or from labctl's own crate into a store."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Literal

from labctl.errors import FileError, Problem, StoreError
from labctl.exchange._export import user
from labctl.exchange._foreign import ForeignFile, ForeignRecord
from labctl.exchange._formats import format_for, load, missing
from labctl.exchange._rocrate_import import documents_of
from labctl.exchange._taken import TakenRecord, keep
from labctl.exchange._unpack import unpacked
from labctl.metadata import AccessPolicy
from labctl.records import SampleRegistry
from labctl.store import Store

Access = Literal["open", "consortium", "closed"]


def take_in(path: Path, directory: Path, sample: str = "", *, access: Access = "closed", by: str = "") -> TakenRecord:
    """Tie a record from elsewhere to a sample: keep its files, and write down what was done to it there.

    Args:
        path: RO-Crate (folder or zip file) or another file that `FORMATS` can read.
        directory: of the store.
        sample: here; where it is omitted, the record must name just one sample that is known here.
        access: who may have the record and its files from here.
        by: who takes it in; the user of the operating system when omitted.

    Raises:
        FileError: it cannot be read, or names no sample that is known here.
        RegistryError: the sample is unknown, or the store cannot be written.
        LabError: a library is missing.
    """
    with SampleRegistry(directory, by or user()) as registry:
        if sample:
            registry.sample(sample)  # unknown ones are told before anything is read
        with unpacked(path) as place:
            record = read_record(place, path)
            policy = AccessPolicy(owner=record.owner, access=access, licence=_spdx(record.licence))
            here = sample or _only_sample(path, record, registry)
            return keep(registry, TakenRecord(here, str(path.absolute()), record, policy, {}))


def read_record(place: Path, path: Path) -> ForeignRecord:
    """Return what a file or folder says, with itself among its files.

    Args:
        place: where it lies, unpacked.
        path: what it was before it was unpacked.

    Raises:
        FileError: it cannot be read.
        LabError: a library is missing.
    """
    chosen = format_for(path)
    try:
        record: ForeignRecord = load(chosen).read(place)
    except ModuleNotFoundError as error:
        raise missing(chosen.name, error) from error
    if place.is_dir():
        return record
    return dataclasses.replace(record, files=(ForeignFile(path.name, place), *record.files))


def make_store(path: Path, folder: Path) -> int:
    """Make a store of the runs whose documents lie in a crate, and return how many they are.

    Args:
        path: RO-Crate that labctl made, a folder or zip file.
        folder: of the new store, which must not exist.

    Raises:
        FileError: `folder` exists, or the crate has no documents or damaged ones.
        StoreError: it cannot be written.
    """
    if folder.exists():
        raise FileError(str(folder), [Problem("", "exists already; nothing is overwritten")])
    format_for(path)
    with unpacked(path) as place:
        files, lab = documents_of(place)
        if not files:
            raise FileError(str(path), [Problem("", "has no documents of runs; tie it to a sample instead")])
        try:
            with Store.open(folder, name=lab or "imported") as store:
                for file, documents in files:
                    try:
                        for name, document in documents:
                            store.journal(name, document)
                    except (StoreError, KeyError, TypeError) as error:
                        raise FileError(str(path), [Problem(file, f"is damaged: {error}")]) from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return len(files)


def _only_sample(path: Path, record: ForeignRecord, registry: SampleRegistry) -> str:
    known = {entry.name for entry in registry.samples()}
    here = [name for name in record.samples if name in known]
    if len(here) == 1:
        return here[0]
    named = ", ".join(record.samples[:10]) or "no sample"
    raise FileError(str(path), [Problem("", f"names {named}; say with --sample which one here it is")])


def _spdx(licence: str) -> str:
    """Return a licence where it is an SPDX expression, or an empty text."""
    try:
        return AccessPolicy(licence=licence).licence
    except ValueError:
        return ""
