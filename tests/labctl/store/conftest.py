"""Runs to be stored, made by event-model, and a store to put them in."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from event_model import compose_run

from labctl.store import Store

Documents = list[tuple[str, dict[str, Any]]]

MD = {
    "lab": "testlab",
    "station": "furnace_a",
    "operation": "anneal",
    "samples": ["S-1", "S-2"],
    "trials": ["T-1", "T-2"],
    "campaign": "night",
}


def key(dtype: str, shape: Sequence[int] = (), **more: Any) -> dict[str, Any]:
    return {"source": "test", "dtype": dtype, "shape": list(shape), **more}


def make_run(
    streams: Mapping[str, tuple[Mapping[str, dict[str, Any]], Sequence[Mapping[str, Any]]]],
    md: Mapping[str, Any] | None = None,
    *,
    time: float = 1000.0,
    exit_status: str | None = "success",
) -> Documents:
    """Compose a run: by stream, its data keys and the data of its events; without a stop for exit_status=None."""
    run = compose_run(time=time, metadata={**MD, **(md or {})})
    documents: Documents = [("start", dict(run.start_doc))]
    clock = itertools.count(1)
    for name, (data_keys, events) in streams.items():
        device = {"gain": 2.5, "mode": "fast"}
        stamps = dict.fromkeys(device, time)
        keys = {"gain": key("number"), "mode": key("string")}
        stream = run.compose_descriptor(
            name=name,
            data_keys=dict(data_keys),
            object_keys={"device": list(data_keys)},
            configuration={"device": {"data": device, "timestamps": stamps, "data_keys": keys}},
            hints={},
        )
        documents.append(("descriptor", {**stream.descriptor_doc, "time": time}))
        for data in events:
            now = time + next(clock)
            event = stream.compose_event(data=dict(data), timestamps=dict.fromkeys(data, now), time=now)
            documents.append(("event", dict(event)))
    if exit_status is not None:
        documents.append(("stop", dict(run.compose_stop(exit_status=exit_status, time=time + next(clock)))))
    return documents


def simple_run(n_events: int = 3, **more: Any) -> Documents:
    events = [{"temperature": 20.0 + n} for n in range(n_events)]
    return make_run({"primary": ({"temperature": key("number", units="degC")}, events)}, **more)


@pytest.fixture(name="make_run")
def provide_make_run() -> Callable[..., Documents]:
    return make_run


@pytest.fixture(name="simple_run")
def provide_simple_run() -> Callable[..., Documents]:
    return simple_run


@pytest.fixture(name="key")
def provide_key() -> Callable[..., dict[str, Any]]:
    return key


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose catalog is there, because tiled's imports take seconds."""
    directory = tmp_path_factory.mktemp("template") / "store"
    with Store.open(directory) as store:
        assert store.drain(60)
    return directory


@pytest.fixture
def directory(empty_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(empty_store, tmp_path / "store"))


@pytest.fixture
def store(directory: Path) -> Iterator[Store]:
    with Store.open(directory) as opened:
        yield opened


@pytest.fixture(name="record")
def provide_record() -> Callable[[Store, Documents], str]:
    def record(store: Store, documents: Documents) -> str:
        for name, document in documents:
            store.journal(name, document)
        return str(documents[0][1]["uid"])

    return record
