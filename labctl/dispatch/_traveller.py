"""A sample on its way through its recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from labctl.recipes import Operation, Recipe

Programme: TypeAlias = tuple[str, tuple[tuple[str, object], ...]]
LoadKey: TypeAlias = tuple[str, Programme]


@dataclass(eq=False)
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
    """waiting | called (until its station is ready) | moving | inside | finished | failed."""
    reason: str = ""
    aside: str = ""
    """Why nothing more is done to it but carrying it home; empty while its recipe goes on."""
    left_out: list[str] = field(default_factory=list)
    """Names of operations that failed, or that no station was left for, and without which it went on."""
    waiting_since: float = 0.0
    """Lab time [s] since when it waits for its next operation."""
    done_at: float | None = None
    """Lab time [s] at which its last operation ended; None before the first."""
    begun: bool = False
    """Whether it was ever carried: until then it is a substrate like any other."""
    runs: list[str] = field(default_factory=list)
    """Uids of its operations' runs, in order; moves are not among them."""
    share: str = ""
    """Whose part of the line it takes: a campaign."""
    priority: int = 0
    """Samples of a higher one go first."""
    deadline: float = math.inf
    """Lab time [s] at which it should be finished; among equals who is due first goes first."""
    operations: list[Operation] = field(default_factory=list)
    """Of the recipe, in the order in which they are done."""

    def __post_init__(self) -> None:
        self.operations = self.operations or list(self.recipe.operations)

    def leave_out(self) -> None:
        """Go on without the next operation."""
        operation = self.next_operation
        if operation is not None:
            self.left_out.append(operation.name)
            self.index += 1

    @property
    def next_operation(self) -> Operation | None:
        """The operation that comes next, or None after the last and for a sample that is set aside."""
        return self.operations[self.index] if self.index < len(self.operations) and not self.aside else None

    @property
    def choices(self) -> list[int]:
        """Indices of the operations that may come next: one, or neighbours that may change places."""
        if self.index >= len(self.operations) or self.aside:
            return []
        last = self.index
        if self.operations[last].timing.any_order:
            while last + 1 < len(self.operations) and self.operations[last + 1].timing.any_order:
                last += 1
        return list(range(self.index, last + 1))

    def bring_forward(self, index: int) -> None:
        """Do the operation with this index next."""
        self.operations.insert(self.index, self.operations.pop(index))

    def bring_forward_named(self, name: str) -> None:
        """Do the operation of this name next, where it may come next."""
        for index in self.choices:
            if self.operations[index].name == name:
                self.bring_forward(index)
                return

    @property
    def ready_at(self) -> float:
        """Lab time [s] before which the next operation must not begin."""
        if self.done_at is None or self.aside or self.index >= len(self.operations):
            return 0.0
        return self.done_at + self.operations[self.index].timing.begin_after

    @property
    def due(self) -> float:
        """Lab time [s] at which the next operation has to begin at the latest; infinite where there is none."""
        if self.done_at is None or self.aside or self.index >= len(self.operations):
            return math.inf
        within = self.operations[self.index].timing.begin_within
        return math.inf if within is None else self.done_at + within

    def is_followed(self, index: int) -> bool:
        """Return whether the operation after the one with this index has to begin within a time."""
        following = index + 1
        return following < len(self.operations) and self.operations[following].timing.begin_within is not None

    @property
    def ended(self) -> bool:
        """Whether nothing more will be done to it."""
        return self.status in ("finished", "failed")

    def load_key(self, operation: Operation) -> LoadKey:
        """Return what samples have in common that may share a load for an operation of this one.

        A load is one run, and a run belongs to one campaign: what others may see of it is that campaign's to say.
        """
        return self.share, operation.programme

    def fits_with(self, other: Traveller) -> bool:
        """Return whether both may share one load: of one campaign, the same operation with the same parameters."""
        mine, its = self.next_operation, other.next_operation
        return mine is not None and its is not None and self.load_key(mine) == other.load_key(its)

    def copy(self) -> Traveller:
        """Return another that can go its own way."""
        copied = object.__new__(Traveller)
        copied.__dict__.update(self.__dict__)
        copied.left_out, copied.runs, copied.operations = list(self.left_out), list(self.runs), list(self.operations)
        return copied
