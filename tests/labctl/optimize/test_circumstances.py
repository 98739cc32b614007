"""Constraints, priors, hours, repeats and values as run: what a laboratory tells besides outcomes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labctl.constraints import Constraint
from labctl.objectives import InputOf, Objective
from labctl.optimize import HOURS_KEY, ID_KEY, ROW_KEY, make_optimizer
from labctl.optimize._domain import domain_of
from labctl.trials import Candidates, Categorical, Continuous, Integer, SearchSpace

GAIN = Objective("gain", "maximize", "v", {"v": InputOf("probe", "v")})
MELT = (
    Continuous("a", 0.0, 1.0),
    Continuous("b", 0.0, 1.0),
    Continuous("c", 0.0, 0.5),
    Integer("n", 1, 8),
    Categorical("dwell", (10.0, 30.0, 60.0)),
)
NAMES = tuple(parameter.name for parameter in MELT)


def restrained(*texts):
    return SearchSpace(MELT, tuple(Constraint(text, NAMES) for text in texts))


def values_of(point):
    return {name: value for name, value in point.items() if not name.startswith("_")}


def run(optimizer, n_trials, gain):
    """Return the gains of that many trials."""
    gains = []
    for _ in range(n_trials):
        (point,) = optimizer.suggest()
        gains.append(gain(point))
        optimizer.ingest([{**point, "gain": gains[-1]}])
    return gains


@pytest.mark.parametrize("engine", ("random", "sobol", "gp"))
def test_suggestions_satisfy_constraints(engine):
    space = restrained("a + b + c == 1", "n * dwell <= 200", "a >= 2 * b", "exp(c) * n >= 2")
    optimizer = make_optimizer(engine, space, [GAIN], 0, {})
    found = []
    for _ in range(12):
        (point,) = optimizer.suggest()
        space.check(values_of(point))
        found.append(point)
        optimizer.ingest([{**point, "gain": -((point["a"] - 0.6) ** 2) - 0.01 * point["n"]}])
    assert len({point["a"] for point in found}) > 6


def test_gp_finds_the_best_mixture_on_the_edge_of_what_is_allowed():
    space = restrained("a + b + c == 1", "a <= 0.6", "n + dwell <= 34")
    optimizer = make_optimizer("gp", space, [GAIN], 0, {})
    gains = run(optimizer, 30, lambda p: p["a"] - (p["c"] - 0.25) ** 2 + 0.01 * p["dwell"] - 0.01 * (p["n"] - 3) ** 2)
    assert max(gains) > 0.6 + 0.3 - 0.01


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("a + b + c == 3",), r"no recipe within the limits satisfies 'a \+ b \+ c == 3'"),
        (("a <= 0.2", "a >= 0.4"), "'a <= 0.2' and 'a >= 0.4'"),
        (("a * b == 1",), "an equation must be a sum of continuous parameters without a step"),
        (("a + n == 3",), "an equation must be a sum of continuous parameters without a step"),
        (("a + b == 1", "b + c == 1"), "'b [+] c == 1': b is free for one equation only"),
        (("a < 1",), "must compare two sides with <=, >= or =="),
        (("x <= 1",), "uses no parameter"),
        (("a <= x",), "unknown name 'x'; parameters that are numbers"),
        (("__import__('os') <= a",), "unknown function"),
    ],
)
def test_wrong_constraints_are_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        make_optimizer("gp", restrained(*texts), [GAIN], 0, {})


def test_a_thin_slice_of_the_box_is_found():
    space = restrained("abs(a - 0.123) <= 0.0005", "abs(b - a) <= 0.001")
    assert all(abs(p["a"] - 0.123) <= 0.00051 for p in make_optimizer("gp", space, [GAIN], 1, {}).suggest(6))


LINE = SearchSpace((Continuous("x", 0.0, 1.0), Continuous("y", 0.0, 1.0)))


def hill(point, x=0.7, y=0.3):
    return math.exp(-20 * ((point["x"] - x) ** 2 + (point["y"] - y) ** 2))


def simulated(function, n=60):
    points = [{"x": float(x), "y": float(y)} for x, y in np.random.default_rng(0).random((n, 2))]
    return [{**point, "gain": function(point)} for point in points]


def test_a_good_simulation_leads_to_the_best_recipe_at_once():
    optimizer = make_optimizer("gp", LINE, [GAIN], 0, {}, simulated(lambda p: 3 + 10 * hill(p, 0.65, 0.35)))
    gains = run(optimizer, 7, hill)
    assert gains[0] > 0.8
    assert max(gains) > 0.95


def test_a_wrong_simulation_is_believed_less_and_less():
    optimizer = make_optimizer("gp", LINE, [GAIN], 0, {}, simulated(lambda p: hill(p, 0.1, 0.9)))
    assert max(run(optimizer, 25, hill)) > 0.98


@pytest.mark.parametrize(("x", "y", "n_even"), [(0.65, 0.35, 4), (0.1, 0.9, 6)])
def test_the_start_is_even_until_outcomes_go_with_the_simulation(x, y, n_even):
    optimizer = make_optimizer("gp", LINE, [GAIN], 0, {}, simulated(lambda p: hill(p, x, y)))
    intents = []
    for _ in range(8):
        intents.append(optimizer.explain([{"x": 0.5, "y": 0.5}])[0].intent)
        run(optimizer, 1, hill)
    assert [intent.startswith("an even start") for intent in intents] == [k < n_even for k in range(8)]


@pytest.mark.parametrize(
    ("engine", "prior", "message"),
    [
        ("random", simulated(hill), "engine random can make no use of a prior"),
        ("gp", simulated(hill, 3), "a prior of 3 points says nothing: at least 5 are needed"),
        ("gp", [{"x": 0.1, "y": 0.1}] * 5, "prior 1: objective gain is None"),
        ("gp", [{"x": 0.1, "gain": 1.0}] * 5, "prior 1: y is missing"),
    ],
)
def test_a_prior_that_cannot_be_used_is_refused(engine, prior, message):
    with pytest.raises(ValueError, match=message):
        make_optimizer(engine, LINE, [GAIN], 0, {}, prior)


def test_where_hours_count_equal_gains_are_sought_where_they_take_less():
    def spent(cost_aware):
        optimizer, hours = make_optimizer("gp", LINE, [GAIN], 0, {"cost_aware": cost_aware}), 0.0
        for _ in range(16):
            (point,) = optimizer.suggest()
            took = 1.0 + 9.0 * point["y"]
            hours += took
            optimizer.ingest([{**point, "gain": math.sin(9 * point["x"]), HOURS_KEY: took}])
        return hours

    assert spent(True) < 0.9 * spent(False)


@pytest.mark.parametrize("hours", (0.0, -1.0, math.inf, "long", True))
def test_hours_that_are_none_are_refused(hours):
    with pytest.raises(ValueError, match="not a number above 0"):
        make_optimizer("gp", LINE, [GAIN], 0, {}).ingest([{"x": 0.1, "y": 0.1, "gain": 1.0, HOURS_KEY: hours}])


def test_rows_are_measured_again_where_noise_makes_that_worth_it():
    rows = tuple({"x": float(x)} for x in range(12))
    optimizer, rng = (
        make_optimizer("gp", Candidates(("x",), rows), [GAIN], 0, {"replicates": 4}),
        np.random.default_rng(1),
    )
    tried = []
    for _ in range(30):
        (point,) = optimizer.suggest()
        tried.append(point[ROW_KEY])
        optimizer.ingest([{**point, "gain": -abs(point["x"] - 7) / 5 + 0.5 * rng.normal()}])
    counts = np.bincount(tried, minlength=12)
    assert 2 <= counts.max() <= 4
    assert counts[6:9].sum() > 9
    assert optimizer.get_best_points()[0]["x"] in (6, 7, 8)


def test_what_a_furnace_does_is_asked_for_in_its_own_terms():
    optimizer = make_optimizer("gp", LINE, [GAIN], 0, {})
    for _ in range(14):
        (point,) = optimizer.suggest()
        done = {**point, "x": point["x"] - 0.15}
        optimizer.ingest([{**done, "gain": hill(done)}])
    (point,) = optimizer.suggest()
    assert optimizer.get_best_points()[0]["x"] == pytest.approx(0.7, abs=0.05)
    assert point["x"] <= 1.0
    known = optimizer._history.known()
    assert known.shift == pytest.approx([-0.15 * 14 / 15, 0.0])
    best = optimizer.get_best_points()[0]
    as_done, as_asked = optimizer.explain([{ID_KEY: best[ID_KEY]}, {"x": best["x"] - known.shift[0], "y": best["y"]}])
    assert as_done.expected == as_asked.expected


def test_a_failed_recipe_is_not_asked_for_again_whatever_the_furnace_did():
    optimizer, space = make_optimizer("gp", LINE, [GAIN], 0, {}), domain_of(LINE)
    for _ in range(6):
        (point,) = optimizer.suggest()
        done = {**point, "x": point["x"] - 0.15}
        optimizer.ingest([{**done, "gain": hill(done)}])
    broken, lost = optimizer.suggest(2)
    elsewhere = {"x": 0.9, "y": 0.9, ID_KEY: "earlier"}
    optimizer.register_failures([elsewhere, {**broken, "x": broken["x"] - 0.3}, lost])
    known = optimizer._history.known()
    assert space.near(space.code(elsewhere)[None], known.failed)[0]  # nobody knows what was asked there
    assert known.shift == pytest.approx([-0.15 * 6 / 7, 0.0])
    for again in (broken, lost):
        assert space.near(space.code(again)[None] + known.shift, known.failed)[0]
    assert known.codes[-2:, 0] == pytest.approx([broken["x"] - 0.3, lost["x"] + known.shift[0]])


def test_the_state_with_prior_and_hours_is_restored_bit_for_bit():
    made = make_optimizer("gp", LINE, [GAIN], 3, {"cost_aware": True}, simulated(hill))
    for number in range(8):
        (point,) = made.suggest()
        made.ingest([{**point, "gain": hill(point), HOURS_KEY: 1.0 + number}])
    kept = made.checkpoint()
    again = make_optimizer(kept["name"], LINE, [GAIN], kept["seed"], kept["options"], kept["prior"])
    for call in kept["history"]:
        getattr(again, call["call"])(call["points"])
    assert again.suggest(3) == made.suggest(3)
    assert again.checkpoint() == made.checkpoint()
    assert ID_KEY in made.suggest()[0]
