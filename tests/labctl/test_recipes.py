"""Recipes as files hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from annotated_types import Ge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.files import read_yaml, yaml_text
from labctl.quantities import format_value
from labctl.recipes import OperationSchema, Timing, check_recipe
from tests.laboratory import EXAMPLE, SCHEMAS

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff\u2028\u2029"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def entries(schema: OperationSchema) -> st.SearchStrategy[dict[str, Any]]:
    """Return operations of one kind with parameters that its plan allows."""
    values: dict[str, st.SearchStrategy[Any]] = {}
    for parameter in schema.parameters:
        quantity = schema.quantity(parameter)
        if quantity is not None:
            low, high = max(quantity.low, -1e6), min(quantity.high, 1e6)
            numbers = st.floats(low, high, allow_subnormal=False)
            values[parameter] = numbers.map(lambda n, unit=quantity.unit: format_value(n, unit) if unit else n)
        elif schema.is_whole(parameter):
            limits = schema.model.model_fields[parameter].metadata
            least = max((limit.ge for limit in limits if isinstance(limit, Ge)), default=1)
            values[parameter] = st.integers(int(least), int(least) + 5)
        elif schema.model.model_fields[parameter].is_required():
            values[parameter] = st.text("abc", min_size=1)
    return st.fixed_dictionaries({"operation": st.just(schema.kind), **values})


OPERATIONS = st.one_of(*(entries(schema) for kind, schema in SCHEMAS.items() if kind not in ("transfer", "look_up")))


@given(operations=st.lists(OPERATIONS, min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_recipe_read_back_from_its_content_is_the_same(operations: list[dict[str, Any]], tmp_path: Path) -> None:
    named = [{"name": f"step-{index}", **operation} for index, operation in enumerate(operations)]
    recipe, problems = check_recipe({"recipe": "any", "operations": named}, SCHEMAS)
    assert not problems
    assert recipe is not None
    (tmp_path / "recipe.yaml").write_text(yaml_text(recipe.content()), encoding="utf-8")
    again, problems = check_recipe(read_yaml(tmp_path / "recipe.yaml"), SCHEMAS)
    assert not problems
    assert again == recipe
    assert again.digest == recipe.digest


@given(content=st.dictionaries(TEXT, JSON, min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_yaml_is_read_back_as_written(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "any.yaml").write_text(yaml_text(content), encoding="utf-8")
    assert read_yaml(tmp_path / "any.yaml") == content


@given(content=JSON)
def test_any_content_is_a_recipe_or_problems(content: object) -> None:
    recipe, problems = check_recipe(content, SCHEMAS)
    assert (recipe is None) == bool(problems)


def test_a_change_replaces_a_value_of_the_file() -> None:
    content = read_yaml(EXAMPLE / "recipe.yaml")
    recipe, problems = check_recipe(content, SCHEMAS, {("deposit", "power"): "80 W"})
    assert not problems
    assert recipe is not None
    assert recipe.operations[0].parameters["power"] == 80
    unchanged, _ = check_recipe(content, SCHEMAS)
    assert unchanged is not None
    assert unchanged.digest != recipe.digest


def test_a_recipe_says_when_operations_may_begin() -> None:
    content = {
        "recipe": "timed",
        "operations": [
            {"operation": "measure_transmittance"},
            {"operation": "measure_sheet_resistance", "begin_within": "2 h", "begin_after": "10 min", "takes": "4 min"},
        ],
    }
    recipe, problems = check_recipe(content, SCHEMAS)
    assert recipe is not None
    assert not problems
    assert recipe.operations[1].timing == Timing(takes=240.0, begin_within=7200.0, begin_after=600.0)
    again, _ = check_recipe(recipe.content(), SCHEMAS)
    assert again == recipe
    content["operations"][1] |= {"begin_after": "3 h", "any_order": True}  # type: ignore[index]
    content["operations"][0] |= {"begin_within": "1 h"}  # type: ignore[index]
    _, problems = check_recipe(content, SCHEMAS)
    assert [problem.where for problem in problems] == [
        "operations[0].begin_within",
        "operations[1].begin_after",
        "operations[1].any_order",
    ]
