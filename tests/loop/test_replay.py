"""The documents of a campaign, and nothing else, give every measured property again."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from devices import device_class
from labctl.app._commands import command_line
from labctl.app._replay import Replay
from labctl.store import Store, rebuild
from sim_devices.replay import CannotReplay
from tests.laboratory import example_lab
from tests.loop.test_campaigns import run_campaign

pytestmark = pytest.mark.slow
SAMPLE = "ito-night-0002"
LAB = example_lab()
ROLES = {kind: LAB.stations[name].operations[kind] for kind, name in (("sputter", "sputter"), ("anneal", "furnace_a"))}
PROCESS = [
    (kind, role, attribute)
    for kind, roles in ROLES.items()
    for role, name in roles.items()
    for attribute in device_class(LAB.devices[name].kind).process
]
STATES = ("output", "shutter", "fault_code", "summary_status")
ROOM = ("temperature", "humidity")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The store of a campaign of six trials; one sample cracks."""
    folder = tmp_path_factory.mktemp("campaign")
    run_campaign(folder, 6)
    return folder


@pytest.fixture(scope="module")
def runs(folder):
    with Store.read(folder) as store:
        return [store.run(run.uid) for run in reversed(store.runs())]


@pytest.fixture(scope="module")
def replay(runs):
    return Replay(runs)


def verdict(runs, sample=SAMPLE):
    """Return what a replay says of changed documents."""
    try:
        return "agrees" if Replay(runs).sample(sample).agrees else "disagrees"
    except CannotReplay:
        return "cannot"


def changed(run, stream, columns):
    """Return a run with other columns in a stream."""
    streams = dict(run.streams) | {stream: dataclasses.replace(run.streams[stream], columns=columns)}
    return dataclasses.replace(run, streams=streams)


def with_column(runs, kind, stream, key, change):
    """Return the runs; `change` makes the column anew in that of a kind which names the sample, None removes it."""
    found = []
    for run in runs:
        if run.start["operation"] == kind and SAMPLE in run.start["samples"]:
            columns = dict(run.streams[stream].columns)
            assert key in columns
            new = change(columns.pop(key))
            run = changed(run, stream, columns if new is None else columns | {key: new})
        found.append(run)
    return found


def key_of(runs, kind, role, attribute):
    run = next(run for run in runs if run.start["operation"] == kind and SAMPLE in run.start["samples"])
    return f"{run.start['roles'][role]}_{attribute}"


def a_little_off(key):
    """Return a change of 5 %, for flows 0.03 sccm at least; a state is wrong for a tenth of the time."""

    def change(column):
        values = column.astype(np.float64)
        if key.endswith(STATES):
            part = slice(len(values) // 2, len(values) // 2 + max(len(values) // 10, 4))
            values[part] = 1.0 - np.minimum(values[part], 1.0)
            return values
        return values + np.maximum(0.05 * np.abs(values), 0.03 if "flow" in key or key.startswith("oxygen") else 0.0)

    return change


def test_every_property_of_every_sample_comes_out_within_the_noise(replay):
    assert len(replay.samples) == 6
    found = [replay.sample(sample) for sample in replay.samples]
    assert all(one.agrees for one in found), [one for one in found if not one.agrees]
    properties = [one for sample in found for one in sample.properties.values()]
    assert len(properties) == 18
    whole = [one for one in properties if np.isfinite(one.recorded)]
    assert all(one.noise < 0.02 * one.recorded for one in whole), "a noise of any size would agree with everything"
    narrow = [one for one in whole if one.noise < 0.004 * one.recorded]
    assert len(narrow) >= 0.8 * len(whole)


def test_a_cracked_sample_cracks_again(replay):
    cracked = [replay.sample(name) for name in replay.samples]
    cracked = [one for one in cracked if one.failure]
    assert cracked
    for one in cracked:
        (sheet,) = [found for found in one.properties.values() if found.name == "sheet_resistance"]
        assert np.isinf(sheet.recorded) and np.isinf(sheet.recomputed)
        assert one.failure.startswith("cracked")


@pytest.mark.parametrize(("kind", "role", "attribute"), PROCESS)
def test_a_process_quantity_that_is_missing_is_missed(runs, kind, role, attribute):
    key = key_of(runs, kind, role, attribute)
    assert verdict(with_column(runs, kind, "process", key, lambda column: None)) == "cannot"


@pytest.mark.parametrize(("kind", "role", "attribute"), PROCESS)
def test_a_process_quantity_that_was_altered_is_noticed(runs, kind, role, attribute):
    key = key_of(runs, kind, role, attribute)
    assert verdict(with_column(runs, kind, "process", key, a_little_off(key))) == "disagrees"


@pytest.mark.parametrize("quantity", ROOM)
def test_a_reading_of_the_room_that_is_missing_or_altered_is_noticed(runs, quantity):
    key = f"room_{quantity}"
    assert verdict(with_column(runs, "anneal", "baseline", key, lambda column: None)) == "cannot"
    assert verdict(with_column(runs, "anneal", "baseline", key, lambda column: 1.1 * column)) == "disagrees"


@pytest.mark.parametrize(
    ("kind", "name", "key", "value"),
    [
        ("anneal", "fittings", "oxygen", 0.18),
        ("sputter", "fittings", "target_used", "3 kWh"),
        ("sputter", "parameters", "oxygen_flow", 0.2),
        ("anneal", "parameters", "temperature", 300.0),
    ],
)
def test_metadata_that_the_physics_needs_are_needed(runs, kind, name, key, value):
    def told(change):
        return [
            dataclasses.replace(run, start={**run.start, name: change(dict(run.start[name]))})
            if run.start["operation"] == kind
            else run
            for run in runs
        ]

    assert verdict(told(lambda entries: entries | {key: value})) == "disagrees"
    assert verdict(told(lambda entries: {k: v for k, v in entries.items() if k != key})) == "cannot"


def test_the_substrate_and_the_way_of_the_sample_are_needed(runs):
    without = [dataclasses.replace(run, start={**run.start, "substrates": {}}) for run in runs]
    assert verdict(without) == "cannot"
    rough = {SAMPLE: {"roughness_nm": 1.5}}
    assert verdict([dataclasses.replace(run, start={**run.start, "substrates": rough}) for run in runs]) == "disagrees"
    moves = [run for run in runs if run.start["operation"] == "transfer" and SAMPLE in run.start["samples"]]
    assert verdict([run for run in runs if run is not moves[1]]) == "cannot"


def test_a_whole_operation_that_is_missing_is_noticed(runs):
    for kind in ("sputter", "anneal"):
        left = [run for run in runs if run.start["operation"] != kind or SAMPLE not in run.start["samples"]]
        assert verdict(left) == "disagrees"


def test_samples_of_real_instruments_are_refused(runs):
    real = [dataclasses.replace(run, start={**run.start, "simulated": False}) for run in runs]
    with pytest.raises(CannotReplay, match="real instruments"):
        Replay(real).sample(SAMPLE)


def test_the_command_compares_with_nothing_but_the_documents(folder, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(folder / "journal", store / "journal")
    shutil.copyfile(folder / "store.json", store / "store.json")
    command = CliRunner()
    done = command.invoke(command_line, ["run", "replay", str(store), SAMPLE])
    assert (done.exit_code, done.stderr.count("\n")) == (4, 1)
    assert "index.db is missing; labctl store rebuild makes it anew from the journal" in done.stderr
    rebuild(store)
    done = command.invoke(command_line, ["run", "replay", str(store), SAMPLE])
    assert done.exit_code == 0, done.output
    assert "disagrees" not in done.output
    assert "furnace.heater_power, programme" in done.output
    done = command.invoke(command_line, ["run", "replay", str(store), "ito-night-0022"])
    assert done.exit_code == 4
    assert "Traceback" not in done.output
