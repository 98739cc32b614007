"""How long operations are expected to take."""

from labctl.dispatch import Durations
from labctl.lab import Station
from labctl.recipes import Operation, Timing
from tests.laboratory import SCHEMAS

FURNACE = Station("furnace_a", {"anneal": ()})
PROGRAMME = {"temperature": 300.0, "ramp_rate": 10.0, "dwell": 30.0, "unload_below": 80.0, "monitor_period": 10.0}
ANNEAL = Operation("heat", "anneal", PROGRAMME)


def test_the_recipe_comes_before_the_station_and_the_plan():
    durations = Durations(SCHEMAS)
    assert durations.expected_s(FURNACE, ANNEAL) == (300.0 / 10.0 + 30.0) * 60.0 + 3600.0
    assert durations.expected_s(Station("f", {"anneal": ()}, takes_s={"anneal": 99.0}), ANNEAL) == 99.0
    timed = Operation("heat", "anneal", PROGRAMME, timing=Timing(takes=7.0))
    assert durations.expected_s(FURNACE, timed) == 7.0


def test_estimates_are_corrected_by_what_was_recorded():
    durations = Durations(SCHEMAS)
    declared_s = durations.expected_s(FURNACE, ANNEAL)
    start = {"operation": "anneal", "parameters": PROGRAMME}
    for ratio in (1.1, 1.2, 1.9):
        durations.learn_run(FURNACE, start, ratio * declared_s)
    longer = Operation("heat", "anneal", {**PROGRAMME, "dwell": 90.0})
    assert durations.expected_s(FURNACE, longer) == 1.2 * (declared_s + 3600.0)
    assert durations.longest_s(FURNACE, longer) == 1.9 * (declared_s + 3600.0)
    assert durations.of_run_s(FURNACE, start) == 1.2 * declared_s
    other = Station("furnace_b", {"anneal": ()})
    assert durations.of_run_s(other, start) == declared_s
    assert durations.of_run_s(FURNACE, {"operation": "no such"}) is None


def test_a_forecast_learns_nothing():
    durations = Durations(SCHEMAS)
    frozen = durations.frozen()
    frozen.learn(FURNACE, ANNEAL, 1.0)
    frozen.learn_move(1.0)
    assert frozen.expected_s(FURNACE, ANNEAL) == durations.expected_s(FURNACE, ANNEAL)
    assert frozen.move_s == durations.move_s
