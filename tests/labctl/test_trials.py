from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.trials import Candidates, Categorical, Continuous, Integer, Outcome, SearchSpace, Suggestion

POWER = Continuous("power", 1.0, 300.0, "W")


@pytest.mark.parametrize(
    ("low", "high", "scale", "step", "words"),
    [
        (2.0, 1.0, "linear", None, "low < high"),
        (1.0, 1.0, "linear", None, "low < high"),
        (math.nan, 1.0, "linear", None, "finite"),
        (0.0, math.inf, "linear", None, "finite"),
        (True, 3.0, "linear", None, "finite"),
        (0.0, 1.0, "log", None, "low > 0"),
        (0.0, 1.0, "cubic", None, "'linear' or 'log'"),
        (0.0, 1.0, "linear", 0.0, "step 0.0"),
        (0.0, 1.0, "linear", 2.0, "step 2.0"),
    ],
)
def test_continuous_refuses_impossible_ranges(low, high, scale, step, words):
    with pytest.raises(ValueError, match=words):
        Continuous("power", low, high, "W", scale, step)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0.5, 3), (0, 3.0), (False, True)])
def test_integer_refuses_limits_that_are_not_whole_or_do_not_rise(low, high):
    with pytest.raises(ValueError, match="layers"):
        Integer("layers", low, high)


@pytest.mark.parametrize("values", [(), ("Ar", "Ar"), (1, True), (None,), (math.nan,), (("Ar",),)])
def test_categorical_refuses_values_that_cannot_be_told_apart(values):
    with pytest.raises(ValueError, match="gas"):
        Categorical("gas", values)


@pytest.mark.parametrize("name", ["", "  ", "_id", 3])
def test_parameter_refuses_a_name_that_a_point_could_not_carry(name):
    with pytest.raises(ValueError, match="name"):
        Continuous(name, 0.0, 1.0)


@given(st.floats(0.01, 3000.0))
def test_nearest_value_reads_back_bit_identical_from_a_recipe(value):
    nearest = POWER.nearest(value)
    assert float(f"{nearest:.6g}") == nearest
    assert POWER.low <= nearest <= POWER.high


def test_nearest_value_keeps_limits_of_more_than_six_digits():
    angle = Continuous("angle", -math.pi, math.pi)
    assert (angle.nearest(-9.0), angle.nearest(9.0)) == (-math.pi, math.pi)


@pytest.mark.parametrize(("value", "nearest"), [(0.1, 0.1), (0.31, 0.3), (0.9, 0.9), (0.99, 0.9), (-5.0, 0.1)])
def test_nearest_value_lies_on_the_grid(value, nearest):
    assert Continuous("time", 0.1, 1.0, "s", step=0.2).nearest(value) == nearest


def test_a_grid_finer_than_six_digits_is_kept():
    assert Continuous("frequency", 1e6, 2e6, "Hz", step=0.5).nearest(1234567.4) == 1234567.5


SPACE = SearchSpace(
    (POWER, Continuous("time", 0.0, 1.0, "s", step=0.1), Integer("layers", 1, 5), Categorical("gas", ("Ar", 1)))
)
GOOD = {"power": 20.5, "time": 0.3, "layers": 2, "gas": "Ar"}


def test_search_space_accepts_what_lies_in_it():
    SPACE.check(GOOD)
    SPACE.check(GOOD | {"gas": 1, "time": 0.1 + 0.2})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"power": 301.0}, "power=301.0 is not a number in 1..300 W"),
        ({"power": math.nan}, "power=nan"),
        ({"power": "20"}, "power='20'"),
        ({"power": True}, "power=True"),
        ({"time": 0.35}, "time=0.35 is not on the grid of 0.1 from 0 s"),
        ({"layers": 2.0}, "layers=2.0 is not a whole number in 1..5"),
        ({"layers": 6}, "layers=6"),
        ({"gas": "N2"}, "gas='N2' is none of 'Ar', 1"),
        ({"gas": True}, "gas=True is none of"),
        ({"powr": 1.0}, "powr is no parameter; did you mean 'power'?"),
    ],
)
def test_search_space_names_the_value_that_lies_outside(changes, words):
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        SPACE.check(GOOD | changes)


def test_search_space_reports_everything_that_is_wrong_at_once():
    with pytest.raises(ValueError, match=r"power is missing; .*layers is missing; gas=3"):
        SPACE.check({"gas": 3, "time": 9.0})


def test_search_space_needs_parameters_with_names_of_their_own():
    with pytest.raises(ValueError, match="at least one"):
        SearchSpace(())
    with pytest.raises(ValueError, match="used twice: power"):
        SearchSpace((POWER, POWER))


def test_candidates_hold_replicates_and_other_columns():
    pool = Candidates(("t", "gas"), ({"t": 1.0, "gas": "Ar", "y": 3.0}, {"t": 1.0, "gas": "Ar", "y": 4.0}))
    assert (pool.names, pool.n, pool.values(1)) == (("t", "gas"), 2, {"t": 1.0, "gas": "Ar"})


@pytest.mark.parametrize(
    ("inputs", "rows", "words"),
    [
        ((), ({"t": 1.0},), "at least one input"),
        (("t", "t"), ({"t": 1.0},), "used twice: t"),
        (("_row",), ({"_row": 1.0},), "'_row'"),
        (("t",), (), "no row"),
        (("t",), ({"t": 1.0}, {"u": 1.0}), "row 1 lacks 't'"),
        (("t",), ({"t": 1.0}, {"t": math.inf}), "row 1: t=inf"),
        (("t",), ({"t": 1.0}, {"t": "1"}), "text in some rows"),
    ],
)
def test_candidates_refuse_rows_that_are_no_recipes(inputs, rows, words):
    with pytest.raises(ValueError, match=words):
        Candidates(inputs, rows)


def test_suggestion_needs_a_trial():
    with pytest.raises(ValueError, match="trial name ''"):
        Suggestion("", {"power": 1.0})


@pytest.mark.parametrize(
    ("objectives", "status", "words"),
    [
        ({}, "completed", "completed but"),
        ({"y": math.nan}, "completed", "nan"),
        ({"y": 1.0}, "lost", "'lost'"),
    ],
)
def test_outcome_refuses_a_status_that_its_objectives_contradict(objectives, status, words):
    with pytest.raises(ValueError, match=words):
        Outcome("T0001", {"power": 1.0}, objectives, status)


def test_a_failed_outcome_needs_no_objective():
    assert Outcome("T0001", {"power": 1.0}, {}, "failed", "crucible cracked").objectives == {}
