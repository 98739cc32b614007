"""Whether to start the night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from labctl.lab import LabFile
from labctl.rehearsal._drill import SAFE_LIMIT_S, Drilled
from labctl.rehearsal._interlocks import Trip
from labctl.rehearsal._night import Night

GO, WARNED, DO_NOT = "go", "go with warnings", "do not"
NEAR = 0.05
"""Margin to a limit, as a share of the allowed range, below which it is a warning."""


@dataclass(frozen=True)
class Verdict:
    """What a rehearsal advises."""

    verdict: str
    """``go``, ``go with warnings`` or ``do not``."""
    against: tuple[str, ...]
    """Each a reason not to start."""
    warnings: tuple[str, ...]


def judge(
    nights: Sequence[Night], drills: Sequence[Drilled], lab: LabFile, begin: float | None, *, is_real: bool
) -> Verdict:
    """Return whether to start the night.

    Args:
        nights: rehearsed without a drilled fault.
        drills: one fault each.
        lab: the lab file.
        begin: when the night is to begin [s since 1970-01-01 UTC]; None: calibrations are not looked at.
        is_real: the instruments that the campaign is meant for are real: what was measured says nothing then.
    """
    against = [*_of_nights(nights, is_real=is_real), *_never_safe(drills)]
    warnings = [*_warnings_of_nights(nights, is_real=is_real), *_warnings_of_drills(drills)]
    if begin is not None:
        warnings += _calibrations(lab, begin, max(night.lab_s for night in nights))
    return Verdict(DO_NOT if against else WARNED if warnings else GO, tuple(against), tuple(warnings))


def _of_nights(nights: Sequence[Night], *, is_real: bool) -> Iterator[str]:
    for night in nights:
        if night.ending.startswith("stopped"):
            yield f"seed {night.seed}: the campaign ended before its time: {night.ending}"
        elif night.n_lost:
            yield f"seed {night.seed}: {night.n_lost} of {night.n_trials} samples were lost: {_commonest(night)}"
        if night.n_trials and not night.n_completed and not is_real:
            yield f"seed {night.seed}: no trial was completed: {_commonest(night)}"
        for trip in night.trips:
            if not trip.warns_only:
                yield f"seed {night.seed}: {_trip(trip)}"


def _warnings_of_nights(nights: Sequence[Night], *, is_real: bool) -> Iterator[str]:
    n_failed, n_trials = sum(night.n_failed for night in nights), sum(night.n_trials for night in nights)
    if n_failed and not is_real:
        yield f"{n_failed} of {n_trials} trials failed: {_commonest(max(nights, key=lambda night: night.n_failed))}"
    for night in nights:
        for trip in night.trips:
            if trip.warns_only:
                yield f"seed {night.seed}: {_trip(trip)}"
        for alarm, n in night.alarms.items():
            yield f"seed {night.seed}: alarm of {alarm}{_times(n)}"
    near = {a.key: a for night in nights for a in reversed(night.approaches) if a.margin < NEAR}
    for a in near.values():
        span = f"{a.lowest:g}..{a.highest:g}, allowed {a.low:g}..{a.high:g} {a.unit}".strip()
        yield f"{a.key} comes within {100 * max(0.0, a.margin):.0f} % of its limits: {span}"
    for key in sorted({departure.key for night in nights for departure in night.departures}):
        mine = [d for night in nights for d in night.departures if d.key == key]
        worst = max(mine, key=lambda d: abs(d.largest))
        yield (
            f"{key} left its tolerance of {worst.tolerance:g} {worst.unit} in {sum(d.n_runs for d in mine)} runs, "
            f"by {worst.largest:+.3g} {worst.unit} at most"
        )
    doubts: Counter[str] = Counter()
    for night in nights:
        doubts.update(night.doubts)
    for doubt, n in sorted(doubts.items()):
        yield f"record doubtful in {n} runs: {doubt}"


def _never_safe(drills: Sequence[Drilled]) -> Iterator[str]:
    for one in drills:
        if one.safe_after_s is None:
            left = "; ".join(f"{name}: {text}" for name, text in one.hazards.items())
            yield f"{one.kind} on {one.device} leaves the laboratory unsafe for {SAFE_LIMIT_S / 3600:g} h: {left}"


def _warnings_of_drills(drills: Sequence[Drilled]) -> Iterator[str]:
    for one in drills:
        if one.hazards and one.safe_after_s is not None:
            left = "; ".join(f"{name}: {text}" for name, text in one.hazards.items())
            yield f"{one.kind} on {one.device}: safe only {one.safe_after_s / 60:.0f} min after the end ({left})"
        if one.outcome == "unnoticed":
            yield f"{one.kind} on {one.device} would go unnoticed: {one.detail}"
    stopping = [one for one in drills if one.outcome == "stopped"]
    if stopping:
        what = ", ".join(f"{one.kind} on {one.device}" for one in stopping)
        yield f"{len(stopping)} of {len(drills)} drilled faults end the campaign: {what}"


def _calibrations(lab: LabFile, begin: float, longest_s: float) -> Iterator[str]:
    last_day = datetime.fromtimestamp(begin + longest_s, UTC).date().isoformat()
    for name, entry in lab.devices.items():
        if entry.calibration.due and entry.calibration.due < last_day:
            yield f"the calibration of {name} holds until {entry.calibration.due}; the night ends on {last_day}"


def _commonest(night: Night) -> str:
    if not night.reasons:
        return night.ending
    reason, n = max(night.reasons.items(), key=lambda item: item[1])
    return f"{reason}{_times(n)}"


def _trip(trip: Trip) -> str:
    return f"interlock {trip.name} ({trip.action}) trips: {trip.message}{_times(trip.n)}"


def _times(n: int) -> str:
    return f" ({n} times)" if n > 1 else ""
