"""A research object from elsewhere: what its actions and files say, as far as they say it.

Nothing is fetched, and nothing outside the crate's folder is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from labctl.errors import FileError, Problem
from labctl.exchange._foreign import ForeignFile, ForeignOperation, ForeignRecord
from labctl.records import Value

DOCUMENTS = "bluesky documents"
"""What a file of a run's documents is, in its ``additionalType``."""
_DESCRIPTORS = ("ro-crate-metadata.json", "ro-crate-metadata.jsonld")
_ACTIONS = ("CreateAction", "UpdateAction", "ActivateAction")
_FILES = {"File", "MediaObject", "Dataset"}
_THINGS = {"IndividualProduct", "Product", "BioSample", "Sample", "Thing"}
_LARGEST_METADATA = 500_000_000

Entity = Mapping[str, Any]


def read(path: Path) -> ForeignRecord:
    """Return what a crate's folder says.

    Raises:
        FileError: it is no crate, or damaged.
    """
    descriptor, content = _metadata(path)
    graph = content.get("@graph")
    if not isinstance(graph, list):
        raise FileError(str(path / descriptor), [Problem("", "has no @graph; it is no RO-Crate")])
    crate = _Reader({str(entity["@id"]): entity for entity in graph if isinstance(entity, dict) and "@id" in entity})
    about = crate.entities.get(descriptor, {}).get("about")
    root = crate.linked(about if about is not None else {"@id": "./"})
    if not root:
        raise FileError(str(path / descriptor), [Problem("", "describes no root data set; it is no RO-Crate")])
    operations = [crate.operation(entity) for entity in crate.of_types(_ACTIONS)]
    return ForeignRecord(
        format="rocrate",
        title=crate.text(root[0].get("name")) or path.name,
        identifier=crate.text(root[0].get("identifier")),
        samples=tuple(dict.fromkeys(crate.samples())),
        owner=crate.text(root[0].get("copyrightHolder") or root[0].get("author") or root[0].get("creator")),
        licence=crate.licence(root[0]),
        access=crate.text(root[0].get("conditionsOfAccess")),
        operations=tuple(sorted(operations, key=lambda operation: operation.begin)),
        files=tuple(crate.files(path)),
    )


def documents_of(path: Path) -> tuple[list[tuple[str, list[tuple[str, dict[str, Any]]]]], str]:
    """Return the documents of the runs in a crate that labctl made, in the order of time, and the lab's name.

    Returns:
        For each run the name of its file and its documents, each with its kind; none for a crate from elsewhere.

    Raises:
        FileError: it is no crate, or a file of documents is damaged.
    """
    runs = []
    for file in read(path).files:
        if file.note == DOCUMENTS:
            try:
                items = [json.loads(line) for line in file.path.read_text(encoding="utf-8").splitlines()]
                documents = [(str(name), dict(document)) for name, document in items]
                begin = float(documents[0][1]["time"])
            except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
                raise FileError(str(path), [Problem(file.name, f"is damaged: {error!r}")]) from error
            runs.append((begin, file.name, documents))
    runs.sort(key=lambda run: run[:2])
    lab = next((str(documents[0][1].get("lab", "")) for _, _, documents in runs), "")
    return [(name, documents) for _, name, documents in runs], lab


def _metadata(path: Path) -> tuple[str, dict[str, Any]]:
    found = [name for name in _DESCRIPTORS if (path / name).is_file()]
    if not found:
        raise FileError(str(path), [Problem("", f"is no RO-Crate: {_DESCRIPTORS[0]} is missing")])
    file = path / found[0]
    try:
        if file.stat().st_size > _LARGEST_METADATA:
            raise FileError(str(file), [Problem("", f"is larger than {_LARGEST_METADATA // 10**6} MB")])
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(str(file), [Problem("", f"cannot be read: {error}")]) from error
    if not isinstance(content, dict):
        raise FileError(str(file), [Problem("", "is no JSON object; it is no RO-Crate")])
    return found[0], content


class _Reader:
    """The entities of a crate, by ``@id``. Whatever somebody wrote there is taken as it is, or left out."""

    def __init__(self, entities: Mapping[str, Entity]) -> None:
        self.entities = entities

    def of_types(self, types: Sequence[str]) -> list[Entity]:
        return [entity for entity in self.entities.values() if _types(entity) & set(types)]

    def linked(self, value: Any) -> list[Entity]:
        """Return the entities that a property refers to."""
        links = value if isinstance(value, list) else [value]
        identifiers = [str(link["@id"]) for link in links if isinstance(link, dict) and "@id" in link]
        return [self.entities[identifier] for identifier in identifiers if identifier in self.entities]

    def text(self, value: Any) -> str:
        """Return a property as text: its own, or the names of what it refers to."""
        values = value if isinstance(value, list) else [] if value is None else [value]
        return ", ".join(filter(None, map(self._one_text, values)))

    def _one_text(self, value: Any) -> str:
        if not isinstance(value, dict):
            return str(value)
        entity = self.entities.get(str(value.get("@id")), {})
        return str(entity.get("name") or value.get("@value") or value.get("@id") or "")

    def samples(self) -> Iterator[str]:
        """Yield the name of every thing that an action took or left, apart from files and values."""
        for action in self.of_types(_ACTIONS):
            for entity in (*self.linked(action.get("object")), *self.linked(action.get("result"))):
                if _types(entity) & _THINGS and not _types(entity) & _FILES:
                    whole = self.linked(entity.get("isVariantOf"))
                    yield self.text((whole[0] if whole else entity).get("name")) or str(entity["@id"])

    def licence(self, root: Entity) -> str:
        """Return the SPDX expression of a data set's licences, or its text where it has none."""
        value = root.get("license")
        links = value if isinstance(value, list) else [value]
        identifiers = [str(link.get("@id", "")) for link in links if isinstance(link, dict)]
        if identifiers and all("spdx.org/licenses/" in identifier for identifier in identifiers):
            names = [identifier.rpartition("/")[2].removesuffix(".html") for identifier in identifiers]
            return " AND ".join(names)
        return self.text(value)

    def operation(self, action: Entity) -> ForeignOperation:
        objects, results = self.linked(action.get("object")), self.linked(action.get("result"))
        files = [entity for entity in (*objects, *results) if _types(entity) & _FILES]
        status = str(action.get("actionStatus") or "")
        return ForeignOperation(
            identifier=str(action.get("identifier") or action["@id"]),
            name=self.text(action.get("name")),
            begin=self.text(action.get("startTime")),
            end=self.text(action.get("endTime")),
            status=status.rpartition("/")[2].removesuffix("ActionStatus"),
            instruments=tuple(str(entity.get("name") or entity["@id"]) for entity in self.instruments(action)),
            person=self.text(action.get("agent")),
            parameters=dict(self.values(objects)),
            results=dict(self.values(results)),
            files=tuple(str(entity["@id"]) for entity in files),
        )

    def instruments(self, action: Entity) -> list[Entity]:
        return self.linked(action.get("instrument"))

    def values(self, entities: Sequence[Entity]) -> Iterator[tuple[str, Value]]:
        for entity in entities:
            value = entity.get("value")
            if "PropertyValue" in _types(entity) and isinstance(value, str | int | float | bool):
                unit = self.text(entity.get("unitText") or entity.get("unitCode"))
                yield str(entity.get("name") or entity["@id"]), Value(value, unit)

    def files(self, folder: Path) -> Iterator[ForeignFile]:
        """Yield the files that lie in the crate; one on the web is none."""
        for entity in self.of_types(("File", "MediaObject")):
            name = unquote(str(entity["@id"]))
            path = _inside(folder, name)
            if path is not None:
                media_type = self.text(entity.get("encodingFormat"))
                yield ForeignFile(name, path, media_type, self.text(entity.get("additionalType")))


def _types(entity: Entity) -> set[str]:
    kind = entity.get("@type")
    return set(map(str, kind)) if isinstance(kind, list) else {str(kind)}


def _inside(folder: Path, name: str) -> Path | None:
    """Return where a file lies, or None where it lies not in the folder: on the web, missing, or somewhere else."""
    if "://" in name or PurePosixPath(name).is_absolute() or "\0" in name:
        return None
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
