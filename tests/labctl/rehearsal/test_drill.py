"""Faults in a short campaign: what comes of them is what is told."""

import pytest

from labctl.campaign import check_campaign
from labctl.rehearsal._drill import Injection, drill, injections, reference_of
from plans import OPERATIONS
from tests.labctl.rehearsal.conftest import DEPOSIT, HEAT, LOOK, write_campaign
from tests.laboratory import SCHEMAS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def drilled(tmp_path_factory):
    """Return a function that drills a fault in the first operation of a kind, so long after its begin."""
    folder = tmp_path_factory.mktemp("drill")
    file = write_campaign(folder / "files", (DEPOSIT, HEAT, LOOK), trials=1)
    reference = reference_of(file, OPERATIONS, folder / "reference", 4)

    def do(device, kind, during, after_s, duration_s=None, amount=0.0):
        window = next(window for window in reference.windows if window.operation == during)
        number = len(list(folder.iterdir()))
        injection = Injection(number, device, kind, window.begin_s + after_s, duration_s, amount, during)
        return drill(file, OPERATIONS, folder / f"drill-{number}", 4, injection, reference)

    return do


def test_a_reply_that_is_lost_once_is_asked_for_again(drilled):
    one = drilled("argon", "lost", "sputter", 40.0, duration_s=2.0)
    assert (one.outcome, one.n_lost, one.hazards, one.safe_after_s) == ("withstood", 0, {}, 0.0)
    assert one.n_errors >= 1


def test_a_supply_that_trips_costs_the_sample_and_the_station(drilled):
    one = drilled("magnetron", "arc", "sputter", 40.0)
    assert (one.outcome, one.n_lost, one.hazards) == ("station lost", 1, {})
    assert "magnetron went off during the deposition" in one.detail


def test_a_furnace_that_cannot_be_reached_is_not_told_as_safe(drilled):
    one = drilled("furnace_a_control", "disconnected", "anneal", 60.0, duration_s=1800.0)
    assert one.outcome == "station lost"
    assert "control on" in one.hazards["furnace_a_control"]
    assert one.safe_after_s is not None and 60.0 <= one.safe_after_s < 3600.0  # its own programme ends with heater off


def test_a_lamp_that_fails_costs_its_station(drilled):
    one = drilled("photometer_meter", "lamp_off", "measure_transmittance", 0.0)
    assert (one.outcome, one.n_lost) == ("station lost", 1)
    assert "the lamp is out" in one.detail


def test_a_crystal_that_misses_some_growth_goes_unnoticed(drilled):
    one = drilled("quartz", "dead_crystal", "sputter", 50.0, duration_s=400.0)
    assert (one.outcome, one.n_lost) == ("unnoticed", 0), one
    assert "clear of T0001 is" in one.detail


def test_an_interlock_that_trips_is_told_and_ends_what_it_should(tmp_path, capsys):
    cold = {
        "signal": "furnace_a_control.temperature",
        "minus": "furnace_a_control.working_setpoint",
        "below": "-40 K",
        "for": "1 min",
        "action": "abort",
    }
    warm = {"signal": "room.temperature", "above": "0 degC", "action": "warn"}
    heat = {**HEAT, "temperature": "200 degC"}
    file = write_campaign(tmp_path / "files", (DEPOSIT, heat, LOOK), trials=1, interlocks={"cold": cold, "warm": warm})
    reference = reference_of(file, OPERATIONS, tmp_path / "reference", 4)
    begin_s = next(window.begin_s for window in reference.windows if window.operation == "anneal")
    injection = Injection(0, "furnace_a_control", "dead_heater", begin_s + 120.0, None, 0.0, "anneal")
    one = drill(file, OPERATIONS, tmp_path / "drill", 4, injection, reference)
    assert [(trip.name, trip.action, trip.n) for trip in one.trips] == [("cold", "abort", 1), ("warm", "warn", 1)]
    assert (one.outcome, one.n_lost, one.hazards) == ("station lost", 1, {})
    assert "cold: furnace_a_control.temperature - furnace_a_control.working_setpoint is" in one.detail
    assert not any("cold" in text for text in reference.noticed)
    assert any("warm" in text for text in reference.noticed)
    assert capsys.readouterr() == ("", "")


def test_faults_come_each_kind_once_in_use_and_the_same_for_the_same_seed(drilled, tmp_path):
    file = write_campaign(tmp_path / "files")
    reference = reference_of(file, OPERATIONS, tmp_path / "reference", 4)
    lab = check_campaign(file, SCHEMAS).lab
    found = injections(reference, lab, 4, None)
    kinds = [one.kind for one in found]
    assert len(set(kinds)) == len(kinds)
    assert {"late", "lost", "garbled", "partial", "disconnected", "no_flow", "arc", "dropped"} <= set(kinds)
    assert "dead_heater" not in kinds  # no furnace is used
    for one in found:
        using = [w for w in reference.windows if one.device in w.devices and w.operation == one.during]
        assert any(w.begin_s - 0.1 <= one.start_s <= w.end_s + 0.1 for w in using)
    assert injections(reference, lab, 4, None) == found
    assert injections(reference, lab, 5, None) != found
    assert len(injections(reference, lab, 4, len(kinds) + 3)) == len(kinds) + 3
    assert injections(reference, lab, 4, 0) == ()
