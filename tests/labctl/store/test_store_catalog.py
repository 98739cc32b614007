"""The catalog is what was journaled, for every reader of databroker's and tiled's."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labctl.errors import StoreError
from labctl.store import Store, rebuild, register_profile, verify

Documents = list[tuple[str, dict[str, Any]]]
MakeRun = Callable[..., Documents]
MakeKey = Callable[..., dict[str, Any]]
Record = Callable[[Store, Documents], str]

FRESH_PROCESS = """
import sys, warnings
warnings.simplefilter("ignore")
import databroker
catalog = databroker.catalog["thin_films"]
run = catalog[-1]
print(run.start["campaign"], run.stop["exit_status"], run["primary"].read()["spectrum"].values.tolist())
print([name for name, _ in run.documents()])
header = databroker.Broker.named("thin_films")[-1]
print(header.table()["temperature"].tolist())
from tiled.client import from_profile
client = from_profile("thin_films")
print(client.v1[-1].table()["temperature"].tolist(), len(client), "sparse" in sys.modules)
"""


@pytest.fixture
def documents(make_run: MakeRun, key: MakeKey) -> Documents:
    keys = {"temperature": key("number", units="degC"), "spectrum": key("array", [2]), "state": key("string")}
    events = [{"temperature": 20.5 + n, "spectrum": [n / 2, 1.0], "state": "idle"} for n in range(3)]
    return make_run({"primary": (keys, events)}, {"scan_id": 7})


@pytest.fixture
def recorded(directory: Path, record: Record, documents: Documents) -> str:
    with Store.open(directory, name="thin_films") as store:
        return record(store, documents)


def change(directory: Path, statement: str, *values: str) -> None:
    db = sqlite3.connect(directory / "catalog" / "catalog.db")
    db.execute("PRAGMA foreign_keys = ON")
    assert db.execute(statement, values).rowcount == 1
    db.commit()
    db.close()


def test_verify_finds_a_run_that_is_missing(directory: Path, recorded: str) -> None:
    assert verify(directory).ok
    change(directory, "DELETE FROM nodes WHERE key = ?", recorded)
    assert verify(directory).problems == (f"run {recorded}: is missing in the catalog; rebuild it",)


def test_verify_finds_changed_metadata(directory: Path, recorded: str) -> None:
    change(
        directory, "UPDATE nodes SET metadata = json_set(metadata, '$.start.campaign', 'day') WHERE key = ?", recorded
    )
    assert verify(directory).problems == (f"run {recorded}: its start document differs in the catalog",)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("$.data_keys.temperature.units", "the data keys differ"),
        ("$.configuration.device.data.gain", "the descriptor differs"),
    ],
)
def test_verify_finds_a_changed_descriptor(directory: Path, recorded: str, path: str, text: str) -> None:
    change(directory, f"UPDATE nodes SET metadata = json_set(metadata, '{path}', 'K') WHERE key = ?", "primary")
    assert verify(directory).problems == (f"run {recorded}: stream primary: {text} in the catalog",)


def test_verify_finds_one_changed_value(directory: Path, recorded: str) -> None:
    path = directory / "catalog" / "data" / recorded / "s0-0.npy"
    array = np.load(path)
    array[1, 0] += 1e-15
    np.save(path, array)
    problem = (
        f"run {recorded}: stream primary: data of spectrum differ in 1 of 3 events, first in event 2 in the catalog"
    )
    assert verify(directory).problems == (problem.removesuffix(" in the catalog"),)


def test_verify_finds_a_damaged_file_and_rebuild_repairs_it(directory: Path, recorded: str) -> None:
    path = directory / "catalog" / "data" / recorded / "s0.arrow"
    path.write_bytes(path.read_bytes()[:-100])
    (problem,) = verify(directory).problems
    assert problem.startswith(f"run {recorded}: {path} cannot be read")
    assert rebuild(directory) == 1
    assert verify(directory).problems == ()
    assert [entry.name for entry in directory.glob("catalog*")] == ["catalog"]


def test_rebuild_brings_the_runs_into_the_order_of_time(directory: Path, record: Record, simple_run: MakeRun) -> None:
    with Store.open(directory) as store:
        uids = [record(store, simple_run(time=1000.0 * n)) for n in (20, *range(1, 20))]
    assert rebuild(directory) == 20
    db = sqlite3.connect(directory / "catalog" / "catalog.db")
    assert [row[0] for row in db.execute("SELECT key FROM nodes WHERE parent = 0 ORDER BY id")] == [*uids[1:], uids[0]]
    db.close()
    assert [run.uid for run in Store.read(directory).runs(newest=1)] == [uids[0]]


def test_a_journal_damaged_within_is_found_and_the_catalog_keeps_the_run(directory: Path, recorded: str) -> None:
    path = directory / "journal" / f"{recorded}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"\x00" * len(lines[3]), *lines[4:]]))
    assert verify(directory).problems == (f"run {recorded}: {path} is damaged after 3 documents",)
    assert rebuild(directory) == 1
    path.unlink()
    assert len(Store.read(directory).run(recorded).streams["primary"].times) == 3


def test_a_journal_damaged_before_it_was_catalogued_is_reported(
    directory: Path, recorded: str, documents: Documents
) -> None:
    path = directory / "journal" / f"{recorded}.jsonl"
    path.write_bytes(path.read_bytes().replace(b'["descriptor"', b'["descriptor', 1))
    shutil.rmtree(directory / "catalog")
    (problem,) = verify(directory).problems
    assert problem.startswith(f"{recorded}: StoreError: run {recorded} has no stop document that can be read")
    assert rebuild(directory) == 0
    assert [run.status for run in Store.read(directory).runs()] == ["success"]


def test_rebuild_replaces_a_catalog_that_cannot_be_read(directory: Path, recorded: str) -> None:
    (directory / "catalog" / "catalog.db").write_bytes(b"no database" * 1000)
    assert verify(directory).problems
    assert rebuild(directory) == 1
    assert verify(directory).problems == ()


def test_rebuild_is_refused_while_a_process_writes(store: Store) -> None:
    with pytest.raises(StoreError, match="a store has one writer"):
        rebuild(store.directory)


def test_a_moved_store_is_noticed_and_repaired(
    directory: Path, recorded: str, record: Record, simple_run: MakeRun
) -> None:
    with Store.open(directory) as store:
        only_in_catalog = record(store, simple_run(time=5.0))
    (directory / "journal" / f"{only_in_catalog}.jsonl").unlink()
    moved = Path(shutil.move(directory, directory.with_name("moved")))
    (problem,) = verify(moved).problems
    assert problem.startswith(f"the store was moved: {directory}/catalog/data/")
    assert rebuild(moved) == 2
    assert verify(moved).problems == ()
    store = Store.read(moved)
    assert store.run(recorded).streams["primary"].columns["spectrum"].shape == (3, 2)
    assert store.run(only_in_catalog).streams["primary"].columns["temperature"].tolist() == [20.0, 21.0, 22.0]
    assert [run.uid for run in store.runs()] == [recorded, only_in_catalog]


def test_a_run_with_external_files_is_reported_and_stays_in_the_journal(
    directory: Path, record: Record, make_run: MakeRun, simple_run: MakeRun, key: MakeKey
) -> None:
    start, descriptor, stop = make_run({"camera": ({"image": key("array", [1, 2, 2], external="STREAM:")}, [])})
    uid = start[1]["uid"]
    resource = {"uid": "r", "run_start": uid, "data_key": "image", "mimetype": "application/x-hdf5", "uri": "file:///x"}
    ranges = {"indices": {"start": 0, "stop": 1}, "seq_nums": {"start": 1, "stop": 2}}
    datum = {"uid": "r/0", "stream_resource": "r", "descriptor": descriptor[1]["uid"], **ranges}
    with Store.open(directory) as store:
        others = [("stream_resource", {**resource, "parameters": {}}), ("stream_datum", datum)]
        record(store, [start, descriptor, *others, stop])
        good = record(store, simple_run())
        assert not store.drain(10)
        assert "refers to files that a detector wrote itself" in store.problems[uid]
        assert len(list(store.run(uid).documents())) == 5
        assert store.run(uid).has_external_files
    (problem,) = verify(directory).problems
    assert problem.startswith(f"{uid}: StoreError: run {uid} refers to files")
    assert {run.uid for run in Store.read(directory).runs()} == {uid, good}


def test_keys_that_the_catalog_cannot_hold_are_reported(
    directory: Path, make_run: MakeRun, record: Record, key: MakeKey
) -> None:
    clash = make_run({"primary": ({"a": key("number"), "ts_a": key("number")}, [{"a": 1.0, "ts_a": 2.0}])})
    hidden = make_run({"primary": ({"_a": key("number")}, [{"_a": 1.0}])})
    with Store.open(directory) as store:
        uids = [record(store, documents) for documents in (clash, hidden)]
        assert not store.drain(10)
        assert "cannot hold the key 'ts_a' of stream 'primary'" in store.problems[uids[0]]
        assert "cannot hold the key '_a' of stream 'primary'" in store.problems[uids[1]]
        assert store.run(uids[0]).streams["primary"].columns["ts_a"].tolist() == [2.0]


def test_ten_thousand_runs_are_listed_quickly(directory: Path) -> None:
    from labctl.store._index import Index, RunSummary

    def summary(n: int) -> RunSummary:
        uid = f"00000000-0000-4000-8000-{n:012d}"
        return RunSummary(uid, n, 1.0, "anneal", "furnace", (f"S-{n // 5}",), (), "night", "success", "", n)

    index = Index(directory / "index.db")
    index.put((summary(n), "") for n in range(10_000))
    store = Store.read(directory)
    started = time.process_time()
    assert len(store.runs(newest=50)) == 50
    assert len(store.runs(sample="S-7")) == 5
    assert time.process_time() - started < 0.5


@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
@pytest.mark.slow
def test_every_client_in_this_process_reads_what_was_journaled(
    empty_store: Path, tmp_path: Path, record: Record, documents: Documents
) -> None:
    directory = Path(shutil.copytree(empty_store, tmp_path / "störe 100% full"))
    import dask

    with dask.config.set(scheduler="synchronous"), Store.open(directory) as store:  # dask's own pool never ends
        recorded = record(store, documents)
        assert store.drain(10)
        catalog = store.catalog_client()
        assert store.catalog_client() is catalog
        assert len(catalog) == 1
        run = catalog[recorded]
        assert run.start["scan_id"] == 7
        assert catalog[7].start["uid"] == recorded
        dataset = run["primary"].read()
        assert dataset["temperature"].values.tolist() == [20.5, 21.5, 22.5]
        assert dataset["spectrum"].values.tolist() == [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]
        read_back = list(run.documents())
        assert [name for name, _ in read_back] == [name for name, _ in documents]
        assert [doc["data"] for name, doc in read_back if name == "event"] == [
            doc["data"] for name, doc in documents if name == "event"
        ]
        assert catalog.v1[-1].table()["state"].tolist() == ["idle"] * 3


@pytest.mark.slow
def test_a_fresh_process_opens_the_store_by_name(
    empty_store: Path, tmp_path: Path, record: Record, documents: Documents
) -> None:
    directory = Path(shutil.copytree(empty_store, tmp_path / "störe 100% full"))
    with Store.open(directory) as store:
        record(store, documents)
    profiles = tmp_path / "profiles"
    assert register_profile(directory, "thin_films", profiles) == profiles / "thin_films.yml"
    environment = {**os.environ, "TILED_PROFILES": str(profiles)}
    done = subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "night success [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]",
        "['start', 'descriptor', 'event', 'event', 'event', 'stop']",
        "[20.5, 21.5, 22.5]",
        "[20.5, 21.5, 22.5] 1 False",
    ]


def test_a_profile_needs_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no store"):
        register_profile(tmp_path, "lab", tmp_path)


@pytest.mark.slow
def test_a_first_open_does_not_wait_for_tiled(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from labctl.store import Store
started = time.perf_counter()
store = Store.open(Path(sys.argv[1]))
print(time.perf_counter() - started < 0.5)
print(store.drain(60), (Path(sys.argv[1]) / "catalog" / "catalog.db").exists())
store.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "new")], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["True", "True True"]


def test_one_run_that_cannot_be_catalogued_does_not_keep_out_the_others(
    directory: Path, make_run: MakeRun, simple_run: MakeRun, record: Record, key: MakeKey
) -> None:
    surrogate = make_run({"primary": ({"note": key("string")}, [{"note": "\ud800"}])}, {"remark": "\udfff"})
    with Store.open(directory) as store:
        uids = [record(store, documents) for documents in (simple_run(), surrogate, simple_run())]
        assert not store.drain(10)
        assert list(store.problems) == [uids[1]]
        assert store.run(uids[1]).streams["primary"].columns["note"].tolist() == ["\ud800"]
    assert len(verify(directory).problems) == 1
    assert rebuild(directory) == 2


@pytest.mark.slow
def test_a_store_opened_without_its_catalog_has_one_when_it_is_opened_again(
    tmp_path: Path, record: Record, documents: Documents
) -> None:
    directory = tmp_path / "bare"
    with Store.open(directory, catalog=False) as store:
        uid = record(store, documents)
        assert store.run(uid).stop is not None
        with pytest.raises(StoreError, match="is open without its catalog"):
            store.drain(1)
    assert not (directory / "catalog").exists()
    with Store.open(directory) as store:
        assert store.drain(60)
        assert len(store.catalog_client()) == 1
