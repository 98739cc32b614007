"""A campaign's part of a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from labctl.dispatch._failure import FailureRule


@dataclass
class Share:
    """What a line knows of a campaign that has samples on it."""

    weight: float = 1.0
    """Stations work for the shares in this proportion, where all have something to do."""
    rules: Mapping[str, FailureRule] = field(default_factory=dict)
    """What is done when an operation on its samples fails, by kind; the line's own for others."""
    used_s: float = 0.0
    """How long stations have worked for it [s]."""
    paused: str = ""
    """Why nothing new is started for it for now; empty while work goes on."""
    leaving: str = ""
    """Why nothing new is started for it ever again; empty while work goes on."""
