"""What an optimizer says about its own models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from labctl.objectives import InputOf, Objective
from labctl.optimize import Explains, hypervolume, is_front, make_optimizer, reference
from labctl.optimize._front import added_volume
from labctl.optimize._gp._warp import Warp
from labctl.trials import Candidates, Continuous, SearchSpace

SPACE = SearchSpace((Continuous("x", 0.0, 10.0, "mm"), Continuous("idle", 0.0, 1.0)))


def objective(name: str = "y", direction: Any = "maximize", unit: str = "V") -> Objective:
    return Objective(name, direction, "a", {"a": InputOf("measure", "value")}, unit=unit)


def hill(x: float) -> float:
    return 3.0 - (x - 6.0) ** 2 / 10.0


def told(direction: Any = "maximize", n: int = 14, fails_above: float = 99.0, noise: float = 0.0) -> Any:
    optimizer = make_optimizer("gp", SPACE, [objective(direction=direction)], 3, {})
    chance, sign = np.random.default_rng(0), 1.0 if direction == "maximize" else -1.0
    for _ in range(n):
        (point,) = optimizer.suggest()
        if point["x"] > fails_above:
            optimizer.register_failures([point])
        else:
            optimizer.ingest([{**point, "y": sign * hill(point["x"]) + noise * chance.normal()}])
    return optimizer


def test_expectations_of_both_directions_hold_the_truth() -> None:
    for direction, sign in (("maximize", 1.0), ("minimize", -1.0)):
        (about,) = told(direction).explain([{"x": 6.5, "idle": 0.5}])
        expected = about.expected["y"]
        assert expected.low <= sign * hill(6.5) <= expected.high
        assert expected.middle == pytest.approx(sign * hill(6.5), abs=0.1)
        assert 0.0 <= about.chance <= 1.0 and about.feasibility == 1.0
        parts = list(about.leans_on["y"].values())
        assert abs(parts[0]) == max(map(abs, parts)) and sum(parts) == pytest.approx(1.0, abs=0.3)


def test_a_known_trial_leans_on_itself_and_is_explained_by_its_name() -> None:
    optimizer = told()
    (about,) = optimizer.explain([{"_id": "T0002"}])
    assert next(iter(about.leans_on["y"])) == "T0002"
    assert about.values["x"] == optimizer.checkpoint()["history"][2]["points"][0]["x"]


def test_diagnosis_finds_the_input_that_does_nothing_and_foretells_the_rest() -> None:
    optimizer: Any = make_optimizer("gp", SPACE, [objective()], 3, {})
    for x, idle in np.random.default_rng(2).random((20, 2)):
        optimizer.ingest([{"x": 10.0 * x, "idle": idle, "y": hill(10.0 * x)}])
    diagnosis = optimizer.diagnose()["y"]
    assert diagnosis.lengths["idle"] > 2 * diagnosis.lengths["x"]
    assert diagnosis.explained > 0.9 and diagnosis.inside >= 0.8
    assert [each.trial for each in diagnosis.left_out][:2] == ["T0001", "T0002"]


def test_noise_is_told_in_the_unit_of_the_objective() -> None:
    assert told(n=40, noise=0.3).diagnose()["y"].noise == pytest.approx(0.3, rel=0.5)


def test_leaving_out_is_what_a_model_without_the_trial_says() -> None:
    from labctl.optimize._gp._kernel import Kernel
    from labctl.optimize._gp._process import Process
    from labctl.optimize._gp._surrogate import _left_out, _weights

    chance = np.random.default_rng(1)
    features, outcomes = chance.random((9, 2)), chance.normal(size=9)
    kernel = Kernel(np.arange(2), np.array([0.4, 0.7]), 1.3, 0.05)
    mean, deviation = _left_out(Process.of(kernel, features, outcomes))
    for number in range(9):
        rest = Process.of(kernel, np.delete(features, number, 0), np.delete(outcomes, number))
        alone, spread = rest.predict(features[[number]])
        assert mean[number] == pytest.approx(alone[0], abs=1e-9)
        assert deviation[number] >= math.sqrt(spread[0] ** 2 + kernel.noise)  # the mean's own doubt comes on top
        weights = _weights(rest, features[[number]])[0]
        assert weights @ rest.outcomes == pytest.approx(alone[0], abs=1e-9)


def test_explaining_changes_no_suggestion_and_an_engine_without_a_model_says_so() -> None:
    optimizer, other = told(), told()
    assert isinstance(optimizer, Explains)
    optimizer.explain([{"x": 1.0, "idle": 0.0}]), optimizer.diagnose(), optimizer.outlook()
    assert optimizer.suggest(2) == other.suggest(2)
    blind: Any = make_optimizer("random", SPACE, [objective()], 3, {})
    (about,) = blind.explain([{"x": 1.0, "idle": 0.0}])
    assert about.chance is None and not about.expected and not about.intent and not blind.learns
    assert blind.outlook() is None and blind.diagnose() == {}


def test_less_is_left_to_gain_as_a_search_goes_on() -> None:
    early, late = told(n=5).outlook(), told(n=25).outlook()
    assert 0.0 <= late.next_gain < early.next_gain / 3 and late.unit == "V" and late.may_gain < 0.1


def test_failures_lower_feasibility_where_they_happened() -> None:
    optimizer = told(n=16, fails_above=7.0)
    good, bad = optimizer.explain([{"x": 4.0, "idle": 0.5}, {"x": 9.0, "idle": 0.5}])
    assert bad.feasibility < 0.3 < 0.7 < good.feasibility
    with pytest.raises(ValueError, match="idle is missing"):
        optimizer.explain([{"x": 4.0}])


def test_several_objectives_have_a_front_and_an_outlook_on_it() -> None:
    optimizer: Any = make_optimizer("gp", SPACE, [objective("y"), objective("cost", "minimize", "s")], 3, {})
    for _ in range(12):
        (point,) = optimizer.suggest()
        optimizer.ingest([{**point, "y": hill(point["x"]), "cost": point["x"]}])
    outlook, (about,) = optimizer.outlook(), optimizer.explain([{"x": 9.9, "idle": 0.5}])
    assert outlook.unit == "of the hypervolume" and 0.0 <= outlook.next_gain < 0.5
    assert about.chance < 0.1  # dear and poor: nearly everything beats it
    assert set(about.expected) == {"y", "cost"} == set(optimizer.diagnose())


def test_a_pool_is_explained_by_its_rows() -> None:
    rows = tuple({"x": float(x), "kind": kind} for x in range(8) for kind in "ab")
    optimizer: Any = make_optimizer("gp", Candidates(("x", "kind"), rows), [objective()], 3, {})
    for _ in range(8):
        (point,) = optimizer.suggest()
        optimizer.ingest([{**point, "y": hill(point["x"])}])
    assert optimizer.outlook().next_gain >= 0.0
    assert optimizer.explain([rows[0]])[0].expected["y"].high > optimizer.explain([rows[0]])[0].expected["y"].low


OUTCOMES = st.one_of(st.none(), st.sampled_from([0.0, 1.0]), st.floats(-1e12, 1e12), st.floats(-1e-12, 1e-12))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.lists(OUTCOMES, min_size=1, max_size=9), st.integers(1, 2), st.booleans())
def test_whatever_came_the_answers_are_finite_and_in_order(outcomes: Any, n_objectives: int, is_pool: bool) -> None:
    objectives = [objective("y"), objective("cost", "minimize")][:n_objectives]
    rows = tuple({"x": float(x), "idle": kind} for x in range(6) for kind in "ab")
    optimizer: Any = make_optimizer("gp", Candidates(("x", "idle"), rows) if is_pool else SPACE, objectives, 1, {})
    for outcome in outcomes:
        (point,) = optimizer.suggest()
        if outcome is None:
            optimizer.register_failures([point])
        else:
            optimizer.ingest([{**point, **{each.name: outcome for each in objectives}}])
        for about in optimizer.explain([point, rows[3] if is_pool else {"x": 10.0, "idle": 0.0}]):
            assert 0.0 <= about.feasibility <= 1.0
            assert about.chance is None or -1e-9 <= about.chance <= 1.0 + 1e-9
            assert all(each.low <= each.middle <= each.high for each in about.expected.values())
            assert all(abs(part) < 100 for parts in about.leans_on.values() for part in parts.values())
        for model in optimizer.diagnose().values():
            assert math.isfinite(model.explained) and 0.0 <= model.inside <= 1.0 and model.noise >= 0.0
        outlook = optimizer.outlook()
        if outlook is not None:
            assert math.isfinite(outlook.next_gain) and outlook.next_gain >= 0.0 <= outlook.may_gain < math.inf
            assert outlook.advice.startswith(("go on", "stop: "))


@settings(max_examples=60)
@given(arrays.arrays(np.float64, st.integers(1, 12), elements=st.floats(-1e9, 1e9)))
def test_a_warp_leads_there_and_back(outcomes: Any) -> None:
    outcomes = outcomes / max(np.abs(outcomes).max(), np.finfo(float).tiny)  # as the engine does
    warp = Warp.of(outcomes)
    seen = warp.forward(outcomes)
    assert np.isfinite(seen).all()
    assert np.abs(warp.backward(seen) - outcomes).max() <= 1e-6 * max(float(np.ptp(outcomes)), 1e-6)
    far = warp.backward(np.array([-50.0, 0.0, 50.0]))
    assert np.isfinite(far).all() and (np.diff(far) >= 0).all()


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(1, 7), st.integers(0, 10_000))
def test_hypervolume_is_that_of_boxes_counted(n_objectives: int, n: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    gains, worst = chance.integers(0, 5, (n, n_objectives)).astype(float), np.zeros(n_objectives)
    cells = np.stack(np.meshgrid(*[np.arange(5) + 0.5] * n_objectives), -1).reshape(-1, n_objectives)
    counted = (gains[None] >= cells[:, None]).all(-1).any(-1).sum()
    assert hypervolume(gains, worst) == pytest.approx(counted)
    more = chance.integers(0, 5, n_objectives).astype(float)
    with_more = hypervolume(np.vstack([gains, more]), worst)
    assert added_volume(more, gains, worst) == pytest.approx(with_more - counted)
    assert hypervolume(gains[is_front(gains)], worst) == pytest.approx(counted)
    assert (reference(gains) <= gains[is_front(gains)].min(axis=0)).all()
