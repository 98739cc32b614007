"""The power fails: controller, instruments and plant stop together, and hours later all of them start again."""

import pytest

from sim_devices.wire import cut_power, requests
from tests.deaths import killed_while_writing, reads, under_way
from tests.loop.test_failure_rules import run_again, starts

pytestmark = pytest.mark.slow


def cut(folder, is_the_line, hours, **changes):
    """Run a campaign of one trial until it writes a line, and let the power be away for hours."""
    killed_while_writing(is_the_line, lambda: run_again(folder, **changes))
    cut_power(folder / "plant.log", hours * 3600)


@pytest.mark.parametrize("hours", [0.01, 12.0])
def test_a_furnace_that_lost_its_programme_is_switched_off_and_unloaded_when_it_is_cold(tmp_path, hours):
    cut(tmp_path, reads("furnace_a_control_temperature", 200.0), hours)
    began = list(requests(tmp_path / "plant.log"))[-1][0]
    campaign, ending, _ = run_again(tmp_path)
    assert list(campaign.lost) == ["T0001"] and "no programme is running" in campaign.lost["T0001"]
    assert len(starts(tmp_path, "anneal")) == 1
    assert ending.whereabouts == {"ito-night-0001": "rack.1"}
    assert campaign.lab.plant.hazards() == {}
    (out,) = [s for s in starts(tmp_path, "transfer") if s["parameters"]["source"].startswith("furnace")]
    waited_s = out["time"] - campaign.lab.clock.epoch - began
    assert waited_s > 1800 if hours < 1 else waited_s < 600, "it is unloaded when it is cold, and no later"


def test_a_film_that_was_growing_is_set_aside_and_all_is_off(tmp_path):
    cut(tmp_path, reads("quartz_rate", 0.01), 2.0)
    campaign, ending, _ = run_again(tmp_path)
    assert list(campaign.lost) == ["T0001"]
    assert len(starts(tmp_path, "sputter")) == 1
    assert ending.whereabouts == {"ito-night-0001": "rack.1"}
    assert campaign.lab.plant.hazards() == {}


def test_a_measurement_is_made_again_with_an_instrument_that_forgot_its_settings(tmp_path):
    whole, _, _ = run_again(tmp_path / "whole")
    cut(tmp_path / "cut", under_way("probe_meter"), 0.1)
    campaign, ending, _ = run_again(tmp_path / "cut")
    assert (ending.n_completed, ending.n_lost) == (1, 0)
    assert len(starts(tmp_path / "cut", "measure_sheet_resistance")) == 2
    found, expected = (c.outcomes[0].objectives["figure_of_merit"] for c in (campaign, whole))
    assert found == pytest.approx(expected, rel=0.02)


def test_after_a_move_that_was_cut_off_nothing_is_carried_until_a_person_has_looked(tmp_path):
    released_at = []

    def meanwhile(campaign, happening):
        if happening.kind == "wait":
            assert happening.station == "mover" and "power was lost" in happening.text
            campaign.lab.clock.spawn(lambda: look(campaign), "person")

    def look(campaign):
        campaign.lab.clock.sleep(3600.0)
        released_at.append(campaign.lab.clock.time())
        campaign.tell(lambda: campaign.operator.release("mover", "K. Sato"))

    about = {"n_trials": 2, "in_flight": 1}
    cut(tmp_path, lambda line: b"MOVE 1".hex().encode() in line, 0.5, **about)
    _, ending, _ = run_again(tmp_path, meanwhile=meanwhile, **about)
    assert ending.whereabouts == {"ito-night-0001": "rack.1 or sputter.1?"}
    assert (ending.n_lost, ending.n_completed) == (1, 1)
    assert starts(tmp_path, "transfer")[1]["time"] >= released_at[0]
