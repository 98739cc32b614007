"""labctl's optimizers for bluesky-adaptive's plans and agents."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labctl.objectives import Objective
from labctl.optimize._protocol import ID_KEY, ROW_KEY, Optimizer


class AdaptiveOptimizer:
    """An optimizer of labctl in the form of `bluesky_adaptive.protocols` 1.0.

    It is an Optimizer, CanRegisterSuggestions, TrialFaultAware, SupportsStoppingCriteria and Checkpointable, so that
    ``bluesky_adaptive.plans.optimize`` runs with it unchanged. An outcome that is no finite number is taken as a failed
    trial rather than an error that ends the plan.

    Args:
        optimizer: of labctl.
        objectives: that it was made with.
        path: of the JSON file that `checkpoint` writes; None where it is not asked to.
    """

    def __init__(self, optimizer: Optimizer, objectives: Sequence[Objective], path: Path | None = None) -> None:
        self._optimizer, self._names, self._path = optimizer, [each.name for each in objectives], path

    def suggest(self, num_points: int | None = None) -> list[dict[str, Any]]:
        """Return the next points to try, one unless told."""
        return [_without_row(point) for point in self._optimizer.suggest(num_points)]

    def ingest(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Learn from outcomes: points suggested here by their ``_id`` alone, others with all their parameters."""
        for point in points:
            if all(_is_finite(point.get(name)) for name in self._names):
                self._optimizer.ingest([dict(point)])
            else:
                registered = dict(point)
                if ID_KEY not in point:
                    (registered,) = self._optimizer.register_suggestions([dict(point)])
                self._optimizer.register_failures([registered])

    def register_suggestions(self, suggestions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Take points that were chosen elsewhere as on their way; return them with names of their own."""
        points = [{name: value for name, value in each.items() if name != ID_KEY} for each in suggestions]
        return [_without_row(point) for point in self._optimizer.register_suggestions(points)]

    def register_failures(self, suggestions: Sequence[Mapping[str, Any]]) -> None:
        """Learn that trials gave no outcome."""
        self._optimizer.register_failures([dict(each) for each in suggestions])

    def get_best_points(self) -> list[tuple[str, dict[str, Any], dict[str, float]]]:
        """Return trial, parameters and outcomes of the best points: one, or the Pareto front."""
        found = []
        for point in self._optimizer.get_best_points():
            outcomes = {name: point[name] for name in self._names}
            parameters = {k: v for k, v in _without_row(point).items() if k not in (ID_KEY, *outcomes)}
            found.append((str(point[ID_KEY]), parameters, outcomes))
        return found

    def should_stop(self) -> tuple[bool, str | None]:
        """Return whether there is nothing left to do, and why."""
        reason = self._optimizer.stop_reason
        return bool(reason), reason or None

    def checkpoint(self) -> None:
        """Write everything that restores the optimizer to its file.

        Raises:
            ValueError: it was made without a file.
        """
        if self._path is None:
            raise ValueError("no file was given to write the optimizer to")
        draft = self._path.with_name(f".{self._path.name}.new")
        draft.write_text(json.dumps(self._optimizer.checkpoint()), encoding="utf-8")
        draft.replace(self._path)


def _without_row(point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in point.items() if name != ROW_KEY}


def _is_finite(value: Any) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)
