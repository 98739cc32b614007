"""Optimizers that others wrote, behind the same protocol, and ours behind bluesky-adaptive's."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine
from ophyd.sim import SynAxis, SynSignal

from labctl.constraints import Constraint
from labctl.objectives import InputOf, Objective
from labctl.optimize import ENGINES, AdaptiveOptimizer, make_optimizer
from labctl.trials import Candidates, Categorical, Continuous, Integer, SearchSpace

SPACE = SearchSpace(
    (
        Continuous("pressure", 1e-3, 1.0, "Pa", "log"),
        Continuous("power", 10.0, 200.0, "W", step=5.0),
        Integer("layers", 1, 6),
        Categorical("gas", ("Ar", "N2", "O2")),
    )
)
MERIT = Objective("merit", "maximize", "y", {"y": InputOf("probe", "y")})
LIGHT = ("egobox", "optuna")
N_START = 3


def need(engine: str) -> None:
    if not ENGINES[engine].is_installed:
        pytest.skip(f"{ENGINES[engine].package} is not installed: pip install 'labctl[{engine}]'")


def merit(point: Any) -> float:
    """A hill; the gas Ar fails at high power."""
    if point["gas"] == "Ar" and point["power"] > 100:
        return math.nan
    return -((math.log10(point["pressure"]) + 1.5) ** 2) - ((point["power"] - 120) / 60) ** 2 + (point["gas"] == "O2")


def search(engine: str, n_trials: int, n_under_way: int = 2) -> Any:
    optimizer = make_optimizer(engine, SPACE, [MERIT], 5, {"n_start": N_START})
    under_way = []
    for _ in range(n_trials):
        under_way += optimizer.suggest()
        if len(under_way) > n_under_way:
            point = under_way.pop(0)
            value = merit(point)
            if math.isnan(value):
                optimizer.register_failures([point])
            else:
                optimizer.ingest([point | {"merit": value}])
    return optimizer


@pytest.mark.slow
@pytest.mark.parametrize("engine", [*LIGHT, "ax"])
def test_a_peer_keeps_inside_the_space_learns_and_resumes_bit_for_bit(engine: str) -> None:
    need(engine)
    optimizer = search(engine, 12)
    history = json.loads(json.dumps(optimizer.checkpoint()))["history"]
    for call in history:
        for point in call["points"]:
            SPACE.check({name: point[name] for name in SPACE.names})
    again = make_optimizer(engine, SPACE, [MERIT], 5, {"n_start": N_START})
    for call in history:
        getattr(again, call["call"])(call["points"])
    assert again.suggest(2) == optimizer.suggest(2)
    assert optimizer.get_best_points()[0]["merit"] > -1.0


@pytest.mark.slow
@pytest.mark.parametrize("engine", [*LIGHT, "ax"])
def test_a_peer_goes_on_when_most_trials_fail_and_never_repeats_one(engine: str) -> None:
    need(engine)
    optimizer = make_optimizer(engine, SPACE, [MERIT], 2, {"n_start": N_START})
    seen: list[Any] = []
    for number in range(9):
        (point,) = optimizer.suggest()
        recipe = {name: point[name] for name in SPACE.names}
        if number % 3:
            optimizer.register_failures([point])
            assert recipe not in seen
            seen.append(recipe)
        else:
            optimizer.ingest([point | {"merit": float(number)}])


@pytest.mark.slow
@pytest.mark.parametrize("engine", LIGHT)
def test_a_peer_chooses_each_row_of_a_pool_once(engine: str) -> None:
    need(engine)
    rows = tuple({"x": float(x), "kind": kind} for x in range(4) for kind in "ab")
    optimizer: Any = make_optimizer(engine, Candidates(("x", "kind"), rows), [MERIT], 1, {})
    used = []
    while points := optimizer.suggest():
        used.append(points[0]["_row"])
        optimizer.ingest([points[0] | {"merit": points[0]["x"]}])
    assert sorted(used) == list(range(8)) and optimizer.should_stop()


@pytest.mark.parametrize("engine", LIGHT)
def test_a_peer_keeps_constraints_and_takes_no_prior(engine: str) -> None:
    need(engine)
    space = SearchSpace(SPACE.parameters, (Constraint("power * layers <= 120", ("power", "layers")),))
    optimizer = make_optimizer(engine, space, [MERIT], 1, {"n_start": 2})
    for number in range(7):
        (point,) = optimizer.suggest()
        assert point["power"] * point["layers"] <= 120
        optimizer.ingest([point | {"merit": float(number)}])
    with pytest.raises(ValueError, match=f"engine {engine} can make no use of a prior"):
        make_optimizer(engine, space, [MERIT], 1, {}, [point | {"merit": 1.0}] * 5)


def test_a_peer_for_one_objective_refuses_two() -> None:
    need("egobox")
    other = Objective("cost", "minimize", "y", {"y": InputOf("probe", "y")})
    with pytest.raises(ValueError, match="the engine egobox looks for one objective, not 2"):
        make_optimizer("egobox", SPACE, [MERIT, other], 1, {})


# The other way round.


def adaptive(path: Path | None = None, target: float | None = None) -> AdaptiveOptimizer:
    space = SearchSpace((Continuous("x", -4.0, 4.0), Continuous("y", -4.0, 4.0)))
    objective = Objective("height", "maximize", "h", {"h": InputOf("probe", "h")}, target)
    return AdaptiveOptimizer(make_optimizer("gp", space, [objective], 1, {}), [objective], path)


@pytest.mark.slow
def test_bluesky_adaptives_own_plan_runs_with_labctls_engine(tmp_path: Path) -> None:
    plans = pytest.importorskip("bluesky_adaptive.plans")
    protocols = pytest.importorskip("bluesky_adaptive.protocols")
    x, y = SynAxis(name="x"), SynAxis(name="y")
    height = SynSignal(lambda: 10.0 - (x.position - 1.0) ** 2 - (y.position + 2.0) ** 2, name="height")
    documents: dict[str, list[Any]] = {}

    def evaluate(uid: str, suggestions: Any) -> list[dict[str, Any]]:
        start = next(s for s in documents["start"] if s["uid"] == uid)
        ours = {d["uid"] for d in documents["descriptor"] if d["run_start"] == uid}
        rows = [event["data"] for event in documents["event"] if event["descriptor"] in ours]
        values = [row["height"] if row["y"] < 3.0 else math.nan for row in rows]  # nothing can be measured there
        return [
            {"_id": name, "height": value} for name, value in zip(start["blop_acquisition_order"], values, strict=True)
        ]

    optimizer = adaptive(tmp_path / "optimizer.json", target=9.9)
    for part in (
        "Optimizer",
        "CanRegisterSuggestions",
        "TrialFaultAware",
        "SupportsStoppingCriteria",
        "Checkpointable",
    ):
        assert isinstance(optimizer, getattr(protocols, part)), part
    problem = protocols.OptimizationProblem(optimizer, [x, y], [height], evaluate)
    engine = RunEngine()
    engine.subscribe(lambda name, document: documents.setdefault(name, []).append(document))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        engine(plans.optimize(problem, iterations=None, n_points=2, checkpoint_interval=1))
        engine(plans.sample_suggestions(problem, [{"x": 1.0, "y": -2.0}]))
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join()
    engine.loop.close()
    ((trial, parameters, outcomes),) = optimizer.get_best_points()
    assert outcomes == {"height": 10.0} and parameters == {"x": 1.0, "y": -2.0}
    stopped, why = optimizer.should_stop()
    assert stopped and why is not None and why.endswith("reached height >= 9.9")
    saved = json.loads((tmp_path / "optimizer.json").read_text())
    assert saved["name"] == "gp" and len(saved["history"]) > 4 and trial not in json.dumps(saved)


def test_an_outcome_that_is_no_number_is_a_failed_trial_and_ends_nothing() -> None:
    optimizer = adaptive()
    first, second = optimizer.suggest(2)
    optimizer.ingest([{"_id": first["_id"], "height": math.nan}, {"_id": second["_id"], "height": 1.0}])
    optimizer.ingest([{"x": 0.0, "y": 0.0, "height": math.inf}, {"x": 0.5, "y": 0.5, "height": 2.0}])
    assert optimizer.get_best_points()[0][2] == {"height": 2.0} and optimizer.should_stop() == (False, None)
    with pytest.raises(ValueError, match="no file was given"):
        optimizer.checkpoint()
