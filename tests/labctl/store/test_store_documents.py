"""Lines of a journal: exact both ways, and never more than what is whole."""

from __future__ import annotations

import json
import math
import uuid
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from labctl.store._documents import decode, encode, read_documents, start_and_stop
from labctl.store._recovery import RECOVERED, recover

NUMBERS = st.integers() | st.floats() | st.booleans() | st.none()
TEXT = st.text(st.characters(codec=None))
VALUES = st.recursive(
    NUMBERS | TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
UID = "c0ffee00-0000-4000-8000-000000000000"
LINES = [
    encode("start", {"uid": UID, "time": 5.0}),
    encode("descriptor", {"uid": "d", "name": "primary", "time": 6.0}),
    encode("event", {"descriptor": "d", "seq_num": 1, "time": 7.0, "data": {"x": 1}}),
    encode("event", {"descriptor": "d", "seq_num": 2, "time": 9.0, "data": {"x": math.nan}}),
]


def exactly(value: Any) -> str:
    """Tell 1 from 1.0, 0.0 from -0.0 and from False."""
    return json.dumps(value, sort_keys=True)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
@example({"seed": 2**64, "limit": -math.inf, "text": "null", "\ud800": "lone surrogate", "zero": -0.0})
@example({"digits": "12345678901234567890", "float": 1e300, "int": -(2**63)})
def test_a_document_comes_back_exactly(document: dict[str, Any]) -> None:
    item = decode(encode("event", document))
    assert item is not None
    assert item[0] == "event"
    assert exactly(item[1]) == exactly(document)


@given(st.binary())
@example(b"[" * 100_000 + b"\n")
@example(b"\x00" * 64 + b"\n")
@example(b'["event", [1]]\n')
@example(b'{"event": {}}\n')
def test_garbage_is_no_document(line: bytes) -> None:
    assert decode(line) is None


def journal(directory: Path, tail: bytes, n_lines: int) -> Path:
    path = directory / f"{UID}.jsonl"
    path.write_bytes(b"".join(LINES[:n_lines]) + tail)
    return path


@given(tail=st.binary(max_size=80), n_lines=st.integers(1, 4), n_torn=st.integers(0, 30))
@example(tail=b"\x00" * 70 + b"\n" + LINES[3], n_lines=3, n_torn=0)
def test_a_torn_tail_costs_nothing_that_was_whole(
    tmp_path_factory: Any, tail: bytes, n_lines: int, n_torn: int
) -> None:
    torn = LINES[3][:n_torn] + tail
    path = journal(tmp_path_factory.mktemp("torn"), torn, n_lines)
    whole = list(read_documents(path))
    assert [exactly(document) for _, document in whole] == [exactly(json.loads(line)[1]) for line in LINES[:n_lines]]
    recover(path)
    documents = list(read_documents(path))
    assert exactly(documents[:n_lines]) == exactly(whole)
    stop = documents[-1][1]
    n_events = max(0, n_lines - 2)
    assert stop["num_events"] == ({} if n_lines == 1 else {"primary": n_events})
    assert (stop["time"], stop["reason"]) == ([5.0, 6.0, 7.0, 9.0][n_lines - 1], RECOVERED)
    once = path.read_bytes()
    recover(path)
    assert path.read_bytes() == once
    kept = path.with_suffix(".torn")
    assert (kept.read_bytes() if kept.exists() else b"") == (torn if b"\n" in torn else b"")
    assert start_and_stop(path)[1] == stop


def test_reading_a_run_in_progress_ends_though_the_writer_goes_on(tmp_path: Path) -> None:
    path = journal(tmp_path, b"", 4)
    documents = read_documents(path)
    with path.open("ab", buffering=0) as writer:
        n_read = 0
        for _ in documents:
            n_read += 1
            writer.write(LINES[2] * 4000)
    assert n_read == 4


def test_the_stop_document_of_recovery_is_always_the_same(tmp_path: Path) -> None:
    stops = []
    for directory in (tmp_path / "a", tmp_path / "b"):
        directory.mkdir()
        path = journal(directory, b'["event", {"torn', 4)
        recover(path)
        stops.append(start_and_stop(path)[1])
    assert stops[0] == stops[1]
    assert stops[0] is not None
    assert stops[0]["uid"] == str(uuid.uuid5(uuid.UUID(UID), "recovered"))
    assert stops[0]["run_start"] == UID


def test_a_file_that_never_had_a_start_document_is_removed(tmp_path: Path) -> None:
    path = journal(tmp_path, b'["start", {"uid"', 0)
    recover(path)
    assert not path.exists()


def test_first_and_last_lines_are_found_in_a_long_file(tmp_path: Path) -> None:
    stop = encode("stop", {"uid": "s", "note": "x" * 300_000})
    path = tmp_path / "long.jsonl"
    path.write_bytes(LINES[0] + LINES[2] * 5000 + stop + b'["torn')
    start, found = start_and_stop(path)
    assert start == {"uid": UID, "time": 5.0}
    assert found is not None
    assert len(found["note"]) == 300_000
