"""What holds for the suggestions of every engine."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.objectives import InputOf, Objective
from labctl.optimize import ID_KEY, ROW_KEY, make_optimizer
from labctl.trials import Candidates, Categorical, Continuous, Integer, SearchSpace

OWN = ("gp", "sobol", "random")
"""What others wrote is in test_peers.py."""
NAMES = ("a", "b", "c", "d")
OBJECTIVE = Objective("y", "maximize", "y", {"y": InputOf("probe", "y")})
COST = Objective("cost", "minimize", "y", {"y": InputOf("probe", "cost")})


@st.composite
def parameters(draw, name):
    low = draw(st.sampled_from([-5.0, 0.0, 0.1234567, 80.0]))
    high = low + draw(st.sampled_from([1e-3, 1.0, 500.0]))
    step = draw(st.sampled_from([0.1, 0.3, 1 / 3]))
    return draw(
        st.sampled_from(
            [
                Continuous(name, low, high, "K"),
                Continuous(name, 1e-4, 1.0, "Pa", "log"),
                Continuous(name, 0.1, 1.0, "s", step=step),
                Continuous(name, 0.1, 10.0, "s", "log", step),
                Integer(name, -1, draw(st.sampled_from([0, 7, 1000]))),
                Categorical(name, ("Ar", "N2", 3)),
                Categorical(name, (False, True)),
            ]
        )
    )


@st.composite
def boxes(draw):
    return SearchSpace(tuple(draw(parameters(name)) for name in NAMES[: draw(st.integers(1, len(NAMES)))]))


@st.composite
def pools(draw):
    n_rows = draw(st.integers(1, 25))
    columns = draw(
        st.lists(
            st.one_of(
                st.lists(st.sampled_from(["x", "y", "z"]), min_size=n_rows, max_size=n_rows),
                st.lists(st.floats(-1e3, 1e3), min_size=n_rows, max_size=n_rows),
                st.just([2.5] * n_rows),
            ),
            min_size=1,
            max_size=3,
        )
    )
    rows = tuple(dict(zip(NAMES, entries, strict=False)) for entries in zip(*columns, strict=True))
    return Candidates(NAMES[: len(columns)], rows)


OUTCOMES = st.one_of(st.none(), st.sampled_from([0.0, 1.0]), st.floats(-1e3, 1e3), st.floats(-1e-18, 1e-18))


def tell(optimizer, point, outcome, objectives=(OBJECTIVE,)):
    """Pass on an outcome; None is a failure."""
    if outcome is None:
        optimizer.register_failures([point])
    else:
        optimizer.ingest([point | {each.name: outcome for each in objectives}])


def restored(optimizer, *made_with):
    """Return a fresh optimizer after the calls of another, as they come back from JSON."""
    copy = make_optimizer(*made_with)
    for entry in json.loads(json.dumps(optimizer.checkpoint()))["history"]:
        getattr(copy, entry["call"])(entry["points"])
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("engine", OWN)
@settings(max_examples=25, deadline=None)
@given(space=boxes(), outcomes=st.lists(OUTCOMES, min_size=4, max_size=12), seed=st.integers(0, 2**32))
def test_suggestions_lie_in_the_box_and_are_ready_for_json(engine, space, outcomes, seed):
    optimizer = make_optimizer(engine, space, [OBJECTIVE], seed, {})
    for number, outcome in enumerate(outcomes, start=1):
        points = optimizer.suggest()
        if not points:
            assert optimizer.should_stop()
            return
        (point,) = points
        assert point.pop(ID_KEY) == f"T{number:04d}"
        space.check(point)
        assert json.loads(json.dumps(point)) == point
        for parameter in space.parameters:
            if isinstance(parameter, Continuous):
                assert parameter.nearest(point[parameter.name]) == point[parameter.name]
        tell(optimizer, point | {ID_KEY: f"T{number:04d}"}, outcome)


@pytest.mark.slow
@pytest.mark.parametrize("engine", OWN)
@settings(max_examples=25, deadline=None)
@given(pool=pools(), outcomes=st.lists(OUTCOMES, min_size=30, max_size=30), seed=st.integers(0, 2**32))
def test_a_pool_gives_each_row_once_and_then_stops(engine, pool, outcomes, seed):
    optimizer = make_optimizer(engine, pool, [OBJECTIVE], seed, {})
    rows = []
    for outcome in outcomes:
        points = optimizer.suggest()
        if not points:
            break
        (point,) = points
        rows.append(point[ROW_KEY])
        assert {name: point[name] for name in pool.names} == pool.values(point[ROW_KEY])
        tell(optimizer, point, outcome)
    assert len(set(rows)) == len(rows)
    assert optimizer.suggest(3) == []
    assert optimizer.should_stop()
    assert optimizer.stop_reason == "no row of the pool is left to try"
    failed = [pool.values(row) for row, outcome in zip(rows, outcomes, strict=False) if outcome is None]
    left = set(range(pool.n)) - set(rows)
    assert not left or failed


@pytest.mark.slow
@pytest.mark.parametrize("engine", OWN)
@pytest.mark.parametrize("objectives", [(OBJECTIVE,), (OBJECTIVE, COST)], ids=["one", "two"])
@settings(max_examples=20, deadline=None)
@given(data=st.data(), space=st.one_of(boxes(), pools()), seed=st.integers(0, 2**32))
def test_a_restart_leads_to_the_same_suggestions_bit_for_bit(engine, objectives, data, space, seed):
    made_with = engine, space, objectives, seed, {}
    optimizer, on_their_way = make_optimizer(*made_with), []
    for _ in range(data.draw(st.integers(1, 8))):
        on_their_way += optimizer.suggest(data.draw(st.integers(1, 3)))
        for _ in range(data.draw(st.integers(0, len(on_their_way)))):
            point = on_their_way.pop(data.draw(st.integers(0, len(on_their_way) - 1)))
            tell(optimizer, point, data.draw(OUTCOMES), objectives)
    copy = restored(optimizer, *made_with)
    assert copy.checkpoint() == optimizer.checkpoint()
    assert (copy.stop_reason, copy.get_best_points()) == (optimizer.stop_reason, optimizer.get_best_points())
    for n_points in (1, 3):
        assert copy.suggest(n_points) == optimizer.suggest(n_points)


@pytest.mark.parametrize("engine", OWN)
def test_several_points_at_once_equal_the_same_points_one_by_one(engine):
    space = SearchSpace((Continuous("a", 0.0, 1.0), Categorical("b", ("x", "y"))))
    together, apart = (make_optimizer(engine, space, [OBJECTIVE], 7, {}) for _ in range(2))
    for optimizer in (together, apart):
        for number, point in enumerate(optimizer.suggest(6)):
            optimizer.ingest([point | {"y": (number * 0.37) % 1.0}])
    assert together.suggest(4) == [apart.suggest()[0] for _ in range(4)]


@pytest.mark.parametrize("engine", OWN)
def test_another_seed_gives_other_suggestions(engine):
    space = SearchSpace((Continuous("a", 0.0, 1.0), Continuous("b", 0.0, 1.0)))
    first, second = (make_optimizer(engine, space, [OBJECTIVE], seed, {}).suggest(3) for seed in (1, 2))
    assert all(one["a"] != other["a"] for one, other in zip(first, second, strict=True))


def differ(one, other, space):
    """Return whether two recipes differ in a category, or by 1 % of its range in a number."""
    for parameter in space.parameters:
        left, right = one[parameter.name], other[parameter.name]
        if isinstance(parameter, Categorical):
            if left != right:
                return True
        elif abs(left - right) >= 0.01 * (parameter.high - parameter.low) * (1 - 1e-9):
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("engine", OWN)
@pytest.mark.parametrize("seed", range(3))
def test_a_failed_recipe_is_never_nearly_repeated(engine, seed):
    space = SearchSpace((Continuous("a", 0.0, 2.0), Integer("n", 1, 3), Categorical("gas", ("Ar", "N2"))))
    optimizer, failed = make_optimizer(engine, space, [OBJECTIVE], seed, {}), []
    for _ in range(40):
        (point,) = optimizer.suggest()
        assert all(differ(point, other, space) for other in failed)
        fails = point["a"] > 1.5
        if fails:
            failed.append(point)
        # the best value lies at the edge of what fails, so that a model is drawn there
        tell(optimizer, point, None if fails else point["a"])
    assert failed


@pytest.mark.parametrize("engine", OWN)
def test_replicates_of_a_failed_row_are_not_tried(engine):
    pool = Candidates(("t",), tuple({"t": t} for t in (1.0, 1.0, 1.0001, 2.0, 3.0)))
    optimizer = make_optimizer(engine, pool, [OBJECTIVE], 0, {})
    optimizer.register_failures(optimizer.register_suggestions([{"t": 1.0}]))
    assert {point["t"] for point in optimizer.suggest(4)} == {2.0, 3.0}
    assert optimizer.should_stop()


@pytest.mark.parametrize("engine", OWN)
def test_a_box_whose_every_recipe_failed_stops(engine):
    space = SearchSpace((Integer("n", 0, 2), Categorical("gas", ("Ar", "N2"))))
    optimizer = make_optimizer(engine, space, [OBJECTIVE], 0, {})
    recipes = set()
    while not optimizer.should_stop():
        (point,) = optimizer.suggest()
        recipes.add((point["n"], point["gas"]))
        optimizer.register_failures([point])
    assert len(recipes) == 6
    assert optimizer.suggest() == []
    assert optimizer.stop_reason == "every recipe left is nearly one that failed"


def test_a_box_of_which_nothing_is_left_says_that_people_refused():
    optimizer = make_optimizer("random", SearchSpace((Integer("n", 0, 2),)), [OBJECTIVE], 0, {})
    for register in (optimizer.register_failures, optimizer.register_refusals, optimizer.register_refusals):
        register(optimizer.suggest())
    assert optimizer.suggest() == []
    assert optimizer.stop_reason == "every recipe left is nearly one that failed or was refused"


def alike(point, other):
    """Return whether people would call two recipes of this space the same: a over 4, n over 10, the same gas."""
    return abs(point["a"] - other["a"]) < 0.2 and abs(point["n"] - other["n"]) < 0.5 and point["gas"] == other["gas"]


@pytest.mark.parametrize("engine", OWN)
def test_what_people_refused_is_not_asked_for_again_and_is_no_failure(engine):
    space = SearchSpace((Continuous("a", 0.0, 4.0), Integer("n", 0, 10), Categorical("gas", ("Ar", "N2"))))
    made_with = (engine, space, [OBJECTIVE], 3, {})
    optimizer = make_optimizer(*made_with)
    seen, refused = [], []
    for number in range(18):
        (point,) = optimizer.suggest()
        assert not any(alike(point, other) for other in refused)
        assert point[ID_KEY] == f"T{number + 1:04d}" and {**point, ID_KEY: ""} not in seen
        seen.append({**point, ID_KEY: ""})
        if number % 3 == 1 or number > 14:  # the last in a row: the model is sure of where it wants to go
            refused.append(point)
            optimizer.register_refusals([{ID_KEY: point[ID_KEY]}])
        else:
            tell(optimizer, point, 3.0 - (point["a"] - 2.0) ** 2)
    with pytest.raises(ValueError, match="trial T0002 is refused already"):
        optimizer.ingest([{**refused[0], "y": 1.0}])
    assert restored(optimizer, *made_with).suggest() == optimizer.suggest()
    if engine == "gp":
        (about,) = optimizer.explain([refused[0]])
        assert about.feasibility == 1.0


@pytest.mark.parametrize("engine", OWN)
def test_a_row_that_was_refused_is_not_repeated(engine):
    pool = Candidates(("t",), tuple({"t": t} for t in (1.0, 1.0, 1.05, 2.0, 3.0)))
    optimizer = make_optimizer(engine, pool, [OBJECTIVE], 0, {"replicates": 3} if engine == "gp" else {})
    optimizer.register_refusals(optimizer.register_suggestions([{"t": 1.0}]))
    assert {point["t"] for point in optimizer.suggest(2)} == {2.0, 3.0}
    for point in optimizer.suggest(9):
        assert point["t"] > 1.5


@pytest.mark.slow
@pytest.mark.parametrize("engine", OWN)
@pytest.mark.parametrize(
    "outcomes", [[3.3] * 8, [0.0] * 8, [1e308, -1e308] * 4, [1e-300, 2e-300] * 4, [0.0] * 7 + [1e9]]
)
def test_outcomes_of_any_size_are_taken(engine, outcomes):
    space = SearchSpace((Continuous("a", 0.0, 1.0), Integer("n", 0, 2000)))
    optimizer = make_optimizer(engine, space, [OBJECTIVE, COST], 3, {})
    for outcome in outcomes:
        (point,) = optimizer.suggest()
        tell(optimizer, point, outcome, (OBJECTIVE, COST))
    space.check({key: value for key, value in optimizer.suggest()[0].items() if key != ID_KEY})


@pytest.mark.parametrize("engine", OWN)
def test_equal_recipes_with_other_outcomes_are_taken(engine):
    space = SearchSpace((Continuous("a", 0.0, 1.0),))
    optimizer = make_optimizer(engine, space, [OBJECTIVE], 3, {})
    optimizer.ingest([{"a": 0.5, "y": float(number)} for number in range(6)])
    assert 0.0 <= optimizer.suggest()[0]["a"] <= 1.0
