"""Whatever a laboratory tells the Gaussian-process engine, its suggestions lie inside the space."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.constraints import Constraint
from labctl.objectives import InputOf, Objective
from labctl.optimize import HOURS_KEY, make_optimizer
from labctl.trials import Candidates, Categorical, Continuous, Integer, SearchSpace

pytestmark = pytest.mark.slow

GAIN, LOSS = (
    Objective(name, way, "v", {"v": InputOf("probe", "v")}, unit="1/ohm")
    for name, way in (("gain", "maximize"), ("loss", "minimize"))
)
NUMBERS = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-12)
CAME_OF_IT = st.one_of(NUMBERS, st.just(1.0), st.just(1e-12), st.none())
"""An outcome; None is a failure."""


@st.composite
def spaces(draw):
    """One to thirty inputs of every kind, with up to three constraints that some recipe satisfies."""
    names = [f"p{number}" for number in range(draw(st.sampled_from([1, 2, 3, 6, 12, 30])))]
    kinds = (
        lambda name: Continuous(name, 0.0, 1.0),
        lambda name: Continuous(name, 1e-12, 1e12, "Pa", "log"),
        lambda name: Continuous(name, -1e12, 1e12),
        lambda name: Continuous(name, 20.0, 900.0, "degC", step=5.0),
        lambda name: Integer(name, 1, 8),
        lambda name: Categorical(name, ("Ar", "N2", "O2")),
        lambda name: Categorical(name, (10.0, 30.0, 60.0)),
    )
    parameters = tuple(draw(st.sampled_from(kinds))(name) for name in names)
    numbers = tuple(each.name for each in parameters if not isinstance(each, Categorical) or each.is_numeric)
    shares = [each.name for each in parameters if isinstance(each, Continuous) and each.high == 1.0]
    texts = [f"{' + '.join(shares)} == {draw(st.sampled_from([0.3, 0.7, 1.0]))}"] if shares else []
    stepped = [each for each in parameters if isinstance(each, Continuous) and each.step is not None]
    texts += [f"{each.name} <= {draw(st.sampled_from([25, 500]))}" for each in stepped[:2]]
    chosen = draw(st.lists(st.sampled_from(texts), unique=True)) if texts else []
    return SearchSpace(parameters, tuple(Constraint(text, numbers) for text in chosen))


@settings(max_examples=25, deadline=None)
@given(
    space=spaces(),
    outcomes=st.lists(CAME_OF_IT, min_size=1, max_size=14),
    two=st.booleans(),
    options=st.fixed_dictionaries({"cost_aware": st.booleans(), "n_start": st.sampled_from([1, 3])}),
    seed=st.integers(0, 2**32),
)
def test_suggestions_lie_inside_whatever_came_of_the_trials(space, outcomes, two, options, seed):
    optimizer = make_optimizer("gp", space, (GAIN, LOSS) if two else (GAIN,), seed, options)
    for number, outcome in enumerate(outcomes):
        points = optimizer.suggest(1 + number % 2)
        for point in points:
            space.check({name: value for name, value in point.items() if not name.startswith("_")})
        for point in points[:1]:
            if outcome is None:
                optimizer.register_failures([point])
            else:
                optimizer.ingest([{**point, "gain": outcome, "loss": -outcome / 3, HOURS_KEY: 1.0 + number}])


@pytest.mark.parametrize("outcome", (None, 3.3, 0.0), ids=("all failed", "constant", "zero"))
def test_thirty_trials_that_teach_nothing_leave_suggestions_that_differ(outcome):
    space = SearchSpace((Continuous("a", 0.0, 1.0), Integer("n", 0, 5), Categorical("gas", ("Ar", "N2"))))
    optimizer, seen = make_optimizer("gp", space, [GAIN], 0, {}), set()
    for _ in range(30):
        (point,) = optimizer.suggest()
        seen.add((round(point["a"], 2), point["n"], point["gas"]))
        if outcome is None:
            optimizer.register_failures([point])
        else:
            optimizer.ingest([{**point, "gain": outcome}])
    assert len(seen) >= 15


@pytest.mark.parametrize("reading", (math.nan, math.inf, -math.inf, None, "high", True), ids=repr)
def test_a_reading_that_is_no_number_is_refused_and_nothing_changes(reading):
    optimizer = make_optimizer("gp", SearchSpace((Continuous("a", 0.0, 1.0),)), [GAIN], 0, {})
    (point,) = optimizer.suggest()
    before = optimizer.checkpoint()
    with pytest.raises(ValueError, match="not a finite number"):
        optimizer.ingest([{**point, "gain": reading}])
    assert optimizer.checkpoint() == before
    optimizer.ingest([{**point, "gain": 1.0}])


def test_a_category_that_was_never_seen_is_tried_in_the_end():
    space = SearchSpace((Continuous("a", 0.0, 1.0), Categorical("gas", ("Ar", "N2", "O2", "H2"))))
    optimizer = make_optimizer("gp", space, [GAIN], 0, {})
    optimizer.ingest([{"a": a, "gas": "Ar", "gain": 0.3 - (a - 0.4) ** 2} for a in np.linspace(0, 1, 8).tolist()])
    tried = set()
    for _ in range(12):
        (point,) = optimizer.suggest()
        tried.add(point["gas"])
        optimizer.ingest([{**point, "gain": (point["gas"] == "H2") - (point["a"] - 0.4) ** 2}])
    assert {"N2", "O2", "H2"} <= tried


def test_a_category_that_the_space_lacks_is_refused_by_name():
    optimizer = make_optimizer("gp", SearchSpace((Categorical("gas", ("Ar", "N2")),)), [GAIN], 0, {})
    with pytest.raises(ValueError, match="gas: gas='He' is none of 'Ar', 'N2'"):
        optimizer.ingest([{"gas": "He", "gain": 1.0}])


@settings(max_examples=15, deadline=None)
@given(outcomes=st.lists(CAME_OF_IT, min_size=6, max_size=6), replicates=st.integers(1, 3), seed=st.integers(0, 99))
def test_a_pool_of_equal_rows_is_used_up_to_the_last(outcomes, replicates, seed):
    rows = ({"t": 1e-12, "gas": "Ar"},) * 2 + ({"t": 1e12, "gas": "Ar"}, {"t": 1e12, "gas": "N2"})
    optimizer = make_optimizer("gp", Candidates(("t", "gas"), rows), [GAIN], seed, {"replicates": replicates})
    n_made = 0
    for outcome in (*outcomes, *outcomes):
        for point in optimizer.suggest():
            n_made += 1
            if outcome is None:
                optimizer.register_failures([point])
            else:
                optimizer.ingest([{**point, "gain": outcome}])
    assert n_made <= 4 * replicates
    assert None in outcomes or n_made == min(4 * replicates, 12)
