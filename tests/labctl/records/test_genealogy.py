"""A plan tells by its metadata what it made of what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labctl.errors import LabError
from labctl.metadata import AccessPolicy
from labctl.records import SampleRegistry, sample_history, search
from labctl.store import Store
from plans import OPERATIONS
from tests.histories import record
from tests.laboratory import Laboratory

pytestmark = pytest.mark.slow


def cut(folder: Path, made_from: dict[str, list[str]], at_s: float = 0.0, **md: Any) -> None:
    """Measure the wafer, and say that it was cut then."""
    with Laboratory() as lab:
        with lab.clock.held():
            lab.clock.sleep(at_s)
        lab.put("photometer.1")
        about = {"made_from": made_from, "locations": ["photometer.1"], **md}
        devices = lab.lab.stations["photometer"].operations["measure_transmittance"]
        lab.engine(OPERATIONS["measure_transmittance"](*devices, ["wafer"], md=about))
        record(folder, lab)


def test_what_a_run_made_is_known_with_what_it_was_made_from(tmp_path: Path) -> None:
    certificate = {"wafer": {"lot": "L1", "carrier": "boat 2", "composition": "In2O3"}}
    with SampleRegistry(tmp_path) as samples:
        samples.add("left", note="as planned")
    cut(tmp_path, {"left": ["wafer"], "right": ["wafer"]}, substrates=certificate)
    with SampleRegistry(tmp_path) as samples:
        left, right, wafer = (samples.sample(name) for name in ("left", "right", "wafer"))
        assert [entry.name for entry in samples.ancestors("left")] == ["wafer"]
        samples.set_policy("wafer", AccessPolicy(access="closed", export_control="9A004"))
        assert samples.sample("right").policy.export_control == "9A004"
    assert wafer.consumed == "made into left, right"
    assert (left.lot, left.carrier, left.composition, left.note) == ("L1", "boat 2", "In2O3", "as planned")
    assert right.location == "photometer.1"
    with Store.read(tmp_path) as store:
        assert [sample for sample, _ in sample_history(store, "right").everything] == ["wafer"]
    table = search(tmp_path, "parents = wafer and has result.measure_transmittance.transmittance")
    assert sorted(table["sample"]) == ["left", "right"]


def test_runs_that_say_a_cycle_leave_it_out(tmp_path: Path) -> None:
    cut(tmp_path, {"left": ["wafer"]})
    cut(tmp_path, {"wafer": ["left"]}, at_s=60.0)
    with SampleRegistry(tmp_path) as samples:
        assert [entry.name for entry in samples.ancestors("left")] == ["wafer"]
        assert samples.ancestors("wafer") == []
    assert len(search(tmp_path, "")) == 2


@pytest.mark.parametrize(
    ("made_from", "message"),
    [
        ({"a b": ["wafer"]}, "'a b' must hold letters, digits"),
        ({"left": []}, "left cannot be made from nothing"),
        ({"left": ["wafer", "left"]}, "left cannot be made from wafer, left"),
    ],
)
def test_what_cannot_be_is_refused_before_the_run(
    tmp_path: Path, made_from: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(LabError, match=message):
        cut(tmp_path, made_from)
    assert not (tmp_path / "journal").exists()
