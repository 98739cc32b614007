"""What every start document must carry."""

from __future__ import annotations

from typing import Any

import pytest

from labctl.errors import LabError
from labctl.metadata import LabMetadata, OperationMetadata, check_start, required_in_campaign, versions

START: dict[str, Any] = {
    "uid": "u-1",
    "time": 0.0,
    "lab": "ito-line",
    "station": "probe",
    "operator": "night shift",
    "simulated": True,
    "versions": versions(),
    "source_revision": "abc",
    "policy": {},
    "operation": "measure_sheet_resistance",
    "samples": ["S-1", "S-2"],
    "parameters": {"current": 0.001},
    "parameter_units": {"current": "A"},
    "trials": ["1", "2"],
    "recipe_digests": ["d", "d"],
    "recipes": {"d": {}},
}


def test_a_whole_start_document_is_taken() -> None:
    check_start(START)


REQUIRED = [
    name for name, field in (LabMetadata.model_fields | OperationMetadata.model_fields).items() if field.is_required()
]


@pytest.mark.parametrize("key", [key for key in required_in_campaign() if key != "campaign"])
def test_a_run_of_a_campaign_must_say_more(key: str) -> None:
    rest = {"operation_id": "op1", "operation_names": ["a", ""], "suggestions": {"1": {}}, "locations": ["x", "y"]}
    whole = {**START, **rest, "campaign": "night"}
    check_start(whole)
    empty = type(whole[key])()
    others = {"recipe_digests": []} if key == "recipes" else {}
    with pytest.raises(LabError, match=f"{key} is required in a campaign, here 'night'|recipe_digests is required"):
        check_start({**whole, **others, key: empty})


@pytest.mark.parametrize("key", [key for key in REQUIRED if key != "operation"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(LabError, match=f"metadata of the run: {key}: is required"):
        check_start({name: value for name, value in START.items() if name != key})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("trials", ["1"], "trials has 1 entries for 2 samples"),
        ("recipe_digests", ["d"], "recipe_digests has 1 entries for 2 samples"),
        ("recipes", {}, "recipes lacks the content of d"),
        ("operator", "", "operator: must not be empty"),
        ("policy", {"access": "secret"}, "policy.access: must be 'open', 'consortium' or 'closed', not 'secret'"),
    ],
)
def test_a_wrong_entry_is_named(key: str, value: object, message: str) -> None:
    with pytest.raises(LabError, match=message):
        check_start(START | {key: value})
