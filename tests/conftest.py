"""Rules that every test obeys."""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # as labctl.app does; read by numpy's import

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import find
from hypothesis.strategies import text

from tests.laboratory import Laboratory

SLOW_CPU_S = 2.0
"""A test that needs more must be marked slow; twice the aim of 1 s, because machines differ."""


@pytest.fixture(scope="session", autouse=True)
def table_of_characters() -> None:
    """Have Hypothesis make its table of characters: a second's work, once in a clone, that is no test's own."""
    find(text(min_size=1), bool)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    before = time.process_time()
    result = yield
    used_s = time.process_time() - before
    if used_s > SLOW_CPU_S and item.get_closest_marker("slow") is None:
        pytest.fail(f"used {used_s:.1f} s of CPU and is not marked slow")
    return result


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Fail a test that leaves threads behind which are no daemons."""
    before = set(threading.enumerate())
    yield
    left = [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive() and not thread.daemon]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    """The simulated thin-film line on simulated time, with everything that was recorded."""
    with Laboratory() as built:
        yield built


@pytest.fixture(scope="session")
def recorded_sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A store with the sample S-1, to be read only, and the uids of its runs (`tests.histories.record_sample`)."""
    from tests.histories import record_sample

    folder = tmp_path_factory.mktemp("sample") / "store"
    return folder, record_sample(folder)


@pytest.fixture
def example() -> Path:
    """The folder of the example's files."""
    return EXAMPLE


EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that have slow tests: at the end two processes share only small ones."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)
