"""Watchdogs as a lab file writes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from labctl.interlocks import Action, Severity
from labctl.quantities import Quantity

Seconds = Annotated[float, Quantity("s", 0.1)]
Megabytes = Annotated[float, Quantity("MB", 1)]


class _Watchdog(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    severity: Severity = "alarm"
    action: Action = "warn"


class HungInstrument(_Watchdog):
    """An instrument whose every exchange has failed for longer than this; it concerns its station."""

    limit: Seconds = Field(default="2 min", validate_default=True)


class SilentPlan(_Watchdog):
    """An operation that has recorded nothing for longer than this, in lab time; it concerns its station."""

    limit: Seconds = Field(default="2 h", validate_default=True)


class OverduePlan(_Watchdog):
    """An operation that takes longer than its estimate times this; it concerns its station."""

    limit: float = Field(default=3.0, gt=1, le=1000)


class ClockJump(_Watchdog):
    """The time of day was set by more than this while the controller ran."""

    limit: Seconds = Field(default="10 s", validate_default=True)


class DiskFilling(_Watchdog):
    """Less than this is left for the store; no new operation starts, unless another action is given."""

    action: Action = "hold"
    limit: Megabytes = Field(default="500 MB", validate_default=True)


class StoreLag(_Watchdog):
    """More finished runs than this wait for the catalog; the journal has them."""

    severity: Severity = "warning"
    limit: int = Field(default=1000, ge=1)


class MemoryGrowth(_Watchdog):
    """The controller's process has grown by more than this since it began to watch."""

    severity: Severity = "warning"
    limit: Megabytes = Field(default="2000 MB", validate_default=True)


class WatchdogLimits(BaseModel):
    """What is watched besides interlocks; each has its limit and its action, and none can be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hung_instrument: HungInstrument = Field(default_factory=HungInstrument)
    silent_plan: SilentPlan = Field(default_factory=SilentPlan)
    overdue_plan: OverduePlan = Field(default_factory=OverduePlan)
    clock_jump: ClockJump = Field(default_factory=ClockJump)
    disk_filling: DiskFilling = Field(default_factory=DiskFilling)
    store_lag: StoreLag = Field(default_factory=StoreLag)
    memory_growth: MemoryGrowth = Field(default_factory=MemoryGrowth)
