"""What a station is asked to do: the plan, and the metadata of its run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labctl.dispatch._traveller import Traveller
from labctl.engine import OperationRequest
from labctl.lab import Lab, Station
from labctl.recipes import OperationSchema


class Requests:
    """Makes requests, numbered in the order they are made.

    Args:
        lab: its ambient devices are read with every operation.
        plans: plan of each operation kind.
        schemas: of each kind.
    """

    def __init__(
        self, lab: Lab, plans: Mapping[str, Callable[..., Any]], schemas: Mapping[str, OperationSchema]
    ) -> None:
        self._lab, self._plans, self._schemas = lab, plans, schemas
        self.md: dict[str, Mapping[str, Any]] = {}
        """Of every run of a campaign, by its name."""
        self._numbers = itertools.count(1)

    def go_on_after(self, n_operations: int) -> None:
        """Number the next after those of a campaign that was interrupted."""
        self._numbers = itertools.count(n_operations + 1)

    def make(
        self,
        station: Station,
        kind: str,
        load: Sequence[Traveller],
        parameters: Mapping[str, Any],
        continues: str = "",
    ) -> OperationRequest:
        """Return the request for an operation on a load.

        Args:
            station: that does it.
            kind: of the operation.
            load: samples that share it.
            parameters: in the units that the operation declares.
            continues: uid of the run that it goes on with; empty for a new operation.
        """
        md = {
            "operation_id": f"op{next(self._numbers):05d}",
            "trials": [t.trial for t in load],
            "recipe_digests": [t.recipe.digest for t in load],
            "recipes": {t.recipe.digest: t.recipe.content() for t in load},
            "operation_names": [t.next_operation.name if t.next_operation and kind != "transfer" else "" for t in load],
            "locations": [t.location for t in load],
            "suggestions": {t.trial: t.suggestion for t in load},
            "left_out": {t.sample: list(t.left_out) for t in load if t.left_out},
            "substrates": {t.sample: dict(self._lab.substrates.get(t.home, {})) for t in load},
        }
        samples = tuple(t.sample for t in load)
        devices, baseline = station.operations[kind], self._lab.ambient
        units = self._schemas[kind].units()

        def make_plan() -> Any:
            texts = {k: f"{v!r} {units[k]}" if k in units else v for k, v in parameters.items()}
            return self._plans[kind](
                *devices, list(samples), md=md, baseline=baseline, events=station.events, continues=continues, **texts
            )

        return OperationRequest(str(md["operation_id"]), kind, samples, make_plan, self.md.get(load[0].share, {}))
