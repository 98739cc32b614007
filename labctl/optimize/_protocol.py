"""What a campaign asks of an optimizer."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

ID_KEY = "_id"
"""Key of a point's trial."""
ROW_KEY = "_row"
"""Key of a point's row, where the search goes over a pool."""
HOURS_KEY = "_hours"
"""Key of the lab hours that a finished point took, where they are known."""


@runtime_checkable
class Optimizer(Protocol):
    """Suggests points and learns from their outcomes.

    A point (hence Any) is a mapping from parameter names to values that can be written as JSON, with the trial under
    `ID_KEY` and, in a pool, the row under `ROW_KEY`. Method names and the form of points are those of
    `bluesky_adaptive.protocols` 1.0 (Optimizer, CanRegisterSuggestions, TrialFaultAware; a refusal is known to labctl
    alone), so that either side can stand in for the other by way of `labctl.optimize.AdaptiveOptimizer`.
    """

    @property
    def stop_reason(self) -> str:
        """Why there is nothing left to do; empty while there is."""
        ...

    def suggest(self, num_points: int | None = None) -> list[dict[str, Any]]:
        """Return the next points to try, one unless told; fewer where no more are left."""
        ...

    def ingest(self, points: list[dict[str, Any]]) -> None:
        """Learn from completed trials: points with a value for each objective, suggested here or not."""
        ...

    def register_suggestions(self, suggestions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take points that were chosen elsewhere, or before a restart, as on their way; return them with trials."""
        ...

    def register_failures(self, suggestions: list[dict[str, Any]]) -> None:
        """Learn that these trials gave no outcome."""
        ...

    def register_refusals(self, suggestions: list[dict[str, Any]]) -> None:
        """Take trials as not to be made, for reasons that are no outcome: no recipe like theirs is suggested again."""
        ...

    def get_best_points(self) -> list[dict[str, Any]]:
        """Return the best completed points with objectives: one, or of several objectives the Pareto front."""
        ...

    def should_stop(self) -> bool:
        """Return whether there is nothing left to do."""
        ...

    def checkpoint(self) -> dict[str, Any]:
        """Return what the optimizer was made with and every call that changed it, ready for JSON."""
        ...
