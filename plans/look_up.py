"""Look up what was measured for a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.recipe_table import RecipeTable
from labctl.recipes import LimitedBy
from plans._act import act, record_result
from plans._operation import Plan, operation

LIMIT_S = 24 * 3600.0


@operation({"valid": ""}, results_from="columns", on_unknown="repeat")
def look_up(
    table: RecipeTable,
    samples: Sequence[str],
    *,
    row: Annotated[int, Field(ge=0), LimitedBy("table", "row")],
    columns: str,
) -> Plan:
    """Measure one row of a table of recipes; the stream ``result`` has its columns.

    Args:
        table: of recipes that were measured before.
        samples: the sample that stands for the recipe.
        row: which recipe, from 0.
        columns: names of the measured columns, with ``;`` between them.
    """
    yield from bps.mv(table.row, row)
    yield from act("look up", lambda: table.measure(timeout_s=LIMIT_S))
    values = {column: (float(table.fetch(column)), "") for column in columns.split(";")}
    yield from record_result(values | {"valid": (1.0, "")}, table.link.clock.time(), "table of measured recipes")
