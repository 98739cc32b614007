"""Samples, what they come from, where they are, and what people say of them."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.errors import RegistryError, StoreError
from labctl.metadata import AccessPolicy
from labctl.records import SampleRegistry
from labctl.records._register import Register


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SampleRegistry]:
    with SampleRegistry(tmp_path / "lab", by="K. Sato") as made:
        yield made


@pytest.fixture
def family(registry: SampleRegistry) -> SampleRegistry:
    """A wafer cut in two, and one half bonded to a cap."""
    registry.add("wafer", lot="L1", substrate="G26-001", carrier="boat 2", place="rack.1", composition="In2O3")
    registry.add("cap", lot="L7")
    registry.split("wafer", ["left", "right"])
    registry.combine(["left", "cap"], "stack")
    return registry


def test_splitting_and_combining_are_kept_in_both_directions(family: SampleRegistry) -> None:
    assert [entry.name for entry in family.ancestors("stack")] == ["wafer", "left", "cap"]
    assert [entry.name for entry in family.descendants("wafer")] == ["left", "right", "stack"]
    wafer, right, stack = (family.sample(name) for name in ("wafer", "right", "stack"))
    assert wafer.consumed == "split into left, right"
    assert (right.lot, right.carrier, right.location) == ("L1", "boat 2", "rack.1")
    assert stack.parents == ("left", "cap")
    assert stack.lot == "L1 + L7"
    assert family.sample("cap").consumed == "combined into stack"


def test_deleting_the_tables_loses_nothing(family: SampleRegistry, tmp_path: Path) -> None:
    family.move("right", "microscope.1")
    family.archive("right", "shelf 3", "box 12", condition="nitrogen", until="2199-12-31")
    family.set_quality("stack", "suspect", "bubble at the edge")
    before = {name: family.sample(name) for name in ("wafer", "left", "right", "cap", "stack")}
    (tmp_path / "lab" / "registry.db").unlink()
    with SampleRegistry(tmp_path / "lab") as again:
        assert {name: again.sample(name) for name in before} == before
    (tmp_path / "lab" / "registry.db").write_bytes(b"no database at all, " * 500)
    with SampleRegistry(tmp_path / "lab") as again:
        assert {name: again.sample(name) for name in before} == before
    assert [stay.place for stay in before["right"].stays] == ["rack.1", "microscope.1", "archive: shelf 3, box 12"]


def test_what_was_taken_out_of_the_archive_is_not_in_it(family: SampleRegistry) -> None:
    family.archive("right", "shelf 3", "box 12")
    assert family.sample("right").archive is not None
    family.move("right", "microscope.1")
    assert family.sample("right").archive is None
    (listed,) = [entry for entry in family.samples() if entry.name == "right"]
    assert (listed.archive, listed.location) == (None, "microscope.1")
    family.archive("right", "shelf 3", "box 12")
    assert family.sample("right").archive is not None


def test_an_entry_that_was_not_written_to_its_end_was_not_said(family: SampleRegistry, tmp_path: Path) -> None:
    with (tmp_path / "lab" / "registry.jsonl").open("ab") as file:
        file.write(b'{"act": "moved", "sample": "stack", "pl')
    assert family.sample("stack").location == "rack.1"
    family.move("stack", "oven.1")
    (tmp_path / "lab" / "registry.db").unlink()
    assert family.sample("stack").location == "oven.1"


def test_an_attachment_is_kept_with_its_checksum_and_its_loss_is_told(family: SampleRegistry, tmp_path: Path) -> None:
    (tmp_path / "edge.png").write_bytes(b"picture")
    checksum = family.attach("stack", tmp_path / "edge.png", kind="photograph", note="edge")
    assert checksum == hashlib.sha256(b"picture").hexdigest()
    (tmp_path / "edge.png").unlink()
    (kept,) = family.sample("stack").attachments
    assert (kept.name, kept.media_type, kept.kind, kept.by) == ("edge.png", "image/png", "photograph", "K. Sato")
    assert family.attachment(checksum).read_bytes() == b"picture"
    kept.path.write_bytes(b"another")
    with pytest.raises(RegistryError, match="was changed"):
        family.attachment(checksum)
    kept.path.unlink()
    with pytest.raises(RegistryError, match="is gone"):
        family.attachment(checksum)


def test_what_derives_from_closed_data_is_no_wider(family: SampleRegistry) -> None:
    closed = AccessPolicy(access="closed", embargo_until="2199-01-01", export_control="9A004", licence="CC-BY-4.0")
    family.set_policy("right", closed)
    family.split("right", ["right-1"])
    assert family.sample("right-1").policy.access == "closed"
    assert family.sample("right-1").policy.embargo_until == "2199-01-01"
    for wider, message in (
        (closed.model_copy(update={"access": "open"}), "right-1 cannot be open: it is closed by its parents right"),
        (
            closed.model_copy(update={"embargo_until": ""}),
            "embargo until 2199-01-01 by its parents right cannot be sho",
        ),
        (closed.model_copy(update={"export_control": ""}), "export control 9A004 by its parents right cannot be drop"),
    ):
        with pytest.raises(RegistryError, match=message):
            family.set_policy("right-1", wider)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda r: r.sample("stak"), r"no sample 'stak' in .*; did you mean 'stack'\?"),
        (lambda r: r.add("stack"), "stack is the name of another sample"),
        (lambda r: r.add("a b"), "'a b' must hold letters, digits"),
        (lambda r: r.move("left", "rack.2"), "left is no more: combined into stack"),
        (lambda r: r.split("right", []), "cannot be split into nothing"),
        (lambda r: r.split("right", ["a", "a"]), "name each part once"),
        (lambda r: r.combine(["right", "right"], "x"), "two different samples"),
        (lambda r: r.combine(["right", "stack"], "wafer"), "wafer cannot be made from right: .* a cycle"),
        (lambda r: r.combine(["right", "stack"], "stack"), "stack cannot be made from stack: .* a cycle"),
        (lambda r: r.archive("right", "1", "2", until="2020-01-01"), "archived until 2020-01-01: that day is past"),
        (lambda r: r.archive("right", "1", "2", until="soon"), "'soon': not a day such as"),
        (lambda r: r.attach("right", Path("none.png")), "none.png cannot be attached to right: No such file"),
        (
            lambda r: r.set_quality("right", "god", "x"),
            "quality 'god' is not one of good, suspect, failed; did you mean",
        ),
        (lambda r: r.set_quality("right", "failed", ""), "needs a reason"),
        (lambda r: r.set_policy("right", AccessPolicy(embargo_until="2020-01-01")), "that day is past"),
        (lambda r: r.attachment("x"), "'x' is no SHA-256 checksum"),
        (lambda r: r.samples(colour="red"), "cannot be chosen by 'colour'"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_said(act, message: str, family: SampleRegistry) -> None:
    before = family._register.path.read_bytes()
    with pytest.raises(RegistryError, match=message):
        act(family)
    assert family._register.path.read_bytes() == before


def test_a_sample_that_only_runs_name_is_known(recorded_sample: tuple[Path, list[str]], tmp_path: Path) -> None:
    """What was done to it last and its policy come from the runs."""
    directory = Path(shutil.copytree(recorded_sample[0], tmp_path / "store"))
    with SampleRegistry(directory) as registry:
        entry = next(entry for entry in registry.samples() if entry.name == "S-1")
        whole = registry.sample(entry.name)
        assert whole.n_runs > 0
        assert whole.policy.access == "open"
        run = registry_run(directory)
        registry.flag(run[:8], "doubtful", "bad", detail="the door was open")
        (flag,) = registry.flags(run)
        assert (flag.kind, flag.quality, flag.detail) == ("doubtful", "bad", "the door was open")
        with pytest.raises(RegistryError, match="has no stream 'proces'"):
            registry.flag(run, "x", "bad", stream="proces")
        with pytest.raises(RegistryError, match="is not one of suspect, bad"):
            registry.flag(run, "x", "good")
        with pytest.raises(StoreError, match="has no run"):
            registry.flag("ffffffff", "x", "bad")


def registry_run(directory: Path) -> str:
    from labctl.store import Store

    with Store.read(directory) as store:
        return store.runs()[0].uid


def test_people_who_speak_at_the_same_time_are_all_heard(tmp_path: Path) -> None:
    def speak(number: int) -> None:
        with SampleRegistry(tmp_path, by=str(number)) as registry:
            for index in range(5):
                registry.add(f"s-{number}-{index}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(speak, range(4)))
    with SampleRegistry(tmp_path) as registry:
        assert len(registry.samples()) == 20


@given(parts=st.lists(st.integers(1, 3), min_size=1, max_size=6))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_piece_knows_all_it_came_from(parts: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    with SampleRegistry(tmp_path_factory.mktemp("lab")) as registry:
        registry.add("s")
        name, line = "s", ["s"]
        for n in parts:
            children = [f"{name}-{index}" for index in range(n)]
            registry.split(name, children)
            name = children[-1]
            line.append(name)
        assert [entry.name for entry in registry.ancestors(name)] == line[:-1]
        assert {entry.name for entry in registry.descendants("s")} == {
            entry.name for entry in registry.samples() if entry.name != "s"
        }


@pytest.mark.slow
def test_ten_thousand_samples_are_listed_in_less_than_a_second(tmp_path: Path) -> None:
    register = Register(tmp_path)
    lines = []
    for number in range(10_000):
        entry = {"uid": str(number), "time": float(number), "by": "", "act": "added", "sample": f"s-{number:05d}"}
        lines.append(str(entry).replace("'", '"'))
    register.path.write_text("\n".join(lines) + "\n")
    with SampleRegistry(tmp_path) as registry:
        registry.samples()
        before = time.process_time()
        assert len(registry.samples()) == 10_000
        assert time.process_time() - before < 1.0
