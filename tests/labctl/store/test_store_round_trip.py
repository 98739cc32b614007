"""What is journaled comes back, from the journal and from the catalog."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_model import pack_event_page

from labctl.errors import StoreError
from labctl.store import RecordedRun, Store, verify

Documents = list[tuple[str, dict[str, Any]]]
MakeRun = Callable[..., Documents]
MakeKey = Callable[..., dict[str, Any]]
Record = Callable[[Store, Documents], str]


@pytest.fixture
def awkward(make_run: MakeRun, key: MakeKey) -> Documents:
    keys = {
        "pressure": key("number", units="Pa"),
        "count": key("integer"),
        "open": key("boolean"),
        "note": key("string"),
        "spectrum": key("array", [3], dtype_numpy="<f4", units="V"),
        "words": key("array", [2], dtype_numpy="<U4"),
        "ragged": key("array", [-1]),
        "image": key("array", [2, 2], dtype_numpy="|u1"),
        "mixed": key("string"),
        "time": key("number"),
        "seq_num": key("integer"),
        "Ωhm-value 1": key("number"),
        "faulty": key("integer"),
    }
    small = float(np.float32(0.1))
    first = [
        1.5,
        3,
        True,
        "é\n",
        [small, 2.0, 3.0],
        ["ab", "c"],
        [1.0, 2.0],
        [[0, 255], [1, 2]],
        "text",
        7.0,
        70,
        -0.0,
        4,
    ]
    second = [math.nan, -4, False, "", [1.0, math.nan, 2.0], ["x", "yz"], [1.0], [[3, 4], [5, 6]], [1, "a"], 8.0, 80]
    second += [math.inf, math.nan]
    events = [dict(zip(keys, values, strict=True)) for values in (first, second)]
    md = {"seed": 2**100, "nothing": None, "limits": [-math.inf, math.nan], "note": "null and NaN", "big": 2**60}
    return make_run({"primary": (keys, events), "empty": ({"x": key("number")}, [])}, md)


def check_awkward(run: RecordedRun) -> None:
    stream = run.streams["primary"]
    columns = stream.columns
    np.testing.assert_array_equal(columns["pressure"], [1.5, math.nan])
    assert columns["count"].tolist() == [3, -4]
    assert columns["count"].dtype == np.int64
    assert columns["open"].tolist() == [True, False]
    assert columns["open"].dtype == np.bool_
    assert columns["note"].tolist() == ["é\n", ""]
    np.testing.assert_array_equal(columns["spectrum"], np.array([[0.1, 2, 3], [1, math.nan, 2]], np.float32))
    assert columns["spectrum"].dtype == np.float32
    assert columns["words"].tolist() == [["ab", "c"], ["x", "yz"]]
    np.testing.assert_array_equal(columns["ragged"], [[1, 2], [1, math.nan]])
    assert columns["image"].tolist() == [[[0, 255], [1, 2]], [[3, 4], [5, 6]]]
    assert columns["image"].dtype == np.uint8
    assert columns["time"].tolist() == [7.0, 8.0]
    assert columns["seq_num"].tolist() == [70, 80]
    assert columns["Ωhm-value 1"].tolist() == [0.0, math.inf]
    assert math.copysign(1, columns["Ωhm-value 1"][0]) == -1
    np.testing.assert_array_equal(columns["faulty"], [4, math.nan])
    assert stream.times.tolist() == [1001.0, 1002.0]
    assert stream.timestamps["count"].tolist() == [1001.0, 1002.0]
    assert stream.units == {"pressure": "Pa", "spectrum": "V"}
    assert stream.configuration == {"device": {"gain": 2.5, "mode": "fast"}}
    assert stream.description["count"]["dtype"] == "integer"
    assert len(run.streams["empty"].times) == 0
    assert run.stop is not None
    assert run.stop["exit_status"] == "success"


def test_every_kind_of_value_comes_back_from_the_journal(store: Store, record: Record, awkward: Documents) -> None:
    run = store.run(record(store, awkward))
    check_awkward(run)
    assert run.streams["primary"].columns["mixed"].tolist() == ["text", [1, "a"]]
    assert run.start["seed"] == 2**100
    assert run.start["limits"][0] == -math.inf
    assert math.isnan(run.start["limits"][1])


def test_every_kind_of_value_comes_back_from_the_catalog_alone(
    store: Store, record: Record, awkward: Documents
) -> None:
    uid = record(store, awkward)
    assert store.drain(10)
    (store.directory / "journal" / f"{uid}.jsonl").unlink()
    run = store.run(uid)
    check_awkward(run)
    assert run.streams["primary"].columns["mixed"].tolist() == ["text", '[1, "a"]']
    assert run.start["seed"] == str(2**100)
    assert run.start["big"] == 2**60
    with pytest.raises(StoreError, match="journal file is gone"):
        next(run.documents())


def test_verify_accepts_every_kind_of_value(directory: Path, record: Record, awkward: Documents) -> None:
    with Store.open(directory) as store:
        record(store, awkward)
    report = verify(directory)
    assert report.problems == ()
    assert (report.n_runs, report.n_documents) == (1, len(awkward))


def test_documents_come_back_as_they_were_journaled(store: Store, record: Record, simple_run: MakeRun) -> None:
    documents = simple_run()
    assert list(store.run(record(store, documents)).documents()) == documents


def test_numpy_values_become_what_they_mean(store: Store, simple_run: MakeRun) -> None:
    class Mode(Enum):
        FAST = "fast"

    md = {"array": np.arange(3), "single": np.float32(0.1), "flag": np.bool_(True), "pair": (1, 2), "mode": Mode.FAST}
    name, start = simple_run()[0]
    store.journal(name, {**start, **md})
    recorded = store.run(start["uid"]).start
    assert recorded["array"] == [0, 1, 2]
    assert np.float32(recorded["single"]) == np.float32(0.1)
    assert (recorded["flag"], recorded["pair"], recorded["mode"]) == (True, [1, 2], "fast")


def test_a_value_that_is_no_json_is_refused_and_the_run_goes_on(store: Store, simple_run: MakeRun) -> None:
    start, descriptor, event, *rest = simple_run()
    store.journal(*start)
    store.journal(*descriptor)
    with pytest.raises(StoreError, match="a bytes cannot be recorded"):
        store.journal("event", {**event[1], "data": {"temperature": b"raw"}})
    for name, document in (event, *rest):
        store.journal(name, document)
    assert store.run(start[1]["uid"]).streams["primary"].columns["temperature"].tolist() == [20.0, 21.0, 22.0]


def test_event_pages_are_events(store: Store, record: Record, simple_run: MakeRun) -> None:
    start, descriptor, *events, stop = simple_run()
    page = pack_event_page(*(document for _, document in events))
    uid = record(store, [start, descriptor, ("event_page", page), stop])
    assert store.run(uid).streams["primary"].columns["temperature"].tolist() == [20.0, 21.0, 22.0]
    assert store.run(uid).streams["primary"].seq_nums.tolist() == [1, 2, 3]


def test_a_device_configured_anew_keeps_its_stream(
    directory: Path, record: Record, make_run: MakeRun, key: MakeKey
) -> None:
    start, descriptor, event, stop = make_run({"primary": ({"x": key("number")}, [{"x": 1}])})
    values = {"device": {"data": {"gain": 9.0}, "timestamps": {"gain": 1.0}, "data_keys": {"gain": key("number")}}}
    again = {**descriptor[1], "uid": "second", "time": 1001.5, "configuration": values}
    late = {**event[1], "uid": "late", "descriptor": "second", "seq_num": 2, "time": 1002.0, "data": {"x": 0.5}}
    with Store.open(directory) as store:
        uid = record(store, [start, descriptor, event, ("descriptor", again), ("event", late), stop])
        stream = store.run(uid).streams["primary"]
    assert stream.columns["x"].tolist() == [1.0, 0.5]
    assert stream.configuration["device"]["gain"] == 2.5
    assert stream.descriptors[1]["configuration"]["device"]["data"]["gain"] == 9.0
    assert verify(directory).problems == ()


def test_documents_of_unknown_and_closed_runs_are_refused(store: Store, record: Record, simple_run: MakeRun) -> None:
    documents = simple_run()
    record(store, documents)
    with pytest.raises(StoreError, match="which no open run has"):
        store.journal(*documents[2])
    with pytest.raises(StoreError, match="which no open run has"):
        store.journal(*simple_run()[1])
    with pytest.raises(StoreError, match="is no kind of document"):
        store.journal("bulk_events", {})
    with pytest.raises(StoreError, match="cannot be created: File exists"):
        store.journal(*documents[0])
    with pytest.raises(StoreError, match=r"uid='\.\./x' is no UUID"):
        store.journal("start", {"uid": "../x", "time": 1.0})


def test_a_run_is_found_by_the_beginning_of_its_uid(store: Store, record: Record, simple_run: MakeRun) -> None:
    twins = ["aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"]
    for uid in twins:
        name, start = simple_run()[0]
        store.journal(name, {**start, "uid": uid})
    uid = record(store, simple_run())
    assert store.run(uid[:8]).uid == uid
    with pytest.raises(StoreError, match=r"2 runs begin with 'aaaaaaaa': aaaaaaaa-.*1, aaaaaaaa-.*2"):
        store.run("aaaaaaaa")
    with pytest.raises(StoreError, match="too short"):
        store.run(uid[:5])
    with pytest.raises(StoreError, match="has no run 'ffffff'"):
        store.run("ffffff")


def test_many_threads_journal_at_once(directory: Path, record: Record, simple_run: MakeRun) -> None:
    runs = [simple_run(40) for _ in range(8)]
    with Store.open(directory) as store:
        threads = [threading.Thread(target=record, args=(store, documents)) for documents in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for documents in runs:
            assert list(store.run(documents[0][1]["uid"]).documents()) == documents
    assert verify(directory).problems == ()


def test_runs_are_listed_newest_first_and_by_what_they_are(store: Store, record: Record, simple_run: MakeRun) -> None:
    old = record(store, simple_run(time=1000.0))
    failed = record(store, simple_run(md={"samples": ["S-9"], "station": "probe"}, time=3000.0, exit_status="fail"))
    running = record(store, simple_run(md={"campaign": "day", "trials": ["T-9"]}, time=2000.0, exit_status=None))
    for wait in (False, True):  # from the journal and from the index
        assert not wait or store.drain(10)
        assert [run.uid for run in store.runs()] == [failed, running, old]
        assert [run.uid for run in store.runs(newest=2)] == [failed, running]
        assert [run.uid for run in store.runs(sample="S-9")] == [failed]
        assert [run.uid for run in store.runs(sample="S-2", campaign="night")] == [old]
        assert [run.uid for run in store.runs(trial="T-9")] == [running]
        assert [run.uid for run in store.runs(station="furnace_a", status="success")] == [old]
        assert [run.uid for run in store.runs(status="running")] == [running]
        assert store.runs(operation="sputter") == []
    first, second, _ = store.runs()
    assert (first.duration_s, first.status, first.samples, first.operation) == (4.0, "fail", ("S-9",), "anneal")
    assert (second.duration_s, second.trials, second.campaign) == (None, ("T-9",), "day")


@pytest.mark.slow
def test_a_run_engine_records_into_the_store(directory: Path) -> None:
    from bluesky import RunEngine
    from bluesky import plan_stubs as bps
    from bluesky import preprocessors as bpp
    from ophyd.sim import SynAxis, SynSignal

    axis, reading = SynAxis(name="axis"), SynSignal(name="reading", func=lambda: math.pi)
    engine = RunEngine({"station": "bench", "samples": ["S-1"]}, context_managers=[])

    def scan(fail: bool) -> Any:  # a bluesky plan
        return bpp.baseline_wrapper(bpp.run_wrapper(measure(fail), md={"operation": "scan"}), [axis])

    def measure(fail: bool) -> Any:  # a bluesky plan
        yield from bps.mv(axis, 1.0)
        yield from bps.trigger_and_read([axis, reading])
        if fail:
            raise ValueError("crucible cracked")
        yield from bps.trigger_and_read([axis, reading])

    with Store.open(directory) as store:
        engine.subscribe(store.journal)
        engine(scan(fail=False))
        with pytest.raises(ValueError, match="crucible cracked"):
            engine(scan(fail=True))
        failed, good = store.runs(station="bench", sample="S-1", operation="scan")
        assert (good.status, failed.status, failed.reason) == ("success", "fail", "crucible cracked")
        streams = store.run(good.uid).streams
        assert streams["primary"].columns["reading"].tolist() == [math.pi, math.pi]
        assert len(streams["baseline"].times) == 2
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    for thread in threading.enumerate():
        if thread.name == "bluesky-run-engine":
            thread.join()
    engine.loop.close()
    report = verify(directory)
    assert (report.problems, report.n_runs) == ((), 2)
