"""Interlocks that trip during a night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labctl.campaign import Campaign
from labctl.safety import Actions, AlarmBoard, Responder, Watch


@dataclass(frozen=True)
class Trip:
    """An interlock that was raised."""

    name: str
    action: str
    """``warn``, ``hold``, ``abort`` or ``safe``."""
    message: str
    """What was wrong, the first time."""
    n: int
    """How often."""

    @property
    def warns_only(self) -> bool:
        """Whether nothing was done but telling people."""
        return self.action == "warn"


@contextmanager
def watched(campaign: Campaign, folder: Path) -> Iterator[None]:
    """Watch the interlocks of a campaign's laboratory while the body runs.

    What the lab file asks for is done: a station is aborted, devices are made safe. A hold is written down only, for
    a rehearsal waits for nobody.

    Args:
        campaign: not yet running.
        folder: of its store; where alarms are written.
    """
    lab = campaign.lab

    def abort(station: str, reason: str) -> None:
        campaign.drivers[station].abort(reason)

    board = AlarmBoard(folder, lab.clock.time, "rehearsal")
    watch = Watch(lab, Responder(lab, board, Actions(abort=abort)))
    watch.start()
    try:
        yield
    finally:
        watch.stop()


def trips_of(folder: Path) -> tuple[Trip, ...]:
    """Return every interlock that was raised in a night, by name.

    Args:
        folder: of the night's store.

    Raises:
        StoreError: the board cannot be read.
    """
    raised = [line for line in AlarmBoard(folder, lambda: 0.0).history() if line["event"] == "raised"]
    counts = Counter(str(line["name"]) for line in raised)
    first = {str(line["name"]): line for line in reversed(raised)}
    return tuple(
        Trip(name, str(first[name]["action"]), str(first[name]["message"]), counts[name]) for name in sorted(first)
    )


def told(trips: Sequence[Trip]) -> set[str]:
    """Return what the trips tell, in words."""
    return {f"interlock {trip.name}: {trip.message}" for trip in trips}
