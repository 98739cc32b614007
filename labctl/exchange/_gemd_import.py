"""GEMD JSON from elsewhere: what its runs say, as far as they say it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labctl.errors import FileError, Problem
from labctl.exchange._foreign import ForeignOperation, ForeignRecord
from labctl.exchange._gemd_values import read_values

SCOPE = "labctl"
"""Of the ids that labctl gives."""
_RUNS = ("process_run", "measurement_run")
_STATUS = {"success": "Completed", "fail": "Failed", "abort": "Failed", "running": ""}

Entity = Mapping[str, Any]


def read(path: Path) -> ForeignRecord:
    """Return what a GEMD JSON file says.

    Raises:
        FileError: it is none, or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(str(path), [Problem("", f"cannot be read: {error}")]) from error
    context = content.get("context") if isinstance(content, dict) else None
    if not isinstance(context, list) or not all(isinstance(entity, dict) for entity in context):
        raise FileError(str(path), [Problem("", "has no context; it is no GEMD JSON")])
    entities = {(scope, uid): entity for entity in context for scope, uid in _uids(entity)}
    operations = [_operation(entity, entities) for entity in context if entity.get("type") in _RUNS]
    operations = [operation for operation in operations if operation.identifier]
    told = [tag for entity in context for tag in _tags(entity)]
    samples = [str(entity.get("name", "")) for entity in context if entity.get("type") == "material_run"]
    return ForeignRecord(
        format="gemd",
        title=path.stem,
        samples=tuple(dict.fromkeys(filter(None, samples))),
        owner=", ".join(dict.fromkeys(text for key, text in told if key == "owner")),
        licence=" AND ".join(dict.fromkeys(text for key, text in told if key == "licence")),
        access=", ".join(dict.fromkeys(text for key, text in told if key == "access")),
        operations=tuple(operations),
    )


def _operation(run: Entity, entities: Mapping[tuple[str, str], Entity]) -> ForeignOperation:
    tags, source = dict(_tags(run)), run.get("source")
    by = source if isinstance(source, dict) else {}
    spec = _linked(run.get("spec"), entities)
    asked = {**dict(read_values(spec.get("parameters"))), **dict(read_values(run.get("parameters")))}
    return ForeignOperation(
        identifier=tags.get("run") or next((uid for scope, uid in _uids(run) if scope != SCOPE), ""),
        name=str(run.get("name", "")),
        begin=tags.get("begin") or str(by.get("performed_date") or ""),
        end=tags.get("end", ""),
        status=_STATUS.get(tags.get("status", ""), ""),
        instruments=tuple(text for key, text in _tags(run) if key == "device"),
        person=str(by.get("performed_by") or ""),
        parameters=asked,
        conditions=dict(read_values(run.get("conditions"))),
        results=dict(read_values(run.get("properties"))),
    )


def _linked(link: Any, entities: Mapping[tuple[str, str], Entity]) -> Entity:
    if not isinstance(link, dict):
        return {}
    return entities.get((str(link.get("scope")), str(link.get("id"))), {})


def _uids(entity: Entity) -> Iterator[tuple[str, str]]:
    uids = entity.get("uids")
    for scope, uid in uids.items() if isinstance(uids, dict) else ():
        yield str(scope), str(uid)


def _tags(entity: Entity) -> Iterator[tuple[str, str]]:
    tags = entity.get("tags")
    for tag in tags if isinstance(tags, list) else []:
        key, between, text = str(tag).partition("::")
        if between:
            yield key, text
