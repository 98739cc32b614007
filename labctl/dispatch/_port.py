"""Stations as dispatch sees them, and what is on its way between them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labctl.dispatch._traveller import Traveller
from labctl.lab import Station


@dataclass(eq=False)
class Port:
    """A station as dispatch sees it."""

    station: Station
    state: str = "free"
    """free | changing | loading | busy | retrying | waiting | closed | unloading | quarantined."""
    reason: str = ""
    """Why it is used no more; empty for a station that is."""
    held: dict[str, str] = field(default_factory=dict)
    """Who or what lets it begin nothing new for now, and why."""
    load: list[Traveller] = field(default_factory=list)
    continues: str = ""
    """Uid of the run with which the next one goes on; empty for a new operation."""
    n_failures: int = 0
    """In a row."""
    attempt: int = 0
    """How often the operation of this load has failed."""
    failure: str = ""
    """Why its last operation failed."""
    failed_run: str = ""
    """Uid of the run of it."""
    n_waits: int = 0
    """How often a person was asked."""
    why_closed: Callable[[], str] = lambda: ""
    """Returns why the samples may not be taken out yet, of a load that is ``closed``."""
    last_kind: str = ""
    """Of the operation that it did last."""
    began: float = 0.0
    """Lab time [s] at which it began what it does."""
    until: float = 0.0
    """Lab time [s] at which that is expected to end."""

    @property
    def accepts(self) -> bool:
        """Whether a load may come."""
        return self.state == "free" and not self.held and not self.reason

    def copy(self, travellers: Mapping[str, Traveller]) -> Port:
        """Return another that can go its own way, with copies of travellers."""
        load = [travellers[traveller.sample] for traveller in self.load]
        copied = copy.copy(self)
        copied.held, copied.load, copied.why_closed = dict(self.held), load, lambda: ""
        return copied


@dataclass(frozen=True)
class Load:
    """Samples that share a station when a campaign is taken up again."""

    station: str
    travellers: tuple[Traveller, ...]
    state: str
    """loading | retrying | waiting | closed | unloading | quarantined."""
    reason: str = ""
    continues: str = ""
    """Uid of the run that the next operation goes on with."""
    attempt: int = 0
    """How often its operation has failed."""
    failed_run: str = ""
    """Uid of the last run of it that failed."""
    failed_at: float = 0.0
    """Lab time [s] at which it failed last."""
    why_closed: Callable[[], str] = lambda: ""
    """Returns why the samples may not be taken out yet, of a load that is ``closed``."""


@dataclass(frozen=True, eq=False)
class Move:
    """A sample that is to be carried."""

    traveller: Traveller
    source: str
    destination: str


@dataclass(frozen=True)
class Handled:
    """What is done about an operation that failed; told before it is done."""

    station: str
    kind: str
    travellers: tuple[Traveller, ...]
    run_uid: str
    """Empty where no run was opened."""
    reason: str
    verdict: str
    """`RETRY` or a `Verdict`."""

    def md(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "station": self.station,
            "operation": self.kind,
            "samples": [traveller.sample for traveller in self.travellers],
            "run": self.run_uid,
            "reason": self.reason,
            "verdict": self.verdict,
        }
