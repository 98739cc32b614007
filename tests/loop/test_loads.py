"""Samples that share a furnace load, and stations that differ."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from labctl.campaign import Campaign, check_campaign
from labctl.clock import VirtualClock
from labctl.lab import build_lab
from labctl.store import Store
from plans import OPERATIONS
from tests.laboratory import EXAMPLE, SCHEMAS

pytestmark = pytest.mark.slow


def run(tmp_path, lab=lambda content: None, campaign=lambda content: None):
    """Run a changed copy of the example; return its ending and the start and stop of every run."""
    for name, change in (("lab", lab), ("recipe", with_few_readings), ("campaign", campaign)):
        content = yaml.safe_load((EXAMPLE / f"{name}.yaml").read_text())
        change(content)
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    shutil.copy(EXAMPLE / "substrates.csv", tmp_path)
    checked = check_campaign(tmp_path / "campaign.yaml", SCHEMAS)
    clock = VirtualClock(stall_s=30)
    with Store.open(tmp_path / "store") as store:
        built = build_lab(checked.lab, clock, SCHEMAS, seed=1)
        ending = Campaign(checked, built, store, OPERATIONS).run()
        clock.close()
        built.close()
    runs = []
    for file in Path(tmp_path / "store" / "journal").glob("*.jsonl"):
        lines = file.read_text().splitlines()
        runs.append((json.loads(lines[0])[1], json.loads(lines[-1])[1]))
    return ending, sorted(runs, key=lambda pair: pair[0]["scan_id"])


def with_few_readings(content):
    for operation in content["operations"]:
        if operation["operation"] in ("sputter", "anneal"):
            operation["monitor_period"] = "60 s"


def only_deposition_varies(content):
    content["space"] = [entry for entry in content["space"] if entry["field"].startswith("deposit")]
    content["budget"] = {"trials": 6}
    content["in_flight"] = 6
    content["optimizer"] = {"engine": "sobol"}


def test_samples_with_the_same_programme_share_a_load(tmp_path):
    ending, runs = run(tmp_path, campaign=only_deposition_varies)
    assert ending.n_completed + ending.n_failed == 6
    loads = [start["samples"] for start, _ in runs if start["operation"] == "anneal"]
    assert max(map(len, loads)) >= 2
    assert max(map(len, loads)) <= 4
    assert sorted(sample for load in loads for sample in load) == [f"ito-night-{n:04d}" for n in range(1, 7)]
    for start, _ in runs:
        if start["operation"] == "anneal":
            assert (
                len(start["trials"]) == len(start["locations"]) == len(set(start["locations"])) == len(start["samples"])
            )


def test_a_furnace_with_narrower_limits_gets_only_what_it_can_do(tmp_path):
    def narrow(content):
        content["devices"]["furnace_b_control"]["limits"]["target_setpoint"] = ["20 degC", "300 degC"]

    def few(content):
        content["budget"] = {"trials": 4}
        content["optimizer"] = {"engine": "sobol"}

    _, runs = run(tmp_path, lab=narrow, campaign=few)
    heats = [(s["station"], s["parameters"]["temperature"]) for s, _ in runs if s["operation"] == "anneal"]
    assert all(temperature <= 300 for station, temperature in heats if station == "furnace_b")
    assert any(temperature > 300 for _, temperature in heats)
    lines = (tmp_path / "store" / "decisions.jsonl").read_text().splitlines()
    decided = [json.loads(line)["decision"] for line in lines]
    assert decided[:3] == ["started", "suggested", "loaded"]  # the next only when there is room for it


def test_the_budget_of_lab_time_starts_no_trial_later(tmp_path):
    def short(content):
        content["budget"] = {"trials": 30, "lab_time": "1 h"}
        content["optimizer"] = {"engine": "random"}

    ending, _ = run(tmp_path, campaign=short)
    assert ending.reason == "lab time"
    assert 0 < ending.n_trials < 30
    assert ending.n_lost == 0


def test_no_improvement_ends_a_campaign(tmp_path):
    def impatient(content):
        content["stop"] = {"no_improvement": 1}
        content["budget"] = {"trials": 30}
        content["optimizer"] = {"engine": "random"}

    ending, _ = run(tmp_path, campaign=impatient)
    assert ending.reason == "no improvement"
    assert ending.n_trials < 30
