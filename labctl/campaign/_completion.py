"""When samples, trials and the campaign will be done, and what they wait for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override

from labctl.dispatch import Forecast, Line, Port, Span, Traveller
from labctl.engine import OperationResult
from labctl.recipes import Recipe

_SUCCESS = OperationResult("success")


@dataclass(frozen=True)
class Completion:
    """How a campaign will go on, as far as can be told; lab times [s] from its beginning.

    Every operation is taken to last as long as those before it on its station, in the middle, and to succeed.
    """

    samples: Mapping[str, float]
    """When each sample under way will be done."""
    samples_late: Mapping[str, float]
    """The same if every operation takes as long as nine in ten do not exceed."""
    campaign: float
    """When the budget's last trial will be done; trials that were not begun are taken to be like the newest."""
    campaign_late: float
    lost: Mapping[str, str]
    """Why each sample under way will not be finished that will not."""
    bottleneck: str
    """The station that works for the longest time; empty when none does."""
    spans: Sequence[Span]
    """Operations to come, of the samples under way."""


def completion(line: Line, began_s: float, n_more: int, in_flight: int) -> Completion:
    """Return how a line will go on.

    Args:
        line: a copy of the campaign's, made between two decisions.
        began_s: lab time at which the campaign began [s].
        n_more: trials that its budget still has.
        in_flight: samples under way at the same time.
    """
    line.paused = ""  # as if it went on at once
    own = Forecast(line).run()
    late = Forecast(line, takes=_longest(line)).run()
    whole, whole_late = own, late
    if n_more > 0 and line.travellers:
        recipe = line.travellers[-1].recipe
        whole = _Campaign(line, recipe, n_more, in_flight).run()
        whole_late = _Campaign(line, recipe, n_more, in_flight, late=True).run()
    return Completion(
        {sample: end - began_s for sample, end in own.ends.items()},
        {sample: end - began_s for sample, end in late.ends.items()},
        max(line.now, whole.makespan) - began_s,
        max(line.now, whole_late.makespan) - began_s,
        dict(own.lost),
        whole.bottleneck(),
        tuple(own.spans),
    )


def _longest(line: Line) -> Callable[[Port], tuple[float, OperationResult]]:
    def takes(port: Port) -> tuple[float, OperationResult]:
        operation = port.load[0].next_operation
        assert operation is not None  # it was begun
        return line.durations.longest_s(port.station, operation), _SUCCESS

    return takes


class _Campaign(Forecast):
    """A forecast in which a sample that ends makes way for another, as in a campaign."""

    def __init__(self, line: Line, recipe: Recipe, n_more: int, in_flight: int, *, late: bool = False) -> None:
        super().__init__(line, takes=_longest(line) if late else None)
        self._recipe, self._left, self._numbers_of_samples = recipe, n_more, itertools.count(1)
        for _ in range(min(n_more, in_flight - len(line.travellers))):
            self._next()

    @override
    def ended(self, traveller: Traveller) -> None:
        super().ended(traveller)
        if self._left > 0:
            self._later(self.line.now, self._next)

    def _next(self) -> None:
        if self._left <= 0:
            return
        self._left -= 1
        sample = f"?{next(self._numbers_of_samples)}"
        try:
            self.line.take(Traveller(sample, sample, self._recipe, {}, "", ""))
        except LookupError:  # no rack place: the campaign would wait for one
            self._left = 0
