"""How the line will go on, as far as can be told."""

from __future__ import annotations

import functools
import heapq
import itertools
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from labctl.dispatch._hands import Hands
from labctl.dispatch._line import Line
from labctl.dispatch._policy import Policy
from labctl.dispatch._port import Handled, Move, Port
from labctl.dispatch._traveller import Traveller
from labctl.engine import OperationResult

_MOST_EVENTS = 1_000_000
SUCCESS = OperationResult("success")


@dataclass(frozen=True)
class Span:
    """An operation of a load on a station."""

    station: str
    kind: str
    samples: tuple[str, ...]
    names: tuple[str, ...]
    """Of the operation in the recipe of each sample."""
    begin: float
    """Lab time [s]."""
    end: float


@dataclass(frozen=True)
class Prospect:
    """What a forecast comes to."""

    ends: dict[str, float] = field(default_factory=dict)
    """Lab time [s] at which each sample will be finished or given up."""
    lost: dict[str, str] = field(default_factory=dict)
    """Why each sample will not be finished that will not."""
    spans: list[Span] = field(default_factory=list)
    """Every operation, in the order in which they begin."""

    @property
    def makespan(self) -> float:
        """Lab time [s] at which the last sample ends; minus infinity when there is none."""
        return max(self.ends.values(), default=-math.inf)

    def bottleneck(self) -> str:
        """Return the station that works for the longest time; empty when none does."""
        busy: dict[str, float] = {}
        for span in self.spans:
            busy[span.station] = busy.get(span.station, 0.0) + span.end - span.begin
        return max(busy, key=busy.__getitem__, default="")


class Forecast(Hands):
    """Goes on with a copy of a line in no time, every operation taking as long as is expected.

    Args:
        line: only copied.
        policy: in place of the line's.
        takes: how long an operation takes and how it ends, in place of what is expected and a success.
        only: leave out all other samples; see `Line.copy`.
    """

    def __init__(
        self,
        line: Line,
        policy: Policy | None = None,
        takes: Callable[[Port], tuple[float, OperationResult]] | None = None,
        only: Collection[Traveller] | None = None,
    ) -> None:
        self._takes = takes or self._as_expected
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.prospect = Prospect()
        self.line = line.copy(self, policy, only)
        for port in self.line.ports.values():
            if port.state == "busy":
                self._later(max(self.line.now, self._ends(port)), functools.partial(self._operated, port, SUCCESS))
        if (move := self.line.carrying) is not None:
            self._later(max(self.line.now, self.line.carried_at), lambda: self._carried(move))

    def at(self, time: float, call: Callable[[Line], None]) -> None:
        """Have something happen to the line at a lab time [s]."""
        self._later(time, lambda: call(self.line))

    def run(self, until: float = math.inf) -> Prospect:
        """Go on until nothing happens any more, or until a lab time [s], and return what came of it."""
        self.line.decide()
        for _ in range(_MOST_EVENTS):
            if not self.step(until):
                break
        return self.prospect

    def step(self, until: float = math.inf) -> bool:
        """Go on to what happens next; return whether anything does until a lab time [s]."""
        line = self.line
        time = min(self._events[0][0] if self._events else math.inf, line.next_due())
        if time == math.inf or time > until:
            return False
        self._happen(time)
        line.decide()
        return True

    def _happen(self, time: float) -> int:
        """Let happen what does until a lab time [s]; return how much did."""
        self.line.now, n = max(self.line.now, time), 0
        while self._events and self._events[0][0] <= self.line.now:
            heapq.heappop(self._events)[2]()
            n += 1
        return n

    def _later(self, time: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._numbers), call))

    def _ends(self, port: Port) -> float:
        """Return when a station ends what it does when the forecast begins [s of lab time]."""
        return port.until

    def _as_expected(self, port: Port) -> tuple[float, OperationResult]:
        return port.until - port.began, SUCCESS

    def _operated(self, port: Port, result: OperationResult) -> None:
        operation = port.load[0].next_operation
        assert operation is not None  # it was begun
        samples = tuple(traveller.sample for traveller in port.load)
        names = tuple(traveller.operations[traveller.index].name for traveller in port.load)
        self.prospect.spans.append(Span(port.station.name, operation.kind, samples, names, port.began, self.line.now))
        self.line.operated(port, result)

    # What the line has done.

    @override
    def carry(self, move: Move) -> None:
        """Have it there after the usual time."""
        self._later(self.line.carried_at, lambda: self._carried(move))

    def _carried(self, move: Move) -> None:
        self.line.carried(move, SUCCESS)

    @override
    def begin(self, port: Port) -> None:
        """Have it done after the expected time."""
        lasts_s, result = self._takes(port)
        self._later(self.line.now + lasts_s, lambda: self._operated(port, result))

    @override
    def loaded(self, station: str, load: Sequence[Traveller]) -> None:
        """Take no note."""

    @override
    def handled(self, handled: Handled) -> None:
        """Take no note."""

    @override
    def ended(self, traveller: Traveller) -> None:
        """Note when a sample ended."""
        self.prospect.ends[traveller.sample] = self.line.now
        if traveller.status == "failed":
            self.prospect.lost[traveller.sample] = traveller.reason
