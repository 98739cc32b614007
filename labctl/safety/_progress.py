"""What the documents of a station tell of the operation on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from labctl.clock import Clock

Estimate: TypeAlias = Callable[[Mapping[str, Any]], float | None]
"""Takes a start document; returns how long its run should take [s], or None where nobody knows."""


@dataclass(frozen=True)
class _Run:
    operation: str
    began: float
    newest: float
    estimate_s: float | None


class Progress:
    """Follows the runs of one station; subscribe it to the station's engine.

    Args:
        clock: the lab's.
        estimate: of the duration of a run.
    """

    def __init__(self, clock: Clock, estimate: Estimate = lambda start: None) -> None:
        self._clock, self._estimate = clock, estimate
        self._run: _Run | None = None

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document."""
        now, run = self._clock.monotonic(), self._run
        if name == "start":
            operation = str(document.get("operation", document.get("plan_name", "")))
            self._run = _Run(operation, now, now, self._estimate(document))
        elif name == "stop":
            self._run = None
        elif run is not None:
            self._run = _Run(run.operation, run.began, now, run.estimate_s)

    def silent(self, limit_s: float) -> str:
        """Return, in words, that nothing was recorded for longer than `limit_s` [s]; else an empty text."""
        run, now = self._run, self._clock.monotonic()
        if run is None or now - run.newest <= limit_s:
            return ""
        return f"{run.operation} has recorded nothing for {now - run.newest:.0f} s"

    def overdue(self, factor: float) -> str:
        """Return, in words, that a run takes longer than `factor` times its estimate; else an empty text."""
        run, now = self._run, self._clock.monotonic()
        if run is None or run.estimate_s is None or now - run.began <= factor * run.estimate_s:
            return ""
        return f"{run.operation} runs for {now - run.began:.0f} s; {run.estimate_s:.0f} s were estimated"
