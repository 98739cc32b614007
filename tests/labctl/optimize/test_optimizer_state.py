"""What an optimizer takes, refuses and remembers."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from labctl.objectives import InputOf, Objective
from labctl.optimize import ENGINES, ID_KEY, ROW_KEY, Optimizer, make_optimizer
from labctl.trials import Candidates, Categorical, Continuous, SearchSpace

SPACE = SearchSpace((Continuous("time", 1.0, 100.0, "s", "log"), Categorical("gas", ("Ar", "N2"))))
POOL = Candidates(("t",), tuple({"t": t} for t in (1.0, 2.0, 3.0, 3.0)))

OPTIONS = {"n_start": None, "cost_aware": False, "replicates": 1}


def objective(name="y", direction="maximize", target=None):
    return Objective(name, direction, "y", {"y": InputOf("probe", "y")}, target, "S")


def optimizer(space=SPACE, *objectives, engine="random"):
    return make_optimizer(engine, space, objectives or [objective()], 1, {})


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_keeps_the_protocol(engine):
    if not ENGINES[engine].is_installed:
        with pytest.raises(
            ValueError, match=rf"needs a package that is not installed: pip install 'labctl\[{engine}\]'"
        ):
            make_optimizer(engine, SPACE, [objective()], 1, {})
        return
    made = make_optimizer(engine, SPACE, [objective()], 1, {})
    assert isinstance(made, Optimizer)
    assert made.checkpoint()["name"] == engine
    assert ENGINES[engine].summary


def test_unknown_engines_and_options_are_named():
    with pytest.raises(ValueError, match=r"unknown engine 'sobl'; did you mean 'sobol'\?"):
        make_optimizer("sobl", SPACE, [objective()], 1, {})
    with pytest.raises(ValueError, match=r"options of gp: n_strat: unknown key; did you mean 'n_start'\?"):
        make_optimizer("gp", SPACE, [objective()], 1, {"n_strat": 3})
    with pytest.raises(ValueError, match=r"options of gp: n_start: .*not 0"):
        make_optimizer("gp", SPACE, [objective()], 1, {"n_start": 0})
    with pytest.raises(ValueError, match="options of random: n_start: unknown key"):
        make_optimizer("random", SPACE, [objective()], 1, {"n_start": 3})


@pytest.mark.parametrize(
    ("names", "words"), [((), "at least one"), (("y", "y"), "used twice: y"), (("time",), "used twice: time")]
)
def test_objectives_need_names_of_their_own(names, words):
    with pytest.raises(ValueError, match=words):
        make_optimizer("random", SPACE, [objective(name) for name in names], 1, {})


def test_trials_count_on_from_the_highest_that_is_known():
    made = optimizer()
    made.register_suggestions([{"time": 2.0, "gas": "Ar", ID_KEY: "T0041"}, {"time": 2.0, "gas": "Ar", ID_KEY: "base"}])
    made.ingest([{"time": 3.0, "gas": "Ar", "y": 1.0}])
    assert [point[ID_KEY] for point in made.suggest(2)] == ["T0043", "T0044"]


def test_registered_points_get_a_trial_and_come_back_whole():
    (point,) = optimizer().register_suggestions([{"time": np.float64(2.0), "gas": "Ar", "note": "by hand"}])
    assert point == {"time": 2.0, "gas": "Ar", ID_KEY: "T0001"}
    assert type(point["time"]) is float


def test_an_outcome_need_not_repeat_its_values():
    made = optimizer()
    (point,) = made.suggest()
    made.ingest([{ID_KEY: point[ID_KEY], "y": 4.0}])
    assert made.get_best_points() == [point | {"y": 4.0}]


def test_values_as_run_replace_those_suggested_even_outside_the_space():
    made = optimizer(engine="gp")
    for point in made.suggest(5):
        made.ingest([point | {"time": 101.3, "y": 1.0}])
    assert made.get_best_points()[0]["time"] == 101.3
    SPACE.check({key: value for key, value in made.suggest()[0].items() if key != ID_KEY})


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"gas": "Ar", "y": 1.0}, "trial T0002: time is missing"),
        ({"time": 2.0, "gas": "He", "y": 1.0}, "gas: gas='He' is none of"),
        ({"time": "2 s", "gas": "Ar", "y": 1.0}, "time: '2 s' is not a finite number"),
        ({"time": -2.0, "gas": "Ar", "y": 1.0}, "logarithmic"),
        ({"time": 2.0, "gas": "Ar"}, "objective y is None"),
        ({"time": 2.0, "gas": "Ar", "y": math.nan}, "objective y is nan"),
        ({"time": 2.0, "gas": "Ar", "y": 1.0, ID_KEY: 7}, "_id 7 must be text"),
        ({"time": 2.0, "gas": "Ar", "y": 1.0, ID_KEY: "T0001"}, "trial T0001 is completed already"),
    ],
)
def test_a_point_that_cannot_be_used_is_refused_and_nothing_of_the_call_is_taken(point, words):
    made = optimizer()
    (first,) = made.suggest()
    before = made.checkpoint()
    with pytest.raises(ValueError, match=words):
        made.ingest([first | {"y": 2.0}, point])
    assert made.checkpoint() == before
    assert made.get_best_points() == []
    made.ingest([first | {"y": 2.0}])


def test_a_trial_is_suggested_and_finished_once():
    made = optimizer()
    (point,) = made.suggest()
    with pytest.raises(ValueError, match="trial T0001 is pending already"):
        made.register_suggestions([point])
    made.register_failures([point])
    with pytest.raises(ValueError, match="trial T0001 is failed already"):
        made.ingest([point | {"y": 1.0}])


@pytest.mark.parametrize("register", ["register_failures", "register_refusals"])
def test_a_failure_and_a_refusal_need_their_trial(register):
    with pytest.raises(ValueError, match="needs its _id"):
        getattr(optimizer(), register)([{"time": 2.0, "gas": "Ar"}])


@pytest.mark.parametrize("num_points", [0, -1])
def test_fewer_than_one_point_is_refused(num_points):
    with pytest.raises(ValueError, match="at least 1"):
        optimizer().suggest(num_points)


def test_pool_points_from_elsewhere_use_up_their_row():
    made = optimizer(POOL)
    made.ingest([{"t": 3.0, "y": 1.0}, {ROW_KEY: 0, "y": 2.0}, {"t": 17.0, "y": 3.0}])
    assert made.get_best_points() == [{"t": 17.0, "y": 3.0, ID_KEY: "T0003"}]
    assert sorted(point[ROW_KEY] for point in made.suggest(9)) == [1, 3]


@pytest.mark.parametrize("row", [-1, 4, 1.0, True])
def test_a_row_that_the_pool_lacks_is_refused(row):
    with pytest.raises(ValueError, match=r"is not in 0\.\.3"):
        optimizer(POOL).register_suggestions([{ROW_KEY: row}])


def test_the_best_point_follows_the_direction():
    made = optimizer(POOL, objective(direction="minimize"))
    made.ingest([{"t": 1.0, "y": 5.0}, {"t": 2.0, "y": -3.0}, {"t": 3.0, "y": 4.0}])
    made.register_failures(made.suggest())
    assert [point["t"] for point in made.get_best_points()] == [2.0]


def test_with_several_objectives_the_best_points_are_those_that_no_other_beats():
    made = optimizer(POOL, objective("y"), objective("cost", "minimize"))
    made.ingest([{"t": t, "y": y, "cost": cost} for t, y, cost in ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (3.0, 1.0, 1.5))])
    assert [point["t"] for point in made.get_best_points()] == [1.0, 2.0]


def test_a_campaign_stops_when_one_trial_reaches_every_target():
    made = optimizer(SPACE, objective("y", target=2.0), objective("cost", "minimize", target=1.0))
    assert not made.should_stop()
    made.ingest([{"time": 2.0, "gas": "Ar", "y": 2.5, "cost": 3.0}, {"time": 3.0, "gas": "Ar", "y": 1.5, "cost": 0.5}])
    assert made.stop_reason == ""
    made.ingest([{"time": 4.0, "gas": "Ar", "y": 2.0, "cost": 1.0}])
    assert made.should_stop()
    assert made.stop_reason == "trial T0003 reached y >= 2 S and cost <= 1 S"


def test_a_campaign_goes_on_while_an_objective_has_no_target():
    made = optimizer(SPACE, objective("y", target=2.0), objective("cost", "minimize"))
    made.ingest([{"time": 2.0, "gas": "Ar", "y": 2.5, "cost": 3.0}])
    assert not made.should_stop()


def test_a_checkpoint_is_a_copy():
    made = optimizer(engine="gp")
    made.suggest()
    made.checkpoint()["history"][0]["points"][0]["time"] = -1.0
    checkpoint = made.checkpoint()
    assert checkpoint["history"][0]["points"][0]["time"] > 0
    assert checkpoint | {"history": []} == {"name": "gp", "seed": 1, "options": OPTIONS, "history": []}


def test_importing_optimizers_does_not_load_scipy():
    code = "import sys, labctl.optimize, labctl.trials; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
