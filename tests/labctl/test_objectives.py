from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.objectives import FUNCTIONS, InputOf, Objective

INPUTS = {"t": InputOf("measure", "transmittance"), "r": InputOf("probe", "sheet_resistance")}


def objective(expression="t", direction="maximize", target=None):
    return Objective("merit", direction, expression, INPUTS, target, "1/ohm")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("t**10 / r", 0.5**10 / 8.0),
        ("-log10(r) + +t", -math.log10(8.0) + 0.5),
        ("max(t, r, 9) - min(t, r)", 8.5),
        ("sqrt(abs(-r * 2)) * exp(log(t))", 2.0),
        ("  3 ", 3.0),
        ("(\nt +\n r)", 8.5),
    ],
)
def test_expression_is_evaluated(expression, value):
    assert objective(expression).value({"t": 0.5, "r": 8.0}) == pytest.approx(value)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "cannot be read"),
        ("t +", "cannot be read"),
        ("t; r", "cannot be read"),
        ("t = 3", "cannot be read"),
        ("import os", "cannot be read"),
        ("t\x00", "cannot be read"),
        ("transmittance", "unknown name 'transmittance'; its inputs: t, r"),
        ("T", "unknown name 'T'; its inputs: t, r"),
        ("log", "unknown name 'log'"),
        ("ln(t)", "unknown function 'ln'; known: abs, exp, log, log10, max, min, sqrt"),
        ("__import__('os')", "unknown function '__import__'"),
        ("t.real", "Attribute is not allowed"),
        ("(t).__class__", "Attribute is not allowed"),
        ("t.conjugate()", "Call is not allowed"),
        ("'text'", "'text' is not a number"),
        ("f'{t}'", "JoinedStr is not allowed"),
        ("True", "True is not a number"),
        ("None", "None is not a number"),
        ("3j", "3j is not a number"),
        ("[t]", "List is not allowed"),
        ("t[0]", "Subscript is not allowed"),
        ("{t: r}", "Dict is not allowed"),
        ("lambda: t", "Lambda is not allowed"),
        ("[x for x in (t, r)]", "ListComp is not allowed"),
        ("t if r else 1", "IfExp is not allowed"),
        ("t and r", "BoolOp is not allowed"),
        ("t < r", "Compare is not allowed"),
        ("(t := r)", "NamedExpr is not allowed"),
        ("t // r", "FloorDiv is not allowed"),
        ("t @ r", "MatMult is not allowed"),
        ("1 << 100", "LShift is not allowed"),
        ("~3", "Invert is not allowed"),
        ("not t", "Not is not allowed"),
        ("log(t, 2)", "log takes one value"),
        ("max(t)", "max takes two or more values"),
        ("max(t, r, key=abs)", "Call is not allowed"),
        ("max(t, *r)", "Starred is not allowed"),
        ("sqrt()", "sqrt takes one value"),
        ("-" * 60 + "t", "nested more than"),
        ("t" + "+t" * 300, "longer than"),
    ],
)
def test_expression_that_is_more_than_arithmetic_on_the_inputs_is_refused(expression, words):
    with pytest.raises(ValueError, match="merit: ") as caught:
        objective(expression)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ("1 / t", {"t": 0.0, "r": 1.0}),
        ("log(t)", {"t": 0.0, "r": 1.0}),
        ("log10(r)", {"t": 0.0, "r": -1.0}),
        ("sqrt(r)", {"t": 0.0, "r": -1.0}),
        ("r ** t", {"t": 0.5, "r": -1.0}),
        ("0 ** -r", {"t": 0.5, "r": 1.0}),
        ("exp(r)", {"t": 0.5, "r": 1e4}),
        ("9 ** 9 ** 9 ** 9", {"t": 0.5, "r": 1e4}),
        ("r * 1e300", {"t": 0.5, "r": 1e300}),
        ("t - r", {"t": math.inf, "r": math.inf}),
        ("t", {"t": math.nan, "r": 1.0}),
        ("1" + "0" * 400, {"t": 1.0, "r": 1.0}),
    ],
)
def test_a_result_that_is_no_finite_number_is_refused_with_the_values(expression, read):
    with pytest.raises(ValueError, match="merit: ") as caught:
        objective(expression).value(read)
    assert f"t={read['t']!r}, r={read['r']!r}" in str(caught.value)


def test_an_input_that_was_not_read_is_named():
    with pytest.raises(ValueError, match="merit: no value for r"):
        objective("t").value({"t": 1.0})


@given(st.text(alphabet="tr0123456789.+-*/() ,abslogexp_[]'", max_size=40))
def test_any_text_is_refused_or_evaluates_to_a_finite_number_or_value_error(expression):
    try:
        value = objective(expression).value({"t": 0.5, "r": 2.0})
    except ValueError:
        return
    assert math.isfinite(value)


@pytest.mark.parametrize(("direction", "better", "worse"), [("maximize", 3.0, 1.0), ("minimize", 1.0, 3.0)])
def test_gain_and_target_follow_the_direction(direction, better, worse):
    merit = objective(direction=direction, target=2.0)
    assert merit.gain(better) > merit.gain(worse)
    assert merit.reached(better)
    assert merit.reached(2.0)
    assert not merit.reached(worse)


def test_without_a_target_nothing_is_good_enough():
    assert not objective().reached(1e300)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "name ''"),
        ({"name": "_id"}, "name '_id'"),
        ({"direction": "up"}, "'maximize' or 'minimize', not 'up'"),
        ({"target": math.nan}, "target nan"),
        ({"inputs": {"log": InputOf("a", "b")}}, "input 'log'"),
        ({"inputs": {"sheet resistance": InputOf("a", "b")}}, "input 'sheet resistance'"),
    ],
)
def test_objective_refuses_wrong_fields(change, words):
    fields = {"name": "merit", "direction": "maximize", "expression": "1", "inputs": INPUTS, "target": 1.0}
    with pytest.raises(ValueError, match=words):
        Objective(**(fields | change))


@pytest.mark.parametrize(("operation", "field"), [("", "x"), ("x", "")])
def test_input_needs_operation_and_field(operation, field):
    with pytest.raises(ValueError, match="an input needs"):
        InputOf(operation, field)


def test_every_function_that_is_listed_can_be_called():
    for name in FUNCTIONS:
        arguments = "t, r" if name in ("max", "min") else "t"
        assert math.isfinite(objective(f"{name}({arguments})").value({"t": 0.5, "r": 2.0}))
