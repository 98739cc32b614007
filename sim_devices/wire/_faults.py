"""What goes wrong, from a seeded plan."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from labctl.clock import Clock

WIRE_FAULTS = {
    "late": "replies come `amount` seconds late (3 by default)",
    "lost": "replies never come",
    "garbled": "one byte of a reply is another",
    "partial": "a reply stops half-way",
    "disconnected": "the connection is gone",
}
"""Faults that any instrument may have, and what they do."""


@dataclass(frozen=True)
class Fault:
    """One fault of one instrument.

    Raises:
        ValueError: a time is negative or the probability is not within 0..1.
    """

    kind: str
    """One of `WIRE_FAULTS` or of the instrument's own `fault_kinds`."""
    start_s: float = 0.0
    """When it begins [s of lab time since the instrument was made]."""
    duration_s: float = math.inf
    """How long it lasts [s]."""
    probability: float = 1.0
    """Of striking at each reply, 0 to 1; for wire faults."""
    amount: float = 0.0
    """How bad it is, where that has a meaning."""

    def __post_init__(self) -> None:
        if self.start_s < 0 or self.duration_s <= 0 or not 0 <= self.probability <= 1:
            raise ValueError(f"fault {self.kind}: start_s >= 0, duration_s > 0 and 0 <= probability <= 1 must hold")


class Faults:
    """The faults of one instrument.

    Args:
        clock: says which are in force.
        seed: decides which replies are struck, and how.
        plan: all that will happen.
    """

    def __init__(self, clock: Clock, seed: int | str, plan: Sequence[Fault] = ()) -> None:
        self._clock, self._plan, self._random = clock, tuple(plan), random.Random(f"{seed}:faults")
        self._made_at = clock.monotonic()

    def active(self, kind: str, at_s: float | None = None) -> Fault | None:
        """Return the fault of this kind that is in force at `at_s` [s, monotonic; else now], or None."""
        if not self._plan:
            return None
        at_s = self._clock.monotonic() if at_s is None else at_s
        return self.struck(kind, at_s, at_s)

    def struck(self, kind: str, from_s: float, to_s: float) -> Fault | None:
        """Return a fault of this kind that was in force between two instants [s, monotonic], or None."""
        first, last = from_s - self._made_at, to_s - self._made_at
        for fault in self._plan:
            if fault.kind == kind and fault.start_s <= last and first < fault.start_s + fault.duration_s:
                return fault
        return None

    def _strikes(self, kind: str) -> Fault | None:
        fault = self.active(kind)
        return fault if fault is not None and self._random.random() < fault.probability else None

    def disturb(self, reply: bytes) -> tuple[bytes | None, float]:
        """Return what is left of a reply (None: nothing) and its additional delay [s]."""
        if not self._plan:
            return reply, 0.0
        if self._strikes("lost") or self.active("disconnected"):
            return None, 0.0
        if self._strikes("garbled") and reply:
            position = self._random.randrange(len(reply))
            reply = reply[:position] + bytes([reply[position] ^ self._random.randrange(1, 128)]) + reply[position + 1 :]
        if self._strikes("partial"):
            reply = reply[: len(reply) // 2]
        late = self._strikes("late")
        return reply, (late.amount or 3.0) if late is not None else 0.0
