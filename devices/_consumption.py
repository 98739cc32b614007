"""What is used up while an instrument works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Consumption:
    """Something whose rate is a process signal; the integral over its trace is what was used up."""

    what: str
    """``electricity`` or ``target`` of a signal in W, ``gas`` of one in sccm."""
    rating: str = ""
    """For a signal in percent: the station's fitting that says what 100 percent are [kW]."""
