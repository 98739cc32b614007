"""How long operations take: as declared, corrected by what was recorded."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Mapping
from typing import Any, Self

from labctl.lab import Station
from labctl.recipes import Operation, OperationSchema

UNKNOWN_S = 600.0
"""What is taken where nobody said or recorded anything [s]."""
MOVE_S = 60.0
"""What a move is taken to last before one was recorded [s]."""
_N_KEPT = 20
_SPREAD = 0.9
"""So many of the operations are expected to take no longer than `Durations.longest_s`."""


class Durations:
    """Estimates for each station and kind of operation.

    An estimate is declared by the recipe, the station or the plan, the first that has one, and multiplied by the median
    of what the newest operations of this kind on this station took in comparison. Where nothing is declared, the median
    of what they took is the estimate.

    Args:
        schemas: of each kind of operation.
        move_s: how long a move takes, before one was recorded [s].
    """

    def __init__(self, schemas: Mapping[str, OperationSchema], move_s: float = MOVE_S) -> None:
        self._schemas, self._declared_move_s, self._learns = schemas, move_s, True
        self._ratios: dict[tuple[str, str], deque[float]] = {}
        self._typical: dict[tuple[str, str], float] = {}
        self._longest: dict[tuple[str, str], float] = {}
        self._moves: deque[float] = deque(maxlen=_N_KEPT)
        self.move_s = move_s
        """How long a move takes [s]."""

    def declared_s(self, station: Station, operation: Operation) -> float | None:
        """Return what the recipe, the station or the plan says [s], or None."""
        if operation.timing.takes is not None:
            return operation.timing.takes
        return self._declared_s(station, operation.kind, operation.parameters)

    def expected_s(self, station: Station, operation: Operation) -> float:
        """Return how long an operation is expected to take [s]."""
        declared = self.declared_s(station, operation)
        typical = self._typical.get((station.name, operation.kind))
        if typical is None:
            return UNKNOWN_S if declared is None else declared
        return typical * (declared or 1.0)

    def longest_s(self, station: Station, operation: Operation) -> float:
        """Return what nine in ten operations should not take longer than [s]."""
        longest = self._longest.get((station.name, operation.kind))
        if longest is None:
            return self.expected_s(station, operation)
        return longest * (self.declared_s(station, operation) or 1.0)

    def of_run_s(self, station: Station, start: Mapping[str, Any]) -> float | None:
        """Return how long the run with this start document should take [s], or None where nobody knows."""
        kind, parameters = str(start.get("operation", "")), start.get("parameters", {})
        if kind not in self._schemas:
            return None
        declared, typical = self._declared_s(station, kind, parameters), self._typical.get((station.name, kind))
        if declared is None and typical is None:
            return None
        return (typical or 1.0) * (declared or 1.0)

    def learn(self, station: Station, operation: Operation, took_s: float) -> None:
        """Take in how long an operation took that came to its end [s]."""
        self._learn((station.name, operation.kind), took_s / (self.declared_s(station, operation) or 1.0))

    def learn_run(self, station: Station, start: Mapping[str, Any], took_s: float) -> None:
        """Take in how long a recorded run took that came to its end [s]."""
        kind = str(start.get("operation", ""))
        if kind in self._schemas:
            declared = self._declared_s(station, kind, start.get("parameters", {}))
            self._learn((station.name, kind), took_s / (declared or 1.0))

    def learn_move(self, took_s: float) -> None:
        """Take in how long a move took [s]."""
        if self._learns:
            self._moves.append(took_s)
            self.move_s = statistics.median(self._moves)

    def frozen(self) -> Self:
        """Return these estimates for a forecast, in which nothing is learnt."""
        copied = type(self)(self._schemas, self._declared_move_s)
        copied._typical, copied._longest, copied.move_s = dict(self._typical), dict(self._longest), self.move_s
        copied._learns = False
        return copied

    def _declared_s(self, station: Station, kind: str, parameters: Mapping[str, Any]) -> float | None:
        if kind in station.takes_s:
            return station.takes_s[kind]
        schema = self._schemas.get(kind)
        return None if schema is None or schema.takes is None else schema.takes(**parameters)

    def _learn(self, key: tuple[str, str], ratio: float) -> None:
        if not self._learns:
            return
        ratios = self._ratios.setdefault(key, deque(maxlen=_N_KEPT))
        ratios.append(ratio)
        ordered = sorted(ratios)
        self._typical[key] = statistics.median(ordered)
        self._longest[key] = ordered[min(len(ordered) - 1, int(_SPREAD * len(ordered)))]
