"""A sample's record gives a recipe that makes it again, on another furnace too."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from labctl.app._commands import command_line
from labctl.errors import StoreError
from labctl.files import read_yaml
from labctl.recipes import check_recipe
from labctl.records import operations_of, reached, recorded_recipe
from labctl.store import Store
from tests.laboratory import SCHEMAS, Laboratory
from tests.loop.test_campaigns import run_campaign

pytestmark = pytest.mark.slow
SAMPLE = "ito-night-0002"
STATIONS = {"sputter": "sputter", "measure_sheet_resistance": "probe", "measure_transmittance": "photometer"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign")
    run_campaign(folder, 3)
    return folder


@pytest.fixture(scope="module")
def history(folder):
    with Store.read(folder) as store:
        return operations_of(store, SAMPLE)


def make(content, furnace):
    """Do every operation of a recipe on a substrate; return the results by the operation's name."""
    stations, at, results = STATIONS | {"anneal": furnace}, "rack.5", {}
    with Laboratory(seed=7) as lab:
        for entry in content["operations"]:
            kind, station = entry["operation"], stations[entry["operation"]]
            lab.put(f"{station}.1", at)
            at = f"{station}.1"
            parameters = {key: value for key, value in entry.items() if key not in ("name", "operation")}
            assert lab.run(kind, station, **parameters)["exit_status"] == "success"
            if kind.startswith("measure"):
                results[entry["name"]] = lab.rows("result")[-1]
    return results


@pytest.mark.parametrize("option", ["--as-run", "--as-asked"])
def test_the_other_furnace_makes_the_sample_again(folder, history, tmp_path, option):
    file = tmp_path / "again.yaml"
    done = CliRunner().invoke(command_line, ["sample", "recipe", str(folder), SAMPLE, option, "--out", str(file)])
    assert done.exit_code == 0, done.output
    content = read_yaml(file)
    recipe, problems = check_recipe(content, SCHEMAS)
    assert recipe is not None and not problems
    (furnace,) = [operation.station for operation in history if operation.kind == "anneal"]
    found = make(content, "furnace_b" if furnace == "furnace_a" else "furnace_a")
    recorded = {operation.name: operation.results for operation in history if operation.results}
    assert found["resistance"]["sheet_resistance"] == pytest.approx(
        recorded["resistance"]["sheet_resistance"].value, rel=0.03
    )
    for name in ("transmittance", "transmittance_as_deposited"):
        assert found[name]["transmittance"] == pytest.approx(recorded[name]["transmittance"].value, abs=0.01)


def test_the_recipe_leaves_moves_out_and_keeps_order_and_names(history):
    content = recorded_recipe(SAMPLE, history, SCHEMAS, as_run=False)
    assert [entry["name"] for entry in content["operations"]] == [
        "deposit",
        "transmittance_as_deposited",
        "heat",
        "resistance",
        "transmittance",
    ]


def test_what_was_asked_stands_as_it_was_asked(history):
    content = recorded_recipe(SAMPLE, history, SCHEMAS, as_run=False)
    recipe, _ = check_recipe(content, SCHEMAS)
    asked = [{name: value.value for name, value in o.asked.items()} for o in history if o.kind != "transfer"]
    assert [dict(operation.parameters) for operation in recipe.operations] == asked


def test_what_was_run_has_the_resolution_of_the_instruments(history):
    (deposit,) = [operation for operation in history if operation.kind == "sputter"]
    found = reached(deposit)
    assert found["power"] == round(deposit.asked["power"].value)
    assert found["argon_flow"] == pytest.approx(20.0, abs=0.02)
    assert found["oxygen_flow"] == pytest.approx(deposit.asked["oxygen_flow"].value, abs=0.02)
    assert deposit.asked["thickness"].value <= found["thickness"] < deposit.asked["thickness"].value + 1.0


def with_traces(operation, **changes):
    """Return an anneal with changed traces."""
    traces = dict(operation.traces)
    for attribute, change in changes.items():
        key = f"{operation.roles['furnace']}_{attribute}"
        traces[key] = dataclasses.replace(traces[key], values=change(traces[key].values))
    return dataclasses.replace(operation, traces=traces)


def test_a_furnace_that_stayed_colder_gives_the_temperature_that_it_reached(history):
    (heat,) = [operation for operation in history if operation.kind == "anneal"]
    usual = reached(heat)
    assert usual["temperature"] == pytest.approx(heat.asked["temperature"].value, abs=0.06)
    assert usual["dwell"] == pytest.approx(heat.asked["dwell"].value, abs=0.5)
    assert usual["ramp_rate"] == pytest.approx(heat.asked["ramp_rate"].value, rel=0.02)
    half = with_traces(heat, temperature=lambda values: values[0] + 0.5 * (values - values[0]))
    cold = reached(half)
    assert cold["temperature"] < 0.7 * usual["temperature"]
    assert cold["ramp_rate"] == pytest.approx(0.5 * usual["ramp_rate"], rel=0.1)


def test_a_target_that_somebody_changed_at_the_panel_is_found(history):
    (heat,) = [operation for operation in history if operation.kind == "anneal"]
    lower = heat.asked["temperature"].value - 50.0
    changed = with_traces(
        heat, temperature=lambda v: np.minimum(v, lower), working_setpoint=lambda v: np.minimum(v, lower)
    )
    assert reached(changed)["temperature"] == pytest.approx(lower, abs=0.06)


def test_what_did_not_come_to_its_end_is_no_recipe_as_run(history):
    broken = [dataclasses.replace(o, status="fail") if o.kind == "anneal" else o for o in history]
    with pytest.raises(StoreError, match=r"anneal .* ended with fail"):
        recorded_recipe(SAMPLE, broken, SCHEMAS, as_run=True)
    assert len(recorded_recipe(SAMPLE, broken, SCHEMAS, as_run=False)["operations"]) == 5


def test_operations_with_one_name_get_different_names(history):
    twice = recorded_recipe(SAMPLE, [*history, *history], SCHEMAS, as_run=True)
    names = [entry["name"] for entry in twice["operations"]]
    assert len(set(names)) == 10 and "heat-2" in names


def test_moves_alone_give_no_recipe(history):
    moves = [operation for operation in history if operation.kind == "transfer"]
    with pytest.raises(StoreError, match="no operation is recorded"):
        recorded_recipe(SAMPLE, moves, SCHEMAS, as_run=True)


def test_the_command_prints_and_names_what_is_unknown(folder):
    done = CliRunner().invoke(command_line, ["sample", "recipe", str(folder), SAMPLE])
    assert done.exit_code == 0
    assert yaml.safe_load(done.output)["recipe"] == f"{SAMPLE}-as-run"
    done = CliRunner().invoke(command_line, ["sample", "recipe", str(folder), "ito-night-002"])
    assert done.exit_code == 4
    assert "did you mean" in done.stderr
