"""What happens beside the readings: alarms, interlocks, notes, interventions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.clock import Clock

KINDS = ("alarm", "interlock", "note", "intervention")
SEVERITIES = ("info", "warning", "alarm")
_FIELDS = ("kind", "severity", "source", "message")
Readings = dict[str, dict[str, Any]]


class EventLog:
    """Events as one Bluesky object; while it is monitored each event is recorded at once.

    What is told while no run is open is kept and recorded by the next one, with the time at which it happened.

    Args:
        clock: the lab's.
        name: of the Bluesky object; the stream is named by the plan.
    """

    parent = None

    def __init__(self, clock: Clock, name: str = "events") -> None:
        self.name, self._clock = name, clock
        self._lock = clock.make_rlock()
        self._kept: list[Readings] = []
        self._callback: Callable[[Readings], None] | None = None

    def tell(self, kind: str, message: str, *, source: str, severity: str = "info") -> None:
        """Record an event.

        Args:
            kind: one of `KINDS`.
            message: what happened.
            source: device or person.
            severity: one of `SEVERITIES`.

        Raises:
            ValueError: unknown kind or severity.
            StoreError: it cannot be written down.
        """
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r} is not one of {', '.join(KINDS)}")
        if severity not in SEVERITIES:
            raise ValueError(f"severity {severity!r} is not one of {', '.join(SEVERITIES)}")
        now = self._clock.time()
        texts = zip(_FIELDS, (kind, severity, source, message), strict=True)
        with self._lock:
            self._kept.append({f"event_{name}": {"value": text, "timestamp": now} for name, text in texts})
            self._deliver()

    def read(self) -> Readings:
        """Refuse: an event is delivered when it happens."""
        raise TypeError("events are monitored, not read")

    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe the texts of an event."""
        return {f"event_{name}": {"source": "labctl", "dtype": "string", "shape": []} for name in _FIELDS}

    def read_configuration(self) -> Readings:
        """Return nothing."""
        return {}

    def describe_configuration(self) -> dict[str, dict[str, Any]]:
        """Describe nothing."""
        return {}

    def subscribe(self, callback: Callable[[Readings], None], **_: Any) -> None:
        """Deliver what was kept, and from now on every event at once."""
        with self._lock:
            self._callback = callback
            self._deliver()

    def clear_sub(self, callback: Callable[[Readings], None]) -> None:
        """Keep what happens from now on; when this returns, nothing is delivered any more."""
        with self._lock:
            self._callback = None

    def _deliver(self) -> None:
        if self._callback is not None:
            while self._kept:
                self._callback(self._kept.pop(0))
