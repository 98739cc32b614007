"""Checks that the catalog holds what was journaled."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from labctl.errors import StoreError
from labctl.store._catalog import Catalog
from labctl.store._documents import Document, read_documents
from labctl.store._index import Index
from labctl.store._layout import Layout, StoreBusy
from labctl.store._metadata import clip, run_metadata, stream_metadata
from labctl.store._recovery import recovered_uid
from labctl.store._run import RecordedRun, Stream, gather
from labctl.store._store import Store


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` found."""

    n_runs: int
    """Finished runs in the journal that were compared."""
    n_documents: int
    """Their documents."""
    recovered: tuple[str, ...]
    """Runs whose process had died, with a stop document written by recovery."""
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def verify(directory: Path) -> VerifyReport:
    """Compare every journaled document with the catalog.

    Unless another process writes to the store, unfinished runs are first closed and the catalog is caught up; else
    only what the catalog has been given by now is compared.

    Raises:
        StoreError: the directory is no store.
    """
    layout = Layout(Path(directory).absolute())
    name = layout.read_name()
    try:
        with Store.open(layout.directory, name=name) as store:
            store.drain(threading.TIMEOUT_MAX)
            known, unlisted = store.problems, layout.journaled() - Index(layout.index).uids()
    except StoreBusy:
        known, unlisted = Index(layout.index).problems(), set()
    problems = [f"{subject}: {text}" for subject, text in known.items()]
    problems += [f"run {uid}: there is no start document" for uid in sorted(unlisted - set(known))]
    catalog = Catalog(layout.catalog)
    problems += _catalog_problems(catalog)
    n_documents, recovered = 0, []
    runs = sorted(layout.journaled() & Index(layout.index).uids() - set(known))
    for uid in runs:
        path = layout.journal_of(uid)
        documents = list(read_documents(path))
        n_documents += len(documents)
        if not documents or documents[-1][0] != "stop":
            problems.append(f"run {uid}: {path} is damaged after {len(documents)} documents")
            continue
        if documents[-1][1].get("uid") == recovered_uid(uid):
            recovered.append(uid)
        try:
            problems += [f"run {uid}: {text}" for text in _differences(documents, catalog.load(uid))]
        except StoreError as error:
            problems.append(f"run {uid}: {error}")
    return VerifyReport(len(runs), n_documents, tuple(recovered), tuple(problems))


def _catalog_problems(catalog: Catalog) -> list[str]:
    try:
        strangers = [path for path in catalog.addresses() if not path.is_relative_to(catalog.data)]
    except StoreError as error:
        return [f"catalog: {error}"]
    return [f"the store was moved: {strangers[0]} is not in {catalog.data}; rebuild it"] if strangers else []


def _differences(documents: Sequence[tuple[str, Document]], held: RecordedRun | None) -> Iterator[str]:
    """Say what of a run's documents is not in the catalog as it was journaled."""
    if held is None:
        yield "is missing in the catalog; rebuild it"
        return
    run = gather(documents)
    for name, journaled in run_metadata(run)[0].items():
        if _as_json(clip(journaled)) != getattr(held, name):
            yield f"its {name} document differs in the catalog"
    if set(run.streams) != set(held.streams):
        yield f"has streams {sorted(run.streams)}; the catalog has {sorted(held.streams)}"
        return
    from event_model import unpack_event_page

    names = {document["uid"]: document["name"] for name, document in documents if name == "descriptor"}
    events: dict[str, list[Document]] = {name: [] for name in run.streams}
    for name, document in documents:
        if name == "event":
            events[names[document["descriptor"]]].append(document)
        elif name == "event_page":
            events[names[document["descriptor"]]].extend(unpack_event_page(document))
    for name, stream in run.streams.items():
        for text in _stream_differences(stream, events[name], held.streams[name]):
            yield f"stream {name}: {text}"


def _stream_differences(stream: Stream, events: Sequence[Document], held: Stream) -> Iterator[str]:
    expected, found = _as_json(clip(stream_metadata(stream))), {**held.descriptors[0]}
    if list(expected.pop("data_keys").values()) != list(found.pop("data_keys").values()):
        yield "the data keys differ in the catalog"
    del found["name"]
    if expected != found:
        yield "the descriptor differs in the catalog"
    if len(events) != len(held.times):
        yield f"has {len(events)} events; the catalog has {len(held.times)}"
        return
    if [event["time"] for event in events] != held.times.tolist():
        yield "the times of the events differ in the catalog"
    if [event["seq_num"] for event in events] != held.seq_nums.tolist():
        yield "the numbers of the events differ in the catalog"
    for kind, columns in (("data", held.columns), ("timestamps", held.timestamps)):
        for key in {key: None for event in events for key in event[kind]}:
            values = columns[key].tolist() if key in columns else []
            if len(values) != len(events):
                yield f"{kind} of {key} are missing in the catalog"
                continue
            wrong = [n for n, event in enumerate(events) if not _same(event[kind].get(key), values[n])]
            if wrong:
                yield f"{kind} of {key} differ in {len(wrong)} of {len(events)} events, first in event {wrong[0] + 1}"


def _same(journaled: Any, held: Any) -> bool:  # any JSON value, and what the catalog has for it
    if isinstance(journaled, list) and isinstance(held, list):
        n = len(journaled)  # rows of changing length are padded with NaN
        return n <= len(held) and all(map(_same, journaled, held)) and all(value != value for value in held[n:])
    if isinstance(held, str) and not isinstance(journaled, str):
        return held == json.dumps(journaled)  # a column of mixed kinds is kept as text
    if journaled is None:
        return held is None or bool(held != held)
    if isinstance(journaled, float):
        if journaled != journaled:
            return bool(held != held)
        return bool(journaled == held) and math.copysign(1, journaled) == math.copysign(1, held)
    return bool(journaled == held)


def _as_json(value: Any) -> Any:  # any JSON value
    return orjson.loads(orjson.dumps(value))
