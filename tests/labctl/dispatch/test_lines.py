"""The line and its policies, without instruments: every route ends, and what must hold holds on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.dispatch import Advised, FirstCome, Forecast, Greedy, Line, Policy, Prospect, Share, Traveller, advise
from labctl.dispatch._leaving import leave
from labctl.dispatch._taking_back import take_back
from labctl.lab import Station
from labctl.recipes import Operation, Recipe, Timing
from tests.lines import Trial, Troubles, empty_line, random_line

MINUTE = 60.0
WINDOW = 120 * MINUTE


def line_of(
    stations: Mapping[str, tuple[str, int]],
    route: Mapping[str, Mapping[str, Any]],
    n: int,
    policy: Policy,
    **about: Any,
) -> Line:
    """Return a line of stations (kind, places) with `n` equal samples; times in minutes."""
    built = {name: Station(name, {kind: ()}, places, **about) for name, (kind, places) in stations.items()}
    line = empty_line(built, {"rack": n}, policy)
    timings = {
        kind: Timing(**{k: v * MINUTE if k != "optional" else v for k, v in t.items()}) for kind, t in route.items()
    }
    recipe = Recipe("r", tuple(Operation(kind, kind, {}, {}, timing) for kind, timing in timings.items()))
    for number in range(n):
        line.take(Traveller(f"s{number:03d}", f"T{number:03d}", recipe, {}, "", ""))
    return line


def reference(policy: Policy, within: float | None = None) -> Prospect:
    """Return how 48 samples pass two spin coaters, two furnaces for eight, a coater, a probe and a diffractometer."""
    stations = {
        "spin_a": ("spin", 1), "spin_b": ("spin", 1), "furnace_a": ("anneal", 8), "furnace_b": ("anneal", 8),
        "coater": ("coat", 1), "probe": ("probe", 1), "xrd": ("diffract", 1),
    }  # fmt: skip
    window = {} if within is None else {"begin_within": within}
    route = {
        "spin": {"takes": 5}, "anneal": {"takes": 240}, "coat": {"takes": 40, **window},
        "probe": {"takes": 4}, "diffract": {"takes": 25},
    }  # fmt: skip
    return Forecast(line_of(stations, route, 48, policy, load_wait_s=30 * MINUTE)).run()


BOUND_MIN = 2294.0
"""Before the first coating 248 min, 48 coatings of 40 min, 47 changes of 2 min, after the last 32 min."""


def test_the_reference_line_runs_near_its_limit():
    assert reference(Greedy()).makespan / MINUTE < 1.04 * BOUND_MIN
    assert reference(FirstCome()).makespan / MINUTE < 1.2 * BOUND_MIN


def test_windows_are_kept_by_smaller_loads():
    first_come, greedy = reference(FirstCome(), within=120), reference(Greedy(), within=120)
    assert len(first_come.lost) > 20
    assert greedy.lost == {}
    assert greedy.makespan / MINUTE < 1.05 * BOUND_MIN


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10**9),
    st.sampled_from(
        [
            Troubles(),
            Troubles(0.0, 0.3),
            Troubles(0.05, 0.2, 2),
            Troubles(0.05, 0.2, 1, True),
            Troubles(0.05, 0.2, 1, False, 6),
        ]
    ),
)
def test_every_route_over_every_line_ends(seed, troubles):
    trial = Trial(random_line(seed, Greedy(), troubles=troubles), seed, troubles)
    assert trial.pass_through().wrong == []
    if troubles == Troubles():  # everything comes as it was foreseen
        assert trial.line.n_missed == 0


@pytest.mark.parametrize(
    "seed",
    [
        6,  # a load that could stay gives way to one that was promised the station
        165,  # a load is filled with samples that are due before others
        684,  # a busy station is cleaned after what it does now, not after what it did before
        738,  # a station is cleaned and got ready only when its load is all there
        1425,  # nobody waits for a sample with which the load would come too late to what follows
        3205,  # all samples of a load that is due are carried at once
        703,  # a load that is due is not filled up with so many that the mover brings them too late
        1766,  # a station that was promised goes to nobody else in a later decision
        2260,  # what else is carried meanwhile makes nobody late
        16388,  # nor what several stations begin at once
    ],
)
def test_windows_that_can_be_kept_are_kept(seed):
    passed = Trial(random_line(seed, Greedy()), seed, Troubles()).pass_through()
    assert (passed.wrong, passed.n_late) == ([], 0)


def test_a_load_waits_for_samples_that_come_soon_and_no_longer():
    stations = {"spin": ("spin", 1), "furnace": ("anneal", 4)}
    route = {"spin": {"takes": 5}, "anneal": {"takes": 180}}
    soon = Forecast(line_of(stations, route, 3, Greedy(), load_wait_s=30 * MINUTE)).run()
    assert [len(span.samples) for span in soon.spans if span.kind == "anneal"] == [3]
    at_once = Forecast(line_of(stations, route, 3, Greedy())).run()
    assert [len(span.samples) for span in at_once.spans if span.kind == "anneal"] == [1, 2]


def test_a_sample_that_is_too_late_is_set_aside_and_an_optional_operation_left_out():
    stations = {"a": ("spin", 1), "b": ("coat", 1)}
    impossible = {"takes": 5, "begin_within": 0.5}
    aside = Forecast(line_of(stations, {"spin": {"takes": 5}, "coat": impossible}, 1, Greedy())).run()
    assert aside.lost == {"s000": "coat could not begin within 30 s"}
    route = {"spin": {"takes": 5}, "coat": {**impossible, "optional": True}}
    left_out = Forecast(line_of(stations, route, 1, Greedy())).run()
    assert left_out.lost == {}
    assert [span.kind for span in left_out.spans] == ["spin"]


def test_an_operation_begins_no_sooner_than_it_may():
    route = {"spin": {"takes": 5}, "coat": {"takes": 5, "begin_after": 60}}
    prospect = Forecast(line_of({"a": ("spin", 1), "b": ("coat", 1)}, route, 1, Greedy())).run()
    first, second = prospect.spans
    assert second.begin == first.end + 60 * MINUTE


def test_a_station_is_changed_over_between_kinds():
    about = {"spin": 600.0, "coat": 300.0}
    built = {"tool": Station("tool", {"spin": (), "coat": ()}, set_up_s=about, clean_down_s=about)}
    line = empty_line(built, {"rack": 1}, Greedy())
    takes = Timing(takes=600.0)
    recipe = Recipe("r", (Operation("a", "spin", {}, {}, takes), Operation("b", "coat", {}, {}, takes)))
    line.take(Traveller("s0", "T0", recipe, {}, "", ""))
    first, second = Forecast(line).run().spans
    assert second.begin - first.end == MINUTE + 600.0 + 300.0 + MINUTE  # out, clean-down, set-up, in


def changed_over_for(n: int) -> Line:
    """Return a line with a tool for two samples, that is being got ready for its first operation, of `n` samples."""
    line = empty_line({"tool": Station("tool", {"coat": ()}, 2, set_up_s={"coat": 600.0})}, {"rack": 3}, Greedy())
    line.ports["tool"].last_kind = "etch"
    recipe = Recipe("r", (Operation("a", "coat", {}, {}, Timing(takes=600.0)),))
    for number in range(n):
        line.take(Traveller(f"s{number}", f"T{number}", recipe, {}, "", "", share=f"of {number}" if n == 2 else ""))
    return line


@pytest.mark.parametrize("gone", ["taken back", "leaving"])
def test_a_station_that_is_got_ready_for_nobody_begins_anew(gone):
    forecast = Forecast(changed_over_for(2))
    line = forecast.line
    calls = {"taken back": lambda line: take_back(line, "s0"), "leaving": lambda line: leave(line, "of 0", "stopped")}
    forecast.at(300.0, calls[gone])
    (span,) = forecast.run().spans
    assert (span.samples, span.begin) == (("s1",), 300.0 + 600.0 + MINUTE)
    assert set(line.places.holders().values()) == ({"s1"} if gone == "taken back" else {"s0", "s1"})


def test_a_load_goes_on_without_a_sample_that_is_taken_back():
    """One of two is on its way to the tool, the other still lies in the rack; a third takes its place there."""
    forecast = Forecast(changed_over_for(3))
    line, answers = forecast.line, []
    forecast.at(610.0, lambda line: answers.extend(take_back(line, sample) for sample in ("s0", "s1", "s1")))
    spans = forecast.run().spans
    assert answers == [None, {"s2": "rack.3"}, None]
    assert [span.samples for span in spans] == [("s0",), ("s2",)]
    assert line.places.reserve("rack", "s3") == "rack.2"


def test_a_sample_stays_where_its_next_operation_is_done_as_well():
    built = {"chamber": Station("chamber", {"pump": (), "coat": (), "vent": ()})}
    line = empty_line(built, {"rack": 2}, Greedy())
    kinds = ("pump", "coat", "vent")
    recipe = Recipe("r", tuple(Operation(kind, kind, {}, {}, Timing(takes=600.0)) for kind in kinds))
    for number in range(2):
        line.take(Traveller(f"s{number}", f"T{number}", recipe, {}, "", ""))
    spans = Forecast(line).run().spans
    assert [(span.kind, span.begin) for span in spans[:3]] == [("pump", 60.0), ("coat", 660.0), ("vent", 1260.0)]
    assert spans[3].begin == 1860.0 + 2 * MINUTE  # out and in


def test_operations_in_any_order_use_the_station_that_is_free():
    stations = {"a": ("spin", 1), "b": ("coat", 1)}
    built = {name: Station(name, {kind: ()}) for name, (kind, _) in stations.items()}
    line = empty_line(built, {"rack": 2}, Greedy())
    any_order = Timing(takes=1800.0, any_order=True)
    recipe = Recipe("r", (Operation("x", "spin", {}, {}, any_order), Operation("y", "coat", {}, {}, any_order)))
    for number in range(2):
        line.take(Traveller(f"s{number}", f"T{number}", recipe, {}, "", ""))
    assert Forecast(line).run().makespan < 2 * 1800.0 + 8 * MINUTE


def test_priority_goes_first_and_shares_are_fair():
    line = line_of({"a": ("spin", 1)}, {"spin": {"takes": 30}}, 12, Greedy())
    line.shares = {"big": Share(3.0), "small": Share(1.0)}
    for number, traveller in enumerate(line.travellers):
        traveller.share = "small" if number < 6 else "big"
    line.travellers[-1].priority = 1
    samples = [span.samples[0] for span in Forecast(line).run().spans]
    assert samples[0] == "s011"
    assert sum(int(sample[1:]) >= 6 for sample in samples[:8]) == 6


def test_a_deadline_that_presses_goes_before_shares():
    line = line_of({"a": ("spin", 1)}, {"spin": {"takes": 30}}, 12, Greedy())
    line.shares = {"big": Share(3.0), "small": Share(1.0)}
    for number, traveller in enumerate(line.travellers):
        traveller.share = "small" if number < 6 else "big"
    for sample in (3, 4, 5):  # a fair share would begin them first, fifth and ninth
        line.travellers[sample].deadline = 200 * MINUTE
    ends = Forecast(line).run().ends
    assert max(ends[f"s00{sample}"] for sample in (3, 4, 5)) <= 200 * MINUTE
    assert ends["s006"] < 100 * MINUTE, "no sooner than it has to be"


def test_a_retired_station_is_emptied_and_others_take_over():
    stations = {"a": ("spin", 1), "b": ("spin", 1)}
    forecast = Forecast(line_of(stations, {"spin": {"takes": 30}}, 6, Greedy()))
    forecast.at(600.0, lambda line: line.retire(line.ports["a"], "maintenance"))
    prospect = forecast.run()
    assert prospect.lost == {}
    assert [span.station for span in prospect.spans].count("a") == 1
    assert forecast.line.ports["a"].state == "quarantined"


def test_a_forecast_leaves_the_line_as_it_was():
    line = line_of({"a": ("spin", 1)}, {"spin": {"takes": 30}}, 3, Greedy())
    before = [(t.status, t.location, t.index) for t in line.travellers]
    prospect = Forecast(line).run()
    assert prospect.ends["s002"] == pytest.approx(3 * (30 + 2) * MINUTE)
    assert prospect.bottleneck() == "a"
    assert [(t.status, t.location, t.index) for t in line.travellers] == before
    assert line.look_again == math.inf


def small_reference(policy: Policy) -> Line:
    """Return ten samples before a furnace for four and a coater."""
    stations = {"spin": ("spin", 1), "furnace": ("anneal", 4), "coater": ("coat", 1)}
    route = {"spin": {"takes": 5}, "anneal": {"takes": 120}, "coat": {"takes": 40}}
    return line_of(stations, route, 10, policy, load_wait_s=60 * MINUTE)


@pytest.mark.slow
def test_advice_is_better_and_comes_true():
    line = small_reference(Greedy())
    advice = advise(line, effort=0.3)
    assert advice is not None
    assert advice.makespan < advice.makespan_without == Forecast(line).run().makespan
    assert Forecast(line, Advised(advice)).run().makespan == advice.makespan


@pytest.mark.parametrize("seed", [*range(12), 647])  # in the last a plan has two operations of one sample at once
def test_advice_that_no_longer_fits_is_given_up(seed):
    troubles = Troubles(0.1, 0.3, 2)
    policy = Advised()
    line = random_line(seed, policy, troubles=troubles)
    policy.follow(advise(line, effort=0.0))
    assert Trial(line, seed, troubles).pass_through().wrong == []


class Night:
    """A calendar of a station that opens once, in ten hours."""

    def opens(self, at: float, length_s: float) -> float | None:
        return max(at, 36000.0)


def test_nothing_is_begun_that_has_to_go_on_while_its_next_station_is_closed():
    built = {"a": Station("a", {"spin": ()}), "b": Station("b", {"coat": ()}, calendar=Night())}
    line = empty_line(built, {"rack": 2}, Greedy())
    timings = (Timing(takes=3600.0), Timing(takes=1800.0, begin_within=7200.0))
    recipe = Recipe("r", tuple(Operation(k, k, {}, {}, t) for k, t in zip(("spin", "coat"), timings, strict=True)))
    for number in range(2):
        line.take(Traveller(f"s{number}", f"T{number}", recipe, {}, "", ""))
    prospect = Forecast(line).run()
    assert prospect.lost == {}
    assert prospect.spans[0].begin == 36000.0 - 7200.0 - 3600.0, "as soon as the window reaches the opening"


def test_nothing_is_begun_that_has_to_go_on_in_a_station_that_is_held():
    line = line_of(
        {"a": ("spin", 1), "b": ("coat", 1)},
        {"spin": {"takes": 5}, "coat": {"takes": 5, "begin_within": 60}},
        1,
        Greedy(),
    )
    line.ports["b"].held["operator"] = "a person looks at it"
    forecast = Forecast(line)
    forecast.at(7200.0, lambda line: line.ports["b"].held.clear())
    prospect = forecast.run()
    assert prospect.lost == {}
    assert prospect.spans[0].begin == 7200.0 + MINUTE


class Never:
    """A calendar without opening hours."""

    def opens(self, at: float, length_s: float) -> float | None:
        return None


def test_a_sample_that_nothing_lets_go_on_is_given_up():
    line = line_of({"a": ("spin", 1)}, {"spin": {"takes": 5}}, 2, Greedy(), calendar=Never())
    assert Forecast(line).run().lost == dict.fromkeys(("s000", "s001"), "nothing that is under way lets it go on")
    line.ports["a"].held["operator"] = "a person looks at it"
    assert Forecast(line).run().lost == {}
