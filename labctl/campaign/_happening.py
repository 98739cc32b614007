"""What happens in a campaign, told to whoever wants to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["failure", "wait", "quarantine", "alarm", "trial", "intervention", "stopping", "finished"]


@dataclass(frozen=True)
class Happening:
    """One thing that a person may want to be told."""

    kind: Kind
    """``failure``: an operation failed; ``wait``: a person is waited for; ``quarantine``: a station is used no more;
    ``alarm``: an interlock or watchdog was raised; ``trial``: one ended; ``intervention``: a person did something;
    ``stopping``: nothing new is started; ``finished``: the campaign ended."""
    text: str
    trial: str = ""
    samples: tuple[str, ...] = field(default=())
    station: str = ""
    alarm: str = ""
    """Name of the interlock or watchdog."""
    severity: str = ""
    """Of an alarm."""
    run: str = ""
    """Uid of the run it is about, where there is one."""
