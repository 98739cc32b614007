"""A NeXus file from elsewhere: what its entries and the histories of its samples say, as far as they say it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from labctl.errors import FileError, Problem
from labctl.exchange._foreign import DataSet, ForeignOperation, ForeignRecord
from labctl.exchange._hdf5 import Reader, attribute, text
from labctl.exchange._nexus_values import KEY, UNIT
from labctl.records import Value

_STATUS = {"success": "Completed", "fail": "Failed", "abort": "Failed"}
_HEADER = ("title", "description", "start_time", "end_time", "name", "role")
_IDENTIFIERS = ("entry_identifier_uuid", "entry_identifier", "experiment_identifier", "collection_identifier")
_OF_PROCESSES = {"program", "version", "date", "sequence_index"}
_WORK = {"NXinstrument", "NXdata", "NXprocess", "NXmonitor", "NXdetector"}
"""Groups that show that an entry tells of something that was done."""
_NO_INSTRUMENT = {"", "NXcollection", "NXnote", "NXdata", "NXlog", "NXparameters"}
_BROKEN = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError, RecursionError)
"""What h5py raises for a damaged file."""


def read(path: Path) -> ForeignRecord:
    """Return what a NeXus file says; nothing outside the file is read.

    Raises:
        FileError: it is none, or damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            return _record(path, Reader(file))
    except _BROKEN as error:
        raise FileError(str(path), [Problem("", f"cannot be read as NeXus: {' '.join(str(error).split())}")]) from error


class _Told:
    """What a group and everything in it tell of one operation."""

    def __init__(self, reader: Reader) -> None:
        self.header: dict[str, str] = {}
        self.values: dict[str, dict[str, Value]] = {"parameters": {}, "conditions": {}, "results": {}}
        self.data: dict[str, DataSet] = {}
        self.instruments: list[str] = []
        self.persons: list[tuple[str, str]] = []
        self.kinds: set[str] = set()
        """Classes of the groups directly in it."""
        self._reader, self._seen = reader, set[Any]()

    def take(self, root: h5py.Group) -> None:
        """Read a group."""
        self.header |= _header(self._reader, root)
        self._walk(root, (), "conditions")

    def operation(self, name: str) -> ForeignOperation:
        told, status = self.header, self.values["conditions"].get("run.status", Value("")).value
        operators = [person for person, role in self.persons if role == "operator"]
        persons = operators or [person for person, role in self.persons if role != "owner"]
        return ForeignOperation(
            identifier=told.get("identifier", name),
            name=told.get("title") or told.get("description") or name,
            begin=told.get("start_time", ""),
            end=told.get("end_time", ""),
            status=_STATUS.get(str(status), ""),
            instruments=tuple(self.instruments),
            person=", ".join(filter(None, persons)),
            files=tuple(self._reader.outside),
            data=self.data,
            **self.values,
        )

    def _walk(self, group: h5py.Group, path: tuple[str, ...], part: str) -> None:
        members = [(name, item, _class(item)) for name, item in self._reader.members(group)]
        is_log = {"time", "value"} <= {name for name, _, _ in members}
        for name, item, kind in sorted(members, key=lambda member: member[2] == "NXdata"):  # it holds links only
            is_link = name.endswith("_set") and bool(attribute(item, "target"))  # it is read where it stands
            if is_link or item.id in self._seen:  # h5py compares what stands in the file, not the ways to it
                continue
            self._seen.add(item.id)
            key = attribute(item, KEY) or name
            if isinstance(item, h5py.Dataset):
                if path or not (name in _HEADER or _is_identifier(name)):
                    self._take(item, path if is_log and name == "value" else (*path, key), part, is_log)
                continue
            if not path:
                self.kinds.add(kind)
            self._group(item, kind, (*path, key), part)

    def _group(self, group: h5py.Group, kind: str, path: tuple[str, ...], part: str) -> None:
        match kind:
            case "NXuser":
                person = _header(self._reader, group)
                self.persons.append((person.get("name", ""), person.get("role", "")))
            case "NXhistory" | "NXnote":
                pass
            case "NXparameters":
                self._walk(group, ("",), "parameters")
            case "NXprocess":
                self._walk(group, ("",), "results")
                for name in _OF_PROCESSES & set(self.values["results"]):
                    del self.values["results"][name]
            case _:
                if kind == "NXinstrument":
                    self.instruments += _instruments(self._reader, group)
                is_result = path == ("result",)  # as our histories have it
                self._walk(
                    group, path if part == "conditions" and not is_result else ("",), "results" if is_result else part
                )

    def _take(self, dataset: h5py.Dataset, path: tuple[str, ...], part: str, is_log: bool) -> None:
        value, unit = self._reader.value(dataset), attribute(dataset, UNIT) or attribute(dataset, "units")
        name = ".".join(filter(None, path))
        if value is None:
            return
        if np.size(value) != 1 or (is_log and np.ndim(value)):
            self.data[name] = DataSet(unit, np.asarray(value))
        else:
            one = value.flat[0] if isinstance(value, np.ndarray) else value
            self.values[part][name] = Value(one.item() if isinstance(one, np.generic) else one, unit)


def _record(path: Path, reader: Reader) -> ForeignRecord:
    entries = [(name, item) for name, item in reader.members(reader.file) if _class(item) == "NXentry"]
    if not entries:
        raise ValueError("it has no NXentry")
    samples = list({sample.id: sample for _, entry in entries for sample in _samples(reader, entry)}.values())
    activities = {told.header["identifier"]: told for sample in samples for told in _activities(reader, sample)}
    operations, owners = [], dict[str, None]()
    for name, entry in entries:
        reader.outside.clear()
        told = activities.pop(_header(reader, entry).get("identifier", ""), None) or _Told(reader)
        told.take(entry)
        owners |= dict.fromkeys(person for person, role in told.persons if role == "owner" and person)
        if told.kinds & _WORK:
            operations.append(told.operation(name))
    reader.outside.clear()
    operations += [told.operation(identifier) for identifier, told in activities.items()]
    whole = _header(reader, entries[0][1])
    return ForeignRecord(
        format="nexus",
        title=whole.get("title") or path.stem,
        identifier=whole.get("identifier", ""),
        samples=tuple(dict.fromkeys(_header(reader, sample).get("name") or _name(sample) for sample in samples)),
        owner=", ".join(owners),
        operations=tuple(sorted(operations, key=lambda operation: operation.begin)),
        licence=_policy(reader, entries[0][1], "licence"),
        access=_policy(reader, entries[0][1], "access"),
    )


def _header(reader: Reader, group: h5py.Group) -> dict[str, str]:
    """Return what a group says of itself, with ``identifier``, the first there is."""
    names = list(group)
    identifiers = [name for name in (*_IDENTIFIERS, *names) if name in names and _is_identifier(name)]
    found = {name: reader.member(group, name) for name in (*_HEADER, *identifiers[:1]) if name in names}
    told = {name: text(reader.value(item)) for name, item in found.items() if isinstance(item, h5py.Dataset)}
    identifier = told.get(identifiers[0], "") if identifiers else ""
    return {**told, "identifier": identifier} if identifier else told


def _samples(reader: Reader, entry: h5py.Group) -> list[h5py.Group]:
    return [item for _, item in reader.members(entry) if _class(item) == "NXsample"]


def _activities(reader: Reader, sample: h5py.Group) -> Iterator[_Told]:
    for _, history in reader.members(sample):
        for name, item in reader.members(history) if _class(history) == "NXhistory" else ():
            if _class(item) == "NXactivity":
                told = _Told(reader)
                told.take(item)
                told.header.setdefault("identifier", f"{_name(sample)}/{name}")
                yield told


def _instruments(reader: Reader, instrument: h5py.Group) -> Iterator[str]:
    """Yield the names of an instrument and of its components."""
    yield from filter(None, [_header(reader, instrument).get("name")])
    for name, item in reader.members(instrument):
        if isinstance(item, h5py.Group) and _class(item) not in _NO_INSTRUMENT:
            yield _header(reader, item).get("name") or attribute(item, KEY) or name


def _policy(reader: Reader, entry: h5py.Group, key: str) -> str:
    policy = reader.member(entry, "policy") if "policy" in entry else None
    found = reader.member(policy, key) if isinstance(policy, h5py.Group) and key in policy else None
    return text(reader.value(found)) if isinstance(found, h5py.Dataset) else ""


def _is_identifier(name: str) -> bool:
    return name in _IDENTIFIERS or name.startswith("identifier")


def _class(item: h5py.Group | h5py.Dataset) -> str:
    return attribute(item, "NX_class") if isinstance(item, h5py.Group) else ""


def _name(group: h5py.Group) -> str:
    return str(group.name).rpartition("/")[2]
