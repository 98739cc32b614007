"""How a campaign ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Ending:
    """How a campaign ended."""

    reason: str
    """``budget``, ``lab time``, ``no improvement``, ``little to gain``, ``exhausted``, what the optimizer says (a
    target is reached, nothing is left), or ``stopped: ...``."""
    n_trials: int
    """Started."""
    n_completed: int
    n_failed: int
    """Samples that their recipe spoilt."""
    n_lost: int
    """Samples that equipment or a stop kept from an outcome."""
    lab_s: float
    """Lab time it took [s]."""
    whereabouts: Mapping[str, str]
    """Where each sample that did not finish lies."""
    quarantined: Mapping[str, str] = field(default_factory=dict)
    """Why each station in quarantine is there."""
