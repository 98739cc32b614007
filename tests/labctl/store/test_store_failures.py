"""Nothing that was journaled is lost: full disks, killed processes, failing catalogs."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labctl.errors import StoreError
from labctl.store import Store, verify

Documents = list[tuple[str, dict[str, Any]]]
MakeRun = Callable[..., Documents]
Record = Callable[[Store, Documents], str]

RUN = "c0ffee00-0000-4000-8000-000000000000"
ENDLESS = f"""
import sys, threading
from pathlib import Path
from labctl.store import Store
store = Store.open(Path(sys.argv[1]))
never = threading.Event()
store.journal("start", {{"uid": "{RUN}", "time": 1.0, "operation": "anneal"}})
keys = {{"x": {{"source": "", "dtype": "number", "shape": []}}}}
store.journal("descriptor", {{"uid": "d", "run_start": "{RUN}", "name": "primary", "time": 1.0, "data_keys": keys}})
n = 0
while True:
    n += 1
    event = {{"uid": str(n), "descriptor": "d", "seq_num": n, "time": 1.0 + n}}
    store.journal("event", {{**event, "data": {{"x": n / 2}}, "timestamps": {{"x": 1.0 + n}}}})
    if n == 100:
        print("busy", flush=True)
    if n >= 100:
        never.wait(0.001)
"""
FULL_DISK = """
import resource, sys
from pathlib import Path
from labctl.errors import StoreError
from labctl.store import Store
uid = "c0ffee00-0000-4000-8000-000000000000"
with Store.open(Path(sys.argv[1])) as store:
    store.drain(60)
    store.journal("start", {"uid": uid, "time": 1.0})
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    try:
        store.journal("descriptor", {"uid": "d", "run_start": uid, "name": "x" * 3000, "time": 2.0, "data_keys": {}})
    except StoreError as error:
        print(error)
    try:
        store.journal("event", {"uid": "e", "descriptor": "d"})
    except StoreError as error:
        print(error)
    stop = {"uid": "s", "run_start": uid, "time": 3.0, "exit_status": "fail", "reason": "disk full", "num_events": {}}
    store.journal("stop", stop)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def test_a_second_writer_is_refused_and_let_in_after_the_first(directory: Path) -> None:
    with (
        Store.open(directory),
        pytest.raises(StoreError, match=f"written to by process {os.getpid()}; a store has one"),
    ):
        Store.open(directory)
    Store.open(directory).close()


def test_a_killed_run_is_recovered_whole_and_catalogued(directory: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(directory)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "busy\n"
        reader = Store.read(directory)
        running = reader.run(RUN)
        assert running.stop is None
        assert len(running.streams["primary"].times) >= 100
        assert [run.status for run in reader.runs()] == ["running"]
        with pytest.raises(StoreError, match=f"by process {writer.pid};"):
            Store.open(directory)
        assert verify(directory).n_runs == 0
        writer.send_signal(signal.SIGKILL)
    report = verify(directory)
    assert report.problems == ()
    assert report.recovered == (RUN,)
    run = reader.run(RUN)
    assert run.stop is not None
    primary = run.streams["primary"]
    assert run.stop["num_events"] == {"primary": len(primary.times)}
    assert primary.columns["x"].tolist() == [n / 2 for n in range(1, len(primary.times) + 1)]
    assert (run.stop["exit_status"], run.stop["time"]) == ("fail", primary.times[-1])
    assert [summary.status for summary in reader.runs()] == ["fail"]
    assert verify(directory) == report


def test_a_full_disk_fails_clearly_and_the_stop_document_still_fits(directory: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(directory)], capture_output=True, text=True, check=True)
    full, unknown = done.stdout.splitlines()
    assert full == f"{directory}/journal/{RUN}.jsonl cannot be written: File too large"
    assert "descriptor='d', which no open run has" in unknown
    run = Store.read(directory).run(RUN)
    assert [name for name, _ in run.documents()] == ["start", "stop"]
    assert verify(directory).problems == ()


def test_a_start_document_that_cannot_be_written_leaves_nothing(store: Store, simple_run: MakeRun) -> None:
    journal = store.directory / "journal"
    moved = journal.rename(store.directory / "elsewhere")
    with pytest.raises(StoreError, match=r"jsonl cannot be created: No such file"):
        store.journal(*simple_run()[0])
    moved.rename(journal)
    assert store.runs() == []


def test_start_and_stop_are_on_disk_at_once_and_events_soon(
    store: Store, simple_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.drain(10)
    synced: list[str] = []
    came = threading.Event()
    fsync = os.fsync

    def watch(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        fsync(fd)
        came.set()

    monkeypatch.setattr(os, "fsync", watch)
    (name, start), descriptor, *events, stop = simple_run(50)
    path = f"{store.directory}/journal/{start['uid']}.jsonl"
    store.journal(name, start)
    assert synced == [path, f"{store.directory}/journal"]
    came.clear()
    for item in (descriptor, *events):
        store.journal(*item)
    assert len(synced) < 20
    assert came.wait(5)
    assert synced[2] == path
    n_synced = len(synced)
    store.journal(*stop)
    assert path in synced[n_synced:]


def test_a_failed_late_sync_fails_the_next_document_and_not_the_stop(
    store: Store, simple_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.drain(10)
    start, descriptor, first, second, _, stop = simple_run()
    store.journal(*start)
    fsync, failed = os.fsync, threading.Event()

    def fail(fd: int) -> None:
        failed.set()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    store.journal(*descriptor)
    assert failed.wait(5)
    monkeypatch.setattr(os, "fsync", fsync)
    assert store.directory.exists()
    with pytest.raises(StoreError, match="cannot be written: Input/output error"):
        store.journal(*first)
    store.journal(*second)
    store.journal(*stop)
    assert [name for name, _ in store.run(start[1]["uid"]).documents()] == ["start", "descriptor", "event", "stop"]


def test_a_catalog_of_another_schema_is_refused_and_the_journal_goes_on(
    directory: Path, record: Record, simple_run: MakeRun
) -> None:
    with sqlite3.connect(directory / "catalog" / "catalog.db") as db:
        db.execute("UPDATE alembic_version SET version_num = 'other'")
    db.close()
    with Store.open(directory) as store:
        uid = record(store, simple_run())
        assert not store.drain(10)
        assert "has schema other; this labctl writes tiled's schema" in store.problems[uid]
        assert store.run(uid).streams["primary"].columns["temperature"].tolist() == [20.0, 21.0, 22.0]
        assert [run.uid for run in store.runs()] == [uid]
    assert any(uid in problem for problem in verify(directory).problems)
    with sqlite3.connect(directory / "catalog" / "catalog.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '917dbbcfc4b1'")
    db.close()
    assert verify(directory).problems == ()


def test_a_lost_catalog_and_a_damaged_index_are_made_anew(directory: Path, record: Record, simple_run: MakeRun) -> None:
    with Store.open(directory) as store:
        uids = [record(store, simple_run(time=1000.0 * n)) for n in range(1, 4)]
    (directory / "catalog" / "catalog.db").unlink()
    (directory / "index.db").write_bytes(b"no database" * 1000)
    with Store.open(directory) as store:
        assert store.drain(60)
        assert [run.uid for run in store.runs()] == uids[::-1]
    assert verify(directory).problems == ()


def test_an_index_lost_alone_is_filled_without_touching_the_catalog(
    directory: Path, record: Record, simple_run: MakeRun
) -> None:
    with Store.open(directory) as store:
        uid = record(store, simple_run())
    (directory / "index.db").unlink()
    with Store.open(directory) as store:
        assert store.drain(10)
        assert [run.uid for run in store.runs(newest=1)] == [uid]
    assert verify(directory).problems == ()


def test_a_store_for_reading_writes_nothing(directory: Path, record: Record, simple_run: MakeRun) -> None:
    with Store.open(directory, name="thin_films") as store:
        uid = record(store, simple_run())
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    with Store.read(directory) as reader:
        assert reader.name == "thin_films"
        assert [run.uid for run in reader.runs(sample="S-1")] == [reader.run(uid).uid]
        with pytest.raises(StoreError, match="open for reading only; a start document"):
            reader.journal(*simple_run()[0])
        with pytest.raises(StoreError, match="its writer fills the catalog"):
            reader.drain(1)
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before


def test_what_a_power_cut_left_of_a_journal_does_not_stop_an_open(directory: Path, simple_run: MakeRun) -> None:
    torn, empty, foreign = (f"0000000{n}-0000-4000-8000-000000000000" for n in range(3))
    (name, start), *_ = simple_run()
    with Store.open(directory) as store:
        store.journal(name, {**start, "uid": torn})
    with (directory / "journal" / f"{torn}.jsonl").open("ab") as file:
        file.write(b'["descriptor", {"uid": "d"}]\n["event", {"descriptor": "d"}]\n\x00\x00["event", {"desc')
    (directory / "journal" / f"{empty}.jsonl").touch()
    (directory / "journal" / f"{foreign}.jsonl").write_bytes(b'{"no": "journal"}\n')
    with Store.open(directory) as store:
        assert [run.uid for run in store.runs()] == [torn]
        assert not store.drain(10)
        assert "a document is malformed: KeyError('name')" in store.problems[torn]
    assert sorted(path.name for path in (directory / "journal").iterdir()) == [f"{torn}.jsonl", f"{foreign}.torn"]


def test_a_directory_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is no store: store\.json is missing"):
        Store.read(tmp_path)
    with pytest.raises(StoreError, match="is no store"):
        verify(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written to"):
        Store.open(tmp_path / "file")
    with pytest.raises(StoreError, match="cannot address files"):
        Store.open(tmp_path / "lab#1")


def test_a_closed_store_takes_no_document_and_closes_again(directory: Path, simple_run: MakeRun) -> None:
    store = Store.open(directory)
    start, descriptor, *_ = simple_run()
    store.journal(*start)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="the store is closed; a descriptor document came"):
        store.journal(*descriptor)
    assert verify(directory).recovered == (start[1]["uid"],)


def test_a_store_on_a_read_only_disk_is_refused_and_can_be_read(
    directory: Path, record: Record, simple_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(directory) as store:
        uid = record(store, simple_run())
    opens = os.open

    def read_only(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return opens(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", read_only)  # whoever runs the tests as root may write anywhere
    with pytest.raises(StoreError, match="lock cannot be opened: Read-only file system"):
        Store.open(directory)
    with Store.read(directory) as reader:
        assert [run.uid for run in reader.runs()] == [uid]
        assert reader.run(uid).stop is not None


IMPORTS_AT_ONCE = """
import sys
from pathlib import Path
from labctl.store import Store
with Store.open(Path(sys.argv[1])) as store:
    import pint  # shares libraries with what the catalog's thread imports meanwhile
    pint.UnitRegistry()
    assert store.drain(60)
"""


def test_units_may_be_loaded_while_the_catalog_is_created(directory: Path) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS_AT_ONCE, str(directory)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
