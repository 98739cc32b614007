"""Following a plan as far as the line keeps to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from labctl.dispatch._greedy import Greedy
from labctl.dispatch._policy import Choice, Decision, Policy
from labctl.dispatch._port import Move
from labctl.dispatch._traveller import Traveller
from labctl.dispatch._urgency import work_ahead

if TYPE_CHECKING:
    from labctl.dispatch._line import Line

PATIENCE_S = 900.0
"""So long after a planned load could not come the plan is given up [s]."""


@dataclass(frozen=True)
class PlannedLoad:
    """Samples that a plan brings to a station together."""

    station: str
    members: tuple[tuple[str, str], ...]
    """Sample and name of its operation."""
    begin: float
    """Lab time [s]."""


@dataclass(frozen=True)
class Advice:
    """What every station is to do next, and how much sooner the line is done than without."""

    loads: tuple[PlannedLoad, ...]
    """In the order in which they begin."""
    makespan: float
    """Lab time [s] at which the line is done that follows it."""
    makespan_without: float


class Advised(Policy):
    """Follows advice while there is some that fits, and is `Greedy` otherwise.

    Advice is given up at the first sign that the line has left it: a sample that it does not know, one that ended, a
    load that does not come in time.
    """

    def __init__(self, advice: Advice | None = None, otherwise: Policy | None = None) -> None:
        self._otherwise = otherwise or Greedy()
        self.advice: Advice | None = None
        self._ahead: dict[str, deque[PlannedLoad]] = {}
        self._known: frozenset[str] = frozenset()
        self.follow(advice)

    def follow(self, advice: Advice | None) -> None:
        """Follow other advice, or none."""
        self.advice = advice
        self._ahead = {}
        for load in advice.loads if advice is not None else ():
            self._ahead.setdefault(load.station, deque()).append(load)
        self._known = frozenset(
            sample for loads in self._ahead.values() for load in loads for sample, _ in load.members
        )

    @override
    def twin(self) -> Policy:
        """Return another that is as far with the same advice."""
        other = Advised(otherwise=self._otherwise)
        other.advice, other._known = self.advice, self._known
        other._ahead = {station: deque(loads) for station, loads in self._ahead.items()}
        return other

    @override
    def decide(self, line: Line) -> Decision:
        """Return the next planned loads whose samples are all there."""
        if self.advice is None:
            return self._otherwise.decide(line)
        waiting = {t.sample: t for t in line.waiting()}
        alive = {t.sample: t for t in line.travellers}
        if any(sample not in self._known for sample in waiting):
            return self._given_up(line)
        choices: list[Choice] = []
        look_again = float("inf")
        for port in line.free_ports():
            ahead = self._ahead.get(port.station.name, deque())
            while ahead and all(_is_past(alive.get(sample), name) for sample, name in ahead[0].members):
                ahead.popleft()
            if not ahead:
                continue
            planned = ahead[0]
            load = [waiting.get(sample) for sample, _ in planned.members]
            if any(sample not in alive for sample, _ in planned.members) or line.now > planned.begin + PATIENCE_S:
                return self._given_up(line)
            ready = [
                t for t, (_, name) in zip(load, planned.members, strict=True) if t is not None and _is_next(t, name)
            ]
            if len(ready) == len(planned.members):
                for traveller, (_, name) in zip(ready, planned.members, strict=True):
                    traveller.bring_forward_named(name)
                choices.append(Choice(port, tuple(ready)))
                for traveller in ready:  # of operations in any order, the other one waits
                    del waiting[traveller.sample]
            else:
                look_again = min(look_again, planned.begin + PATIENCE_S + 1.0)
        return Decision(choices, look_again, work_ahead(line) if choices else {})

    @override
    def next_move(self, line: Line, moves: Sequence[Move]) -> Move:
        """Return the move that is most urgent."""
        return self._otherwise.next_move(line, moves)

    def _given_up(self, line: Line) -> Decision:
        self.follow(None)
        return self._otherwise.decide(line)


def _is_next(traveller: Traveller, name: str) -> bool:
    return any(traveller.operations[index].name == name for index in traveller.choices)


def _is_past(traveller: Traveller | None, name: str) -> bool:
    """Return whether a sample has an operation behind it; what is in a station already counts."""
    if traveller is None:
        return False
    ahead: Sequence[str] = [operation.name for operation in traveller.operations[traveller.index :]]
    return name not in ahead
