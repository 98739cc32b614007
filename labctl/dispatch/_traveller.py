"""A sample on its way through its recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labctl.recipes import Operation, Recipe


@dataclass
class Traveller:
    """One sample, its recipe and how far it is."""

    sample: str
    trial: str
    recipe: Recipe
    suggestion: dict[str, Any]
    """The trial's parameter values."""
    home: str
    """Its place in a rack; kept for it all the time, so it can always go back."""
    location: str
    """Where it lies; ends with ``?`` when only a person can say."""
    index: int = 0
    """Of the next operation."""
    status: str = "waiting"
    """waiting | moving | inside | finished | failed."""
    reason: str = ""
    aside: str = ""
    """Why nothing more is done to it but carrying it home; empty while its recipe goes on."""
    left_out: list[str] = field(default_factory=list)
    """Names of operations that failed and without which it went on."""
    waiting_since: float = 0.0
    """Lab time [s] since when it waits for its next operation."""
    runs: list[str] = field(default_factory=list)
    """Uids of its operations' runs, in order; moves are not among them."""

    def leave_out(self) -> None:
        """Go on without the next operation."""
        operation = self.next_operation
        if operation is not None:
            self.left_out.append(operation.name)
            self.index += 1

    @property
    def next_operation(self) -> Operation | None:
        """The operation that comes next, or None after the last and for a sample that is set aside."""
        operations = self.recipe.operations
        return operations[self.index] if self.index < len(operations) and not self.aside else None

    @property
    def ended(self) -> bool:
        """Whether nothing more will be done to it."""
        return self.status in ("finished", "failed")

    def fits_with(self, other: Traveller) -> bool:
        """Return whether both may share one load: the same operation with the same parameters."""
        mine, its = self.next_operation, other.next_operation
        return (
            mine is not None and its is not None and mine.kind == its.kind and dict(mine.parameters) == its.parameters
        )
