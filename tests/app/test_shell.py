"""A person at the prompt: what is recorded, what is said, and that the next session goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labctl.app._replay import Replay
from labctl.records import SampleRegistry, sample_history
from labctl.store import Store
from tests.laboratory import EXAMPLE

pytestmark = pytest.mark.slow
FIRST = """
RE(transfer(robot, ["S-1"], source="rack.1", destination="sputter.1"))
chamber = (magnetron, argon, oxygen, chamber_gauge, quartz)
RE(sputter(*chamber, ["S-1"], power="100 W", thickness="10 nm", argon_flow="20 sccm", oxygen_flow="0.3 sccm"))
RE(transfer(robot, ["S-1"], source="sputter.1", destination="furnace_a.2"))
samples.add("wafer", lot="L1", place="dry box")
samples.split("wafer", ["left", "right"])
samples.move("left", "bench")
samples.archive("right", "3", "12", condition="nitrogen")
(store.directory / "edge.png").write_bytes(b"picture")
samples.attach("right", store.directory / "edge.png", kind="photograph")
samples.set_quality("left", "suspect", "scratch")
assert history("left").history.entry.location == "bench"
samples.move("rigth", "bench")
"""
SECOND = """
RE(anneal(furnace_a_control, ["S-1"], temperature="100 degC", ramp_rate="20 K/min", dwell="1 min"))
RE(transfer(robot, ["S-1"], source="furnace_a.2", destination="photometer.1"))
RE(measure_transmittance(photometer_meter, ["S-1"]))
"""


def labctl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from labctl.app import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[subprocess.CompletedProcess[str]]]:
    """Two sessions on one folder; the first ends with a mistake."""
    folder = tmp_path_factory.mktemp("bench") / "store"
    return folder, [labctl("shell", EXAMPLE / "lab.yaml", "--out", folder, "-c", typed) for typed in (FIRST, SECOND)]


def test_a_mistake_is_one_line_and_not_a_traceback(sessions) -> None:
    _, (first, second) = sessions
    assert (first.returncode, second.returncode) == (1, 0), second.stdout
    assert "did you mean 'right'?" in first.stderr
    assert "Traceback" not in first.stdout + first.stderr
    assert "Omitting" not in first.stderr + second.stderr


def test_what_was_said_at_the_prompt_is_in_the_registry(sessions) -> None:
    with SampleRegistry(sessions[0]) as samples:
        left, right = samples.sample("left"), samples.sample("right")
    assert (left.lot, left.location, left.quality, left.judged_by) == ("L1", "bench", "suspect", "night shift")
    assert right.archive is not None and right.archive.box == "12"
    assert [kept.name for kept in right.attachments] == ["edge.png"]
    assert right.parents == ("wafer",)


def test_the_next_session_goes_on_in_time_and_matter(sessions) -> None:
    folder, _ = sessions
    with Store.read(folder) as store:
        operations = sample_history(store, "S-1").operations
        scans = [run.scan_id for run in reversed(store.runs(sample="S-1"))]
    kinds = ["transfer", "sputter", "transfer", "anneal", "transfer", "measure_transmittance"]
    assert [operation.kind for operation in operations] == kinds
    assert scans == [1, 2, 3, 4, 5, 6]
    assert [operation.location for operation in operations[:4]] == ["rack.1", "sputter.1", "sputter.1", "furnace_a.2"]
    assert Replay.of(folder).sample("S-1").agrees
