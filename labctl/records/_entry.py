"""What is known of a sample besides its runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from labctl.metadata import AccessPolicy

CONDITIONS = ("good", "suspect", "failed")
"""Quality states of a sample."""


@dataclass(frozen=True)
class Archive:
    """Where a sample is kept for later."""

    shelf: str
    box: str
    condition: str
    """In words: dry box, nitrogen, 5 degC..."""
    until: str
    """Day (YYYY-MM-DD) up to which it is kept; empty for ever."""

    @property
    def place(self) -> str:
        """The same as a location."""
        return f"archive: {self.shelf}, {self.box}"


@dataclass(frozen=True)
class Attachment:
    """A file that people attached to a sample."""

    name: str
    path: Path
    """The copy that is kept, named by its checksum."""
    checksum: str
    """SHA-256 of the content, hexadecimal."""
    media_type: str
    kind: str
    """``photograph`` and the like."""
    note: str
    time: float
    """[s since 1970-01-01 UTC]."""
    by: str
    policy: AccessPolicy


@dataclass(frozen=True)
class Stay:
    """A place in which a sample lay."""

    time: float
    """Since when [s since 1970-01-01 UTC]."""
    place: str
    """Ends in ``?`` where a move failed."""
    by: str
    """Person, or uid of the run that moved it."""


@dataclass(frozen=True)
class SampleEntry:
    """One sample in the registry."""

    name: str
    lot: str = ""
    substrate: str = ""
    carrier: str = ""
    composition: str = ""
    note: str = ""
    parents: tuple[str, ...] = ()
    """What it was made from."""
    children: tuple[str, ...] = ()
    """What was made from it."""
    consumed: str = ""
    """Why it is no more; empty while it is there."""
    stays: tuple[Stay, ...] = ()
    """Where it lay, the last place last."""
    archive: Archive | None = None
    """None while it lies elsewhere."""
    attachments: tuple[Attachment, ...] = ()
    quality: str = "good"
    """One of `CONDITIONS`."""
    reason: str = ""
    """Of the quality."""
    judged_by: str = ""
    policy: AccessPolicy = field(default_factory=AccessPolicy)
    """The strictest of its own, its parents' and its runs'."""
    own_policy: AccessPolicy | None = None
    """As a person gave it; None where nobody did."""
    campaign: str = ""
    trial: str = ""
    n_runs: int = 0
    last_operation: str = ""
    last_status: str = ""
    last_time: float = 0.0
    """Of its last run, or of the last thing said of it [s since 1970-01-01 UTC]."""

    @property
    def location(self) -> str:
        """Where it lies; empty when nobody knows."""
        return self.stays[-1].place if self.stays else ""
