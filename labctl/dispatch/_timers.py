"""What is put off."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timer:
    """Something that is to be done with a station at a certain time."""

    time: float
    """Lab time [s]."""
    station: str
    what: str
    """changed | open (look again) | retry | unanswered | closed."""
    number: int = 0
    """Of the question that nobody answered."""
