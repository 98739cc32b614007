"""What somebody should look at in a history before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labctl.records._deviations import Deviation
from labctl.records._history import Event, OperationHistory
from labctl.records._quality import AUTOMATIC, UNCALIBRATED
from labctl.records._sample_history import SampleHistory, is_valid

GRAVITIES = ("alarm", "warning")
"""The worst first."""


@dataclass(frozen=True)
class Concern:
    """One thing that was not as it should be."""

    gravity: str
    """``alarm`` or ``warning``."""
    kind: str
    """``failed``, ``not valid``, ``alarm``, ``uncalibrated``, ``deviation`` or a quality flag's kind."""
    uid: str
    """Of the run."""
    operation: str
    """Its name, or its kind where it has none."""
    text: str


def concerns_of(history: SampleHistory) -> tuple[Concern, ...]:
    """Return what was not as it should be, the worst first, and otherwise in order."""
    found = [concern for _, operation in history.everything for concern in operation_concerns(operation)]
    return tuple(sorted(found, key=lambda concern: GRAVITIES.index(concern.gravity)))


def operation_concerns(operation: OperationHistory) -> tuple[Concern, ...]:
    """Return what was not as it should be in one operation, in no order of weight."""
    name = operation.name or operation.kind
    return tuple(Concern(gravity, kind, operation.uid, name, text) for gravity, kind, text in _found(operation))


def deviation_text(deviation: Deviation) -> str:
    """Return a deviation in words."""
    unit = deviation.unit
    return (
        f"{deviation.key} {deviation.largest:+.4g} {unit} from {deviation.setpoint}, "
        f"{deviation.duration_s:.0f} s outside ±{deviation.tolerance:g} {unit}, "
        f"area {deviation.area:.4g} {unit} s"
    )


def _found(operation: OperationHistory) -> Iterator[tuple[str, str, str]]:
    if operation.status in ("fail", "abort"):
        yield "alarm", "failed" if operation.status == "fail" else "aborted", operation.reason
    if not is_valid(operation.results):
        yield "alarm", "not valid", "the measurement says that its result is not valid"
    for event in operation.events:
        if event.severity != "info":
            yield _gravity(event), event.kind, f"{event.source}: {event.message}"
    uncalibrated = [flag for flag in operation.flags if flag.kind == UNCALIBRATED and flag.by == AUTOMATIC]
    for flag in uncalibrated:
        yield "alarm", UNCALIBRATED, f"{flag.key}: {flag.detail}"
    for deviation in operation.deviations:
        yield "warning", "deviation", deviation_text(deviation)
    for flag in operation.flags:
        if flag not in uncalibrated:
            where = ".".join(part for part in (flag.stream, flag.key) if part)
            gravity = "alarm" if flag.quality == "bad" else "warning"
            told = ": ".join(part for part in (where, flag.detail) if part)
            yield gravity, flag.kind, told if flag.by == AUTOMATIC else f"{told} (by {flag.by})".strip()


def _gravity(event: Event) -> str:
    return "alarm" if event.severity == "alarm" else "warning"
