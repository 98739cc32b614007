"""What people are told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Kind = Literal["alarm", "failure", "wait", "finished", "summary", "test"]
"""A limit was passed; something did not work; a person is waited for; a campaign ended; the state at a set hour; a
trial of the way to people."""
Severity = Literal["info", "warning", "critical"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From the least to the greatest."""


@dataclass(frozen=True, slots=True)
class About:
    """What of the laboratory's work a notice is about; what does not apply is empty."""

    campaign: str = ""
    trials: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    station: str = ""
    run_uid: str = ""

    def fields(self) -> Mapping[str, Any]:
        """Return what applies, by name."""
        return {part.name: value for part in dataclasses.fields(self) if (value := getattr(self, part.name))}


@dataclass(frozen=True)
class Notice:
    """One thing that people are told.

    Notices of one kind, severity and subject are alike: they are merged and counted. So what changes from one to the
    next (a reading, a run) belongs in the text.

    Raises:
        ValueError: the kind or severity is none, or the subject is not one line.
    """

    kind: Kind
    severity: Severity
    subject: str
    time: float
    """When it happened, on the lab's clock [s since 1970-01-01 UTC]."""
    text: str = ""
    about: About = field(default_factory=About)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r} is none of {', '.join(KINDS)}")
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity={self.severity!r} is none of {', '.join(SEVERITIES)}")
        if not self.subject.strip() or not self.subject.isprintable():
            raise ValueError(f"subject={self.subject!r} must be one line of text")

    @property
    def rank(self) -> int:
        """How severe it is, 0 for the least."""
        return SEVERITIES.index(self.severity)

    def is_like(self, other: Notice) -> bool:
        """Return whether both tell the same."""
        return (self.kind, self.severity, self.subject) == (other.kind, other.severity, other.subject)
