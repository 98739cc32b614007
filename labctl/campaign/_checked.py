"""A campaign that may start."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl.campaign._file import CampaignFile, TableEntry
from labctl.errors import FileError
from labctl.lab import LabFile
from labctl.objectives import Objective
from labctl.optimize import Optimizer, make_optimizer
from labctl.quantities import format_value
from labctl.recipes import OperationSchema, Recipe, check_recipe
from labctl.trials import Candidates, SearchSpace


@dataclass(frozen=True)
class CheckedCampaign:
    """A campaign whose files, and their combination, have been checked."""

    file: CampaignFile
    paths: Mapping[str, Path]
    """Of ``campaign``, ``lab``, ``recipe`` and, where there is one, ``table`` and ``prior``."""
    lab: LabFile
    content: Any
    """Of the recipe file."""
    schemas: Mapping[str, OperationSchema]
    space: SearchSpace | Candidates
    fields: Mapping[str, tuple[str, str]]
    """Operation and parameter in the recipe that each parameter of the space replaces."""
    objectives: tuple[Objective, ...]
    rows: tuple[Mapping[str, float], ...] = ()
    """What a table lab measures for each candidate."""
    known: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Values known to be safe besides those that were done, by parameter, in the parameters' units."""
    prior: Sequence[Mapping[str, Any]] = ()
    """Rows of the table that the optimizer is led by: parameters and objectives."""

    @property
    def as_run(self) -> Mapping[str, tuple[str, str]]:
        """Operation and quantity that tell what was done, by parameter, where the optimizer learns from that."""
        if self.file.learn_from != "as_run" or isinstance(self.file.space, TableEntry):
            return {}
        return {each.name: (self.fields[each.name][0], each.as_run) for each in self.file.space if each.as_run}

    @property
    def first_kind(self) -> str:
        """Kind of the recipe's first operation."""
        return str(self.content["operations"][0]["operation"])

    @functools.cached_property
    def n_ahead(self) -> int:
        """How many samples should wait to be begun, so that loads are filled of which all samples are alike."""
        varied = {operation for operation, _ in self.fields.values()}
        alike = [e["operation"] for e in self.content["operations"] if e.get("name", e["operation"]) not in varied]
        places = [s.places for s in self.lab.stations.values() if any(kind in s.operations for kind in alike)]
        return max(places, default=1) - 1

    def recipe(self, values: Mapping[str, Any], row: int | None = None) -> Recipe:
        """Return the recipe of a suggestion.

        Raises:
            FileError: it is not a valid recipe.
        """
        kinds = {entry.get("name", entry["operation"]): entry["operation"] for entry in self.content["operations"]}
        changes: dict[tuple[str, str], object] = {}
        for name, (operation, parameter) in self.fields.items():
            changes[operation, parameter] = as_written(self.schemas[kinds[operation]], parameter, values[name])
        if row is not None and isinstance(self.file.space, TableEntry) and self.file.space.row is not None:
            operation, _, parameter = self.file.space.row.partition(".")
            changes[operation, parameter] = row
        recipe, problems = check_recipe(self.content, self.schemas, changes)
        if recipe is None:
            raise FileError(str(self.paths["recipe"]), problems)
        return recipe

    def make_optimizer(self, prior: Sequence[Mapping[str, Any]] = ()) -> Optimizer:
        """Return a new optimizer for this campaign, led by its table and by `prior`, results of earlier campaigns."""
        chosen, led = self.file.optimizer, [*self.prior, *prior]
        return make_optimizer(chosen.engine, self.space, self.objectives, self.file.seed, chosen.options, led)


def as_written(schema: OperationSchema, parameter: str, value: Any) -> object:
    """Return a value as a recipe file would hold it.

    Args:
        schema: of the operation.
        parameter: its name.
        value: text, or a number in the unit that the schema declares.
    """
    unit = schema.units().get(parameter, "")
    if unit and isinstance(value, float | int):
        return format_value(value, unit)
    if schema.is_whole(parameter) and isinstance(value, float) and value.is_integer():
        return int(value)
    return value
