"""Stations that come while a campaign runs."""

from dataclasses import replace

import pytest

from labctl.campaign import Campaign, check_campaign
from labctl.clock import VirtualClock
from labctl.errors import LabError
from labctl.lab import build_lab, extend_lab, extension_problems
from labctl.store import Store
from plans import OPERATIONS
from tests.laboratory import EXAMPLE, SCHEMAS, example_lab


def with_one_furnace(faults=()):
    """Return the example's lab file before it had its second furnace, and as it is."""
    whole = example_lab(faults)
    devices = {name: entry for name, entry in whole.devices.items() if name != "furnace_b_control"}
    stations = {name: entry for name, entry in whole.stations.items() if name != "furnace_b"}
    order = [["magnetron", "furnace_a_control"], ["argon", "oxygen"]]
    return whole.model_copy(update={"devices": devices, "stations": stations, "safe_order": order}), whole


def test_only_stations_may_come():
    before, after = with_one_furnace()
    assert extension_problems(before, after) == []
    assert [str(problem) for problem in extension_problems(after, after)] == [
        f"stations: none is new; {', '.join(after.stations)} work already"
    ]
    probe = after.stations["probe"].model_copy(update={"places": 2})
    other = after.model_copy(update={"stations": {**after.stations, "probe": probe}, "racks": {"rack": 7}})
    assert [str(problem) for problem in extension_problems(before, other)] == [
        "racks: was changed: while the laboratory works only stations, devices and interlocks may be added",
        "stations.probe: was changed or left out, and works already",
    ]


def test_a_laboratory_stays_as_it_was_when_a_new_instrument_is_mute():
    faults = [{"device": "furnace_b_control", "kind": "lost", "start": 0.0, "duration": 3600.0}]
    before, after = with_one_furnace(faults)
    before = before.model_copy(update={"simulated": after.simulated.model_copy(update={"faults": []})})
    clock = VirtualClock(stall_s=20)
    lab = build_lab(before, clock, SCHEMAS, seed=1)
    try:
        with clock.held():
            with pytest.raises(LabError, match="furnace_b_control"):
                extend_lab(lab, before, after, SCHEMAS)
            assert set(lab.stations) == set(before.stations)
            clock.sleep(3600.0)
            assert [station.name for station in extend_lab(lab, before, after, SCHEMAS)] == ["furnace_b"]
            assert "furnace_b_control" in lab.devices
    finally:
        clock.close()
        lab.close()


@pytest.mark.slow
def test_samples_go_to_a_furnace_that_came_later(tmp_path):
    before, after = with_one_furnace()
    checked = check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS, seed=1)
    budget = checked.file.budget.model_copy(update={"trials": 3})
    checked = replace(checked, file=checked.file.model_copy(update={"budget": budget, "in_flight": 3}), lab=before)
    clock, kept = VirtualClock(stall_s=30), []

    def later(campaign):
        clock.sleep(1800.0)  # the first sample is in the only furnace, or on its way
        campaign.tell(lambda: campaign.operator.extend(after, lambda: kept.append(True), "K. Sato"))

    with Store.open(tmp_path) as store:
        lab = build_lab(before, clock, SCHEMAS, seed=1)
        try:
            campaign = Campaign(checked, lab, store, OPERATIONS)
            campaign.tell(lambda: clock.spawn(lambda: later(campaign), "later"))
            ending = campaign.run()
        finally:
            clock.close()
            lab.close()
        runs = [store.run(run.uid) for run in store.runs(operation="anneal")]
    assert (ending.reason, ending.n_lost, kept) == ("budget", 0, [True])
    assert {run.start["station"] for run in runs} == {"furnace_a", "furnace_b"}
    assert min(run.start["time"] for run in runs if run.start["station"] == "furnace_b") > 1800.0
    assert (tmp_path / "decisions.jsonl").read_text().count('"decision": "extended"') == 1
