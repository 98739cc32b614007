"""Everything that was done to a sample and to what it was made from, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from labctl.records._entry import SampleEntry
from labctl.records._history import OperationHistory, Value, operations_of
from labctl.records._quality import QUALITIES, Flag, quality_of
from labctl.records._registry import SampleRegistry
from labctl.store import Store

MOVE = "transfer"
"""Kind of operation that only moves a sample."""


@dataclass(frozen=True)
class SampleHistory:
    """A sample's chart."""

    sample: str
    operations: tuple[OperationHistory, ...]
    """What was done to the sample itself, in order; moves too."""
    ancestors: tuple[SampleHistory, ...] = ()
    """What it was made from, the oldest first: what was done to each before that."""
    entry: SampleEntry | None = None
    """What people say of it besides; None where nobody asked."""

    @property
    def everything(self) -> tuple[tuple[str, OperationHistory], ...]:
        """Every operation with the sample it was done to, ancestors included, in the order of time."""
        each = [(history.sample, operation) for history in (*self.ancestors, self) for operation in history.operations]
        return tuple(sorted(each, key=lambda pair: pair[1].time))

    @property
    def last_move(self) -> OperationHistory | None:
        """The last run that moved the sample; None when none did."""
        return next((operation for operation in reversed(self.operations) if operation.kind == MOVE), None)

    @property
    def location(self) -> str:
        """Where it was left; ends in ``?`` when a move failed or goes on, empty when no run says it."""
        if self.entry is not None and self.entry.location:
            return self.entry.location
        for operation in reversed(self.operations):
            if operation.kind == MOVE:
                source, destination = (str(operation.asked.get(name, "")) for name in ("source", "destination"))
                return destination if operation.status == "success" else f"{source} or {destination}?"
            if operation.location:
                return operation.location
        return ""

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Every reason to doubt what was recorded."""
        return tuple(flag for _, operation in self.everything for flag in operation.flags)

    @property
    def quality(self) -> str:
        """Worst quality among what was recorded and what people say of the sample."""
        said = "good" if self.entry is None else {"failed": "bad"}.get(self.entry.quality, self.entry.quality)
        return max(quality_of(self.flags), said, key=QUALITIES.index)

    @property
    def figures(self) -> Mapping[str, Mapping[str, Value]]:
        """Last valid results of each operation that measured something, by the operation's name or kind."""
        return {
            operation.name or operation.kind: operation.results
            for _, operation in self.everything
            if operation.results and operation.status == "success" and is_valid(operation.results)
        }


def sample_history(store: Store, sample: str) -> SampleHistory:
    """Return the history of a sample.

    Raises:
        RegistryError: nothing is known of it; the message names the sample that may have been meant.
    """
    with SampleRegistry(store.directory) as registry:
        entry, line, told = registry.sample(sample), registry.ancestors(sample), registry.all_flags()
    ancestors = tuple(SampleHistory(of.name, _judged(store, of.name, told), entry=of) for of in line)
    return SampleHistory(sample, _judged(store, sample, told), ancestors, entry)


def _judged(store: Store, sample: str, told: Mapping[str, tuple[Flag, ...]]) -> tuple[OperationHistory, ...]:
    """Return what was done to a sample, with what people doubt of it."""
    found = operations_of(store, sample)
    return tuple(replace(operation, flags=(*operation.flags, *told.get(operation.uid, ()))) for operation in found)


def is_valid(results: Mapping[str, Value]) -> bool:
    """Return whether a measurement says that its results can be used; one that says nothing of it does."""
    return "valid" not in results or bool(results["valid"].value)


def idle_before(history: SampleHistory) -> tuple[float, ...]:
    """Return how long the sample had waited before each of `SampleHistory.everything` [s]; 0 before the first."""
    waited, ended = [], None
    for _, operation in history.everything:
        waited.append(0.0 if ended is None else max(operation.time - ended, 0.0))
        ended = max(ended or 0.0, operation.end or operation.time)
    return tuple(waited)
