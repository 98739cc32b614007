"""What must hold of a laboratory's signals, and what is done where it does not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "Action",
    "Condition",
    "Interlock",
    "Range",
    "Rate",
    "Response",
    "Severity",
    "SignalName",
    "Stale",
    "States",
    "Unchanged",
]

Action: TypeAlias = Literal["warn", "hold", "abort", "safe"]
"""Warn; hold new operations; abort what runs, too; make devices safe, too."""
Severity: TypeAlias = Literal["warning", "alarm"]


@dataclass(frozen=True)
class SignalName:
    """One signal of one device, as a lab file names it: ``furnace_a_control.temperature``."""

    device: str
    signal: str
    """Attribute of the device's class."""

    def __str__(self) -> str:
        return f"{self.device}.{self.signal}"


@dataclass(frozen=True)
class Range:
    """The value must stay within two limits.

    Raises:
        ValueError: nothing lies between the limits and their hysteresis.
    """

    low: float = -math.inf
    """Below it, it is wrong [unit]."""
    high: float = math.inf
    """Above it, it is wrong [unit]."""
    unit: str = ""
    hysteresis: float = 0.0
    """How far within the limits it must be before it is right again [unit]."""

    def __post_init__(self) -> None:
        if not self.low + self.hysteresis <= self.high - self.hysteresis:
            text = f"below {self.low:g} and above {self.high:g} {self.unit}".strip()
            raise ValueError(f"{text} with a hysteresis of {self.hysteresis:g} leave nothing that is right")


@dataclass(frozen=True)
class Rate(Range):
    """The change per minute must stay within two limits [unit/min]."""

    over_s: float = 60.0
    """Between readings at least so far apart [s]."""


@dataclass(frozen=True)
class States:
    """The value must be one of some, or none of some."""

    values: tuple[str | float, ...]
    wrong: bool
    """Whether these values are the wrong ones; otherwise all others are."""


@dataclass(frozen=True)
class Unchanged:
    """The value must not stay the same to the last digit."""

    longest_s: float
    """[s]"""


@dataclass(frozen=True)
class Stale:
    """The value must have been read lately: that is part of every interlock, and may be all of it."""


Condition: TypeAlias = Range | Rate | States | Unchanged | Stale


@dataclass(frozen=True)
class Response:
    """What is done when something is wrong."""

    action: Action
    severity: Severity = "alarm"
    stations: tuple[str, ...] = ()
    """Which it concerns: held, aborted, and told in their records."""
    devices: tuple[str, ...] = ()
    """Which are made safe, in this order."""


@dataclass(frozen=True)
class Interlock:
    """One condition on one signal, or on the difference of two, that the controller watches.

    A signal that cannot be read for `stale_s` is as wrong as one that has a wrong value.
    """

    name: str
    signal: SignalName
    condition: Condition
    response: Response
    minus: SignalName | None = None
    """The condition is on `signal` less this one."""
    gate: SignalName | None = None
    """The condition counts only while this signal is not 0; one that cannot be read counts as not 0."""
    hold_s: float = 0.0
    """How long it must be wrong before anything is done [s]."""
    stale_s: float = 60.0
    """[s]"""

    @property
    def signals(self) -> tuple[SignalName, ...]:
        """Every signal that must be read for it."""
        return tuple(signal for signal in (self.signal, self.minus, self.gate) if signal is not None)
