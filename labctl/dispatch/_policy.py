"""What a policy of dispatch is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from labctl.dispatch._port import Move, Port
from labctl.dispatch._traveller import Traveller

if TYPE_CHECKING:
    from labctl.dispatch._line import Line


@dataclass(frozen=True)
class Choice:
    """Samples that are to be brought to a free station, which does the next operation of each."""

    port: Port
    travellers: tuple[Traveller, ...]


@dataclass(frozen=True)
class Decision:
    """What is to be done with the samples that wait; those that are in none of the loads are carried home."""

    choices: Sequence[Choice] = ()
    look_again: float = math.inf
    """Lab time [s] at which to decide anew although nothing happened."""
    work: Mapping[str, float] = field(default_factory=dict)
    """How long each station has to work for all samples [s]; empty where that stays as it was."""


class Policy(Protocol):
    """Which sample goes where, and when; it only looks at the line, and remembers nothing but advice."""

    def decide(self, line: Line) -> Decision:
        """Return what is to be done now; `line.now` is the lab time [s].

        A policy may bring forward one of a sample's `choices`, and nothing else.
        """
        ...

    def next_move(self, line: Line, moves: Sequence[Move]) -> Move:
        """Return which of some of the line's moves is made first; there is at least one."""
        ...

    def twin(self) -> Policy:
        """Return one for a copy of the line: itself, where it remembers nothing."""
        return self
