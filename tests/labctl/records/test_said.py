"""What people said of samples and runs is found too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labctl.metadata import AccessPolicy
from labctl.records import SampleRegistry, concerns_of, same_composition, sample_history, search
from labctl.records._facts_index import FILE, ask
from labctl.store import Store

Recorded = tuple[Path, list[str]]


@pytest.fixture
def folder(recorded_sample: Recorded, tmp_path: Path) -> Path:
    """A copy of the recorded store."""
    copy = tmp_path / "store"
    shutil.copytree(recorded_sample[0], copy)
    return copy


def found(folder: Path, query: str) -> list[str]:
    return list(search(folder, query)["sample"])


def test_a_flag_makes_a_run_and_its_samples_worse(folder: Path, recorded_sample: Recorded) -> None:
    anneal = recorded_sample[1][1]
    assert found(folder, "quality = good") == ["S-2"]
    with SampleRegistry(folder, by="T. Mori") as samples:
        samples.flag(anneal, "draught", "suspect", key="furnace_a_control_temperature")
    assert found(folder, "quality = good") == []
    assert found(folder, "flags.anneal ~ draught") == ["S-1", "S-2"]
    runs = search(folder, f"run = {anneal}", by="run", columns=["quality", "flags"])
    assert set(runs["quality"]) == {"suspect"}
    with SampleRegistry(folder, by="T. Mori") as samples:
        samples.flag(anneal, "spilt", "bad")
    runs = search(folder, f"run = {anneal}", by="run", columns=["quality", "flags"])
    assert set(runs["quality"]) == {"bad"}
    assert set(runs["flags"]) == {"draught furnace_a_control_temperature; spilt"}
    with Store.read(folder) as store:
        told = {concern.kind: concern.text for concern in concerns_of(sample_history(store, "S-2"))}
    assert told["draught"] == "furnace_a_control_temperature (by T. Mori)"
    assert told["spilt"] == "(by T. Mori)"


def test_what_is_said_of_a_sample_can_be_searched_for(folder: Path) -> None:
    with SampleRegistry(folder, by="T. Mori") as samples:
        samples.set_quality("S-2", "failed", "fell")
        samples.archive("S-2", "shelf 3", "box 7", condition="dry")
        samples.add("S-9", lot="L7", composition="ZnO")
    assert found(folder, "quality = failed and quality_reason ~ fell") == ["S-2"]
    assert found(folder, "archive.box = 'box 7' and location ~ 'shelf 3'") == ["S-2"]
    with SampleRegistry(folder, by="T. Mori") as samples:
        samples.move("S-2", "microscope")
    assert found(folder, "archive.box = 'box 7'") == [], "it was taken out"
    assert found(folder, "location = microscope") == ["S-2"]
    assert found(folder, "lot = L7 and composition = ZnO") == ["S-9"], "it has no run yet"
    with SampleRegistry(folder, by="T. Mori") as samples:
        samples.consume("S-9", "dropped")
    assert found(folder, "has consumed") == ["S-9"]


def test_a_part_has_the_facts_of_the_sample_it_was_cut_from(folder: Path) -> None:
    with SampleRegistry(folder, by="T. Mori") as samples:
        samples.split("S-2", ["S-2a", "S-2b"])
    assert found(folder, "asked.anneal.temperature = 120 degC") == ["S-1", "S-2", "S-2a", "S-2b"]
    assert found(folder, "parents = S-2 and station = furnace_a") == ["S-2a", "S-2b"]
    assert len(search(folder, "kind = anneal", by="run")) == 2, "a run is of the samples that it names"


def test_the_strictest_policy_counts_for_parts_too(folder: Path) -> None:
    with SampleRegistry(folder, by="T. Mori") as samples:
        samples.split("S-2", ["S-2a"])
    assert found(folder, "policy.access = open") == ["S-1", "S-2", "S-2a"]
    with SampleRegistry(folder, by="T. Mori") as samples:
        samples.set_policy("S-2", AccessPolicy(access="closed", owner="K. Sato"))
    assert found(folder, "policy.access = open") == ["S-1"]
    assert found(folder, "policy.owner ~ Sato") == ["S-2", "S-2a"]


def test_a_composition_that_is_said_is_compared(folder: Path) -> None:
    with SampleRegistry(folder, by="T. Mori") as samples:
        for name in ("S-3", "S-4"):
            samples.add(name, composition="Al2O3")
        samples.split("S-2", ["S-2a"])
    assert same_composition(folder, "S-3").empty, "S-4 was made from the same, and nothing was done to either"


def test_what_was_said_is_heard_once_and_again_after_a_loss(folder: Path) -> None:
    with SampleRegistry(folder, by="T. Mori") as samples:
        samples.set_quality("S-2", "suspect", "scratched")
    first = ask(folder, lambda index: (index.heard(), index.counts()))
    assert first[0] == (folder / "registry.jsonl").stat().st_size
    assert ask(folder, lambda index: (index.heard(), index.counts())) == first
    (folder / FILE).unlink()
    assert ask(folder, lambda index: (index.heard(), index.counts())) == first
    index_hears_late = [{"act": "judged", "sample": "S-2", "time": 1.0, "quality": "failed", "reason": "no"}]
    ask(folder, lambda index: index.hear(index_hears_late, 0, 10))
    assert found(folder, "quality = failed") == [], "another process was faster"
