"""The Gaussian-process engine: its numbers, and what it is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from labctl.objectives import InputOf, Objective
from labctl.optimize import ID_KEY, make_optimizer
from labctl.optimize._domain import domain_of
from labctl.optimize._front import added_volume
from labctl.optimize._gp._acquisition import Acquisition, Circumstances
from labctl.optimize._gp._feasibility import Feasibility
from labctl.optimize._gp._hours import Hours
from labctl.optimize._gp._improvement import log_improvement
from labctl.optimize._gp._kernel import Prior, _Posterior, fit
from labctl.optimize._gp._process import Process
from labctl.optimize._gp._volume import VolumeAcquisition, below_worst
from labctl.optimize._gp._warp import standardised
from labctl.trials import Candidates, Categorical, Continuous, Integer, SearchSpace

SQUARE = SearchSpace((Continuous("x", -5.0, 10.0), Continuous("y", 0.0, 15.0)))
LOSS = Objective("loss", "minimize", "v", {"v": InputOf("probe", "v")})
GROUPS = np.array([0, 1, 2, 2])


def branin(point):
    """Three equal minima of 0.397887 (Dixon and Szego 1978)."""
    x, y = point["x"], point["y"]
    return (
        (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10
    )


def best_of(engine, seed, n_trials, loss=branin, space=SQUARE):
    """Return the lowest loss found; a loss of NaN is a failure."""
    optimizer = make_optimizer(engine, space, [LOSS], seed, {})
    for _ in range(n_trials):
        (point,) = optimizer.suggest()
        value = loss(point)
        if math.isnan(value):
            optimizer.register_failures([point])
        else:
            optimizer.ingest([point | {"loss": value}])
    return optimizer.get_best_points()[0]["loss"]


@pytest.mark.slow
def test_gp_beats_random_on_branin_tenfold():
    found, random = (sorted(best_of(engine, seed, 30) - 0.397887 for seed in range(5)) for engine in ("gp", "random"))
    assert found[-1] < 0.1
    assert 10 * found[2] < random[2]


@pytest.mark.slow
def test_gp_with_four_trials_on_their_way_solves_branin():
    optimizer = make_optimizer("gp", SQUARE, [LOSS], 5, {})
    on_their_way = optimizer.suggest(4)
    for _ in range(36):
        point = on_their_way.pop(0)
        optimizer.ingest([point | {"loss": branin(point)}])
        on_their_way += optimizer.suggest()
    assert optimizer.get_best_points()[0]["loss"] < 0.397887 + 0.1


@pytest.mark.slow
def test_gp_finds_the_best_recipe_among_categories_integers_and_failures():
    space = SearchSpace(
        (Continuous("time", 1.0, 1000.0, "s", "log"), Integer("layers", 1, 8), Categorical("gas", ("Ar", "N2", "O2")))
    )

    def loss(point):
        if point["gas"] == "O2" and point["time"] > 300:
            return math.nan
        gas = {"Ar": 0.5, "N2": 0.3, "O2": 0.0}[point["gas"]]
        return gas + (math.log10(point["time"]) - 2.0) ** 2 + 0.05 * (point["layers"] - 6) ** 2

    for seed in range(3):
        assert best_of("gp", seed, 40, loss, space) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_gp_fails_less_often_than_chance_where_a_third_of_the_box_fails(seed):
    optimizer, failures = make_optimizer("gp", SQUARE, [LOSS], seed, {}), 0
    for _ in range(40):
        (point,) = optimizer.suggest()
        if point["x"] > 5:
            optimizer.register_failures([point])
            failures += 1
        else:
            optimizer.ingest([point | {"loss": branin(point)}])
    assert failures <= 5
    assert optimizer.get_best_points()[0]["loss"] < 0.397887 + 0.1


@pytest.mark.slow
def test_gp_finds_the_best_row_of_a_pool_long_before_random_would():
    rows = tuple({"a": float(i), "b": float(j), "gas": gas} for i in range(12) for j in range(12) for gas in ("x", "y"))
    optimizer = make_optimizer("gp", Candidates(("a", "b", "gas"), rows), [LOSS], 0, {})
    for _ in range(40):
        (point,) = optimizer.suggest()
        value = (point["a"] - 8) ** 2 + (point["b"] - 3) ** 2 + 20 * (point["gas"] == "x")
        optimizer.ingest([point | {"loss": value}])
    assert optimizer.get_best_points()[0]["loss"] == 0


def test_gp_spreads_over_the_pareto_front():
    space = SearchSpace((Continuous("x", 0.0, 1.0), Continuous("y", 0.0, 1.0)))
    objectives = [Objective(name, "minimize", "v", {"v": InputOf("probe", "v")}) for name in ("left", "right")]
    optimizer = make_optimizer("gp", space, objectives, 0, {})
    for _ in range(30):
        (point,) = optimizer.suggest()
        x, y = point["x"], point["y"]
        optimizer.ingest([point | {"left": x**2 + y, "right": (1 - x) ** 2 + y}])
    front = [point["x"] for point in optimizer.get_best_points() if point["y"] < 0.05]
    assert min(front) < 0.2
    assert max(front) > 0.8
    assert len(front) > 5


def test_expected_growth_of_the_hypervolume_is_that_of_draws():
    rng = np.random.default_rng(2)
    features = rng.random((6, 4))
    pair = [
        Process.of(fit(features, outcomes, GROUPS, Prior(length=(0.0, 1.0)), 20), features, outcomes)
        for outcomes in (np.array([-1.5, -0.5, 0.2, 0.8, 1.0, 0.0]), np.array([1.4, 0.9, 0.1, -0.6, -1.3, -0.5]))
    ]
    seen = np.stack([process.seen for process in pair], axis=1)
    worst = below_worst(seen)
    points = np.vstack([features[:2] + 0.05, rng.random((2, 4))])
    found = np.exp(VolumeAcquisition([tuple(pair)], Circumstances()).log_improvement(points))
    moments = [process.predict(points) for process in pair]
    for number, growth in enumerate(found):
        draws = np.stack([mean[number] + spread[number] * rng.normal(size=4000) for mean, spread in moments], axis=1)
        grown = np.array([added_volume(draw, seen, worst) for draw in draws])
        assert growth == pytest.approx(grown.mean(), abs=5 * grown.std() / math.sqrt(len(grown)) + 1e-6)


def test_n_start_points_are_those_of_the_sobol_engine():
    starts = [
        make_optimizer(engine, SQUARE, [LOSS], 3, options)
        for engine, options in (("gp", {"n_start": 5}), ("sobol", {}))
    ]
    points = []
    for optimizer in starts:
        points.append(optimizer.suggest(6))
        optimizer.ingest([point | {"loss": branin(point)} for point in points[-1]])
        points[-1] += optimizer.suggest()
    assert points[0][:6] == points[1][:6]
    assert points[0][6] != points[1][6]
    assert points[0][6][ID_KEY] == "T0007"


def seen(n=25):
    rng = np.random.default_rng(0)
    features = rng.random((n, len(GROUPS)))
    outcomes = np.sin(5 * features).sum(axis=1)
    return features, (outcomes - outcomes.mean()) / outcomes.std(), rng


def slopes(function, at, step=1e-6):
    return [(function(at + step * unit) - function(at - step * unit)) / (2 * step) for unit in np.eye(len(at))]


@pytest.mark.parametrize("n_trends", (0, 2))
def test_gradient_of_the_hyperparameters_is_that_of_differences(n_trends):
    features, outcomes, rng = seen()
    features = np.hstack([features, rng.random((len(features), n_trends))])
    posterior = _Posterior(features, outcomes, GROUPS, Prior(length=(0.0, 1.0)))
    logarithms = 0.5 * rng.normal(size=5 + bool(n_trends))
    logarithms[-1] -= 3.0
    differences = slopes(lambda at: posterior.negative_log(at)[0], logarithms)
    assert posterior.negative_log(logarithms)[1] == pytest.approx(differences, rel=1e-5)


def test_gradient_of_the_acquisition_is_that_of_differences():
    features, outcomes, rng = seen()
    features = np.hstack([features, rng.random((len(features), 1))])  # the last one is a trend
    models = [
        Process.of(fit(features, outcomes, GROUPS, Prior(length=length), 50), features, outcomes)
        for length in ((0.0, 1.0), (-1.2, 0.7))
    ]
    feasibility = Feasibility.of(features, outcomes > -1.0, GROUPS)
    hours = Hours.of(features, np.exp(features[:, 0]), GROUPS)
    acquisition = Acquisition(models, Circumstances(feasibility, hours)).believing(rng.random((2, 5)))
    for feature in rng.random((5, 5)):
        value, gradient = acquisition.slopes(feature)
        assert value == pytest.approx(float(acquisition.log_improvement(feature[None])[0]), rel=1e-6)
        assert gradient == pytest.approx(slopes(lambda at: acquisition.slopes(at)[0], feature), rel=1e-3, abs=1e-6)


def test_a_process_predicts_what_it_saw_and_knows_what_it_did_not():
    features, outcomes, _ = seen()
    process = Process.of(fit(features, outcomes, GROUPS, Prior(length=(0.0, 1.0)), 50), features, outcomes)
    means, deviations = process.predict(np.vstack([features, np.full((1, 4), 30.0)]))
    assert means[:-1] == pytest.approx(process.seen, abs=1e-9)
    assert means[:-1] == pytest.approx(outcomes, abs=0.1)
    assert means[-1] == pytest.approx(process.mean, abs=0.01)
    assert deviations[:-1].max() < 0.1 < deviations[-1]


def test_a_believed_point_is_conditioned_on_as_if_it_had_been_seen():
    features, outcomes, rng = seen()
    kernel = fit(features, outcomes, GROUPS, Prior(length=(0.0, 1.0)), 50)
    process, point, asked = Process.of(kernel, features, outcomes), rng.random(4), rng.random((6, 4))
    believed = float(process.predict(point[None])[0][0])
    whole = Process.of(kernel, np.vstack([features, point]), np.append(outcomes, believed))
    for mine, theirs in zip(process.believing(point).predict(asked), whole.predict(asked), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("mean", [-3.0, -1.0, 0.0, 2.0])
def test_improvement_is_the_integral_that_defines_it(mean):
    value = log_improvement(np.array([mean]), np.array([0.7]), 0.5)[0]
    expected = quad(lambda y: (y - 0.5) * norm.pdf(y, mean, 0.7), 0.5, mean + 12.0)[0]
    assert math.exp(value) == pytest.approx(expected, rel=1e-6)


def test_improvement_keeps_its_order_where_it_would_underflow():
    values = log_improvement(-np.logspace(0, 7, 200), np.ones(200), 0.0)
    assert np.isfinite(values).all()
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("power", [0.2, 1.0, 3.0])
def test_standardised_outcomes_keep_their_order_and_lose_their_skew(power):
    outcomes = np.random.default_rng(1).random(60) ** power * 1e-9
    result = standardised(outcomes)
    assert (np.argsort(result) == np.argsort(outcomes)).all()
    assert (result.mean(), result.std()) == pytest.approx((0.0, 1.0))
    skew = [abs(float(np.mean((each - each.mean()) ** 3)) / each.std() ** 3) for each in (outcomes, result)]
    assert skew[1] <= max(skew[0], 0.2)


def test_equal_outcomes_carry_no_information():
    assert (standardised(np.full(7, 3.3)) == 0).all()


@pytest.mark.parametrize("seed", range(2))
def test_no_recipe_is_made_again_where_that_tells_nothing(seed):
    optimizer = make_optimizer("gp", SQUARE, [LOSS], seed, {})
    domain, codes = domain_of(SQUARE), []
    for _ in range(26):
        (point,) = optimizer.suggest()
        codes.append(domain.code(point))
        optimizer.ingest([point | {"loss": (point["x"] - 3.0) ** 2 + (point["y"] - 4.0) ** 2}])
    assert not any(domain.near(np.array(codes[n : n + 1]), np.array(codes[:n]))[0] for n in range(1, len(codes)))


def test_what_is_called_certain_to_complete_seldom_fails():
    rng, n_certain, n_failed = np.random.default_rng(0), 0, 0
    for _ in range(60):
        tried, asked = rng.random((12, 4)), rng.random((20, 4))
        asked[:, 0] = 0.6 + 0.4 * asked[:, 0]
        is_completed, will_complete = (codes[:, 0] + 0.6 * codes[:, 1] < 1.1 for codes in (tried, asked))
        if is_completed.all():
            continue
        model = Feasibility.of(tried, is_completed, np.arange(4))
        is_certain = np.exp(model.log_probability(asked)) > 0.95
        n_certain, n_failed = n_certain + is_certain.sum(), n_failed + (~will_complete[is_certain]).sum()
    assert n_certain > 20
    assert n_failed < 0.1 * n_certain


@pytest.mark.parametrize("seed", range(12))
def test_failures_that_are_far_apart_are_no_chance(seed):
    rng = np.random.default_rng(seed)
    tried, is_completed = rng.random((20, 3)), np.ones(20, dtype=bool)
    is_completed[rng.choice(20, 2, replace=False)] = False
    probability = np.exp(Feasibility.of(tried, is_completed, np.arange(3)).log_probability(tried))
    assert probability[~is_completed].max() < 0.3
    assert probability[is_completed].mean() > 0.9


def test_a_search_that_stalled_looks_at_random_places_too():
    cube = SearchSpace(tuple(Continuous(name, 0.0, 1.0) for name in "abcd"))
    optimizer = make_optimizer("gp", cube, [Objective("gain", "maximize", "v", {"v": InputOf("probe", "v")})], 0, {})
    looks = []
    for _ in range(36):
        intent = optimizer.explain([dict.fromkeys("abcd", 0.5)])[0].intent
        (point,) = optimizer.suggest()
        code = np.array([point[name] for name in "abcd"])
        if intent.startswith("a look"):
            looks.append(np.abs(code - 0.5).max())
        optimizer.ingest([{**point, "gain": -float(((code - 0.5) ** 2).sum())}])
    assert min(looks) < 0.4
    assert max(looks) > 0.45
