"""Runs whose process died are closed from what their journal files hold."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from labctl.store._documents import Document, decode, encode, start_and_stop
from labctl.store._layout import Layout

RECOVERED = "process died; recovered from the journal"
"""The reason in the stop document of such a run."""


def close_unfinished(layout: Layout, uids: Iterable[str]) -> None:
    """Recover those of the runs that have no stop document; nothing may be writing to them."""
    for uid in uids:
        path = layout.journal_of(uid)
        if start_and_stop(path)[1] is None:
            recover(path)


def recovered_uid(run_uid: str) -> str:
    """Return the uid of the stop document that recovery writes for a run."""
    return str(uuid.uuid5(uuid.UUID(run_uid), "recovered"))


def recover(path: Path) -> None:
    """Close the journal file of a run whose process died: cut the torn tail, append a stop document.

    Doing it again changes nothing. A file without a start document was never acknowledged and is removed. What is
    cut is kept beside the file, as ``.torn``, when it is more than the last line.
    """
    documents, length = [], 0
    with path.open("rb") as file:
        for line in file:
            item = decode(line)
            if item is None:
                break
            documents.append(item)
            length += len(line)
            if item[0] == "stop":
                return
        file.seek(length)
        torn = file.read()
    if b"\n" in torn:
        path.with_suffix(".torn").write_bytes(torn)
    if not documents or documents[0][0] != "start":
        path.unlink()
        return
    with path.open("r+b") as file:
        file.truncate(length)
        file.seek(length)
        file.write(encode("stop", _recovered_stop(path.stem, documents)))
        file.flush()
        os.fsync(file.fileno())


def _recovered_stop(run_uid: str, documents: list[tuple[str, Document]]) -> Document:
    """Return a stop document; it must be had from any documents, also malformed ones."""
    last = 0.0
    streams: dict[str, str] = {}
    n_events: dict[str, int] = {}
    for name, document in documents:
        time = document.get("time")
        times = [entry for entry in (time if isinstance(time, list) else [time]) if isinstance(entry, float | int)]
        last = times[-1] if times else last
        if name == "descriptor":
            stream = streams[str(document.get("uid"))] = str(document.get("name"))
            n_events.setdefault(stream, 0)
        elif name in ("event", "event_page") and (stream := streams.get(str(document.get("descriptor")), "")):
            n_events[stream] += len(times)
    return {
        "uid": recovered_uid(run_uid),
        "run_start": run_uid,
        "time": last,
        "exit_status": "fail",
        "reason": RECOVERED,
        "num_events": n_events,
    }
