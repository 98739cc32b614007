"""Small pieces that operations are written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import FailedStatus, short_uid
from ophyd.status import Status

from plans._operation import Plan

ASK_AGAIN_S = 1.0


@dataclass(frozen=True, eq=False)
class _Action:
    """Something a device does that has an end; Bluesky sees a movable."""

    name: str
    start: Callable[[], Status]
    parent: None = None

    def set(self, value: None) -> Status:
        return self.start()


def act(name: str, *starts: Callable[[], Status]) -> Plan:
    """Start actions together and wait until all have ended.

    A wait that was paused goes on by itself when the engine resumes, so the statuses are asked too.

    Args:
        name: shown while waiting.
        starts: each starts one action and returns its status.

    Raises:
        FailedStatus: one of them failed.
    """
    group = short_uid(name)
    statuses = []
    for start in starts:
        statuses.append((yield from bps.abs_set(_Action(name, start), None, group=group)))
    yield from bps.wait(group)
    while not all(status.done for status in statuses):
        yield from bps.sleep(ASK_AGAIN_S)
    for status in statuses:
        if not status.success:
            raise FailedStatus(status) from status.exception()


class Result:
    """Values that a plan worked out from readings, as one Bluesky readable.

    Args:
        values: finite value and unit, by name.
        time: time of day [s since 1970-01-01 UTC].
        source: how they were worked out.
    """

    name = "result"
    parent = None

    def __init__(self, values: Mapping[str, tuple[float, str]], time: float, source: str) -> None:
        self._values, self._time, self._source = dict(values), time, source

    def read(self) -> dict[str, dict[str, Any]]:
        """Return the values."""
        return {key: {"value": float(v), "timestamp": self._time} for key, (v, _) in self._values.items()}

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return units and source."""
        return {
            key: {"source": self._source, "dtype": "number", "shape": [], "units": unit}
            for key, (_, unit) in self._values.items()
        }


def record_result(values: Mapping[str, tuple[float, str]], time: float, source: str) -> Plan:
    """Write derived values to the stream ``result``."""
    yield from bps.create("result")
    yield from bps.read(Result(values, time, source))
    yield from bps.save()
