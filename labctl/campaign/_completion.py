"""When samples, trials and the campaign will be done, and what they wait for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override

from labctl.dispatch import Forecast, Line, Port, Span, Traveller
from labctl.engine import OperationResult

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
    deadlines: Mapping[str, float]
    """When each sample under way should be done that has a deadline."""
    lost: Mapping[str, str]
    """Why each sample under way will not be finished that will not."""
    bottleneck: str
    """The station that works for the longest time; empty when none does."""
    spans: Sequence[Span]
    """Operations to come, of the samples under way."""


@dataclass(frozen=True)
class ToCome:
    """What a campaign will still begin."""

    n_trials: int
    """That its budget still has."""
    in_flight: int
    """Samples under way at the same time."""


def completion(line: Line, name: str, began_s: float, to_come: Mapping[str, ToCome]) -> Completion:
    """Return how a line will go on for one of its campaigns.

    Args:
        line: a copy of the campaigns', made between two decisions.
        name: of the campaign.
        began_s: lab time at which it began [s].
        to_come: by name of each campaign at work, this one and others.
    """
    for share in line.shares.values():
        share.paused = ""  # as if it went on at once
    own, late = (_Campaigns(line, {}, late=is_late) for is_late in (False, True))
    whole, whole_late = (_Campaigns(line, to_come, late=is_late) for is_late in (False, True))
    for forecast in (own, late, whole, whole_late):
        forecast.run()
    mine = {traveller.sample for traveller in line.travellers if traveller.share == name}
    return Completion(
        {sample: end - began_s for sample, end in own.prospect.ends.items() if sample in mine},
        {sample: end - began_s for sample, end in late.prospect.ends.items() if sample in mine},
        whole.done_at.get(name, line.now) - began_s,
        whole_late.done_at.get(name, line.now) - began_s,
        {t.sample: t.deadline - began_s for t in line.travellers if t.sample in mine and t.deadline < math.inf},
        {sample: reason for sample, reason in own.prospect.lost.items() if sample in mine},
        whole.prospect.bottleneck(),
        tuple(own.prospect.spans),
    )


def _longest(line: Line) -> Callable[[Port], tuple[float, OperationResult]]:
    def takes(port: Port) -> tuple[float, OperationResult]:
        operation = port.load[0].next_operation
        assert operation is not None  # it was begun
        return line.durations.longest_s(port.station, operation), _SUCCESS

    return takes


class _Campaigns(Forecast):
    """A forecast in which a sample that ends makes way for another of its campaign, as long as there are some to come.

    They are taken to be like the newest that is under way.
    """

    def __init__(self, line: Line, to_come: Mapping[str, ToCome], *, late: bool) -> None:
        super().__init__(line, takes=_longest(line) if late else None)
        self.done_at: dict[str, float] = {}
        """When the last sample of each campaign ended [s of lab time]."""
        self._newest = {traveller.share: traveller for traveller in line.travellers}
        self._left = {name: each.n_trials for name, each in to_come.items() if name in self._newest}
        self._sample_numbers = itertools.count(1)
        for name in self._left:
            n_under_way = sum(traveller.share == name for traveller in line.travellers)
            for _ in range(to_come[name].in_flight - n_under_way):
                self._next(name)

    @override
    def ended(self, traveller: Traveller) -> None:
        super().ended(traveller)
        self.done_at[traveller.share] = self.line.now
        self._later(self.line.now, lambda: self._next(traveller.share))

    def _next(self, name: str) -> None:
        if self._left.get(name, 0) <= 0:
            return
        self._left[name] -= 1
        sample, newest = f"?{next(self._sample_numbers)}", self._newest[name]
        another = Traveller(sample, sample, newest.recipe, {}, "", "")
        another.share, another.priority, another.deadline = name, newest.priority, newest.deadline
        try:
            self.line.take(another)
        except LookupError:  # no rack place: the campaign would wait for one
            self._left[name] = 0
