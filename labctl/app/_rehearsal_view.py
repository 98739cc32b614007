"""What a person sees of a rehearsal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import Any

from rich.console import Console
from rich.table import Table

from labctl.app._progress import clock_text
from labctl.app._use import PARTS, USES
from labctl.rehearsal import FORMULAS, Approach, Departure, Drilled, Gain, Rehearsal, Spent

_NEAR_ENOUGH = 0.25
"""Margin to a limit, as a share of the allowed range, up to which a signal is shown."""
_REAL = (
    "The laboratory is real and its physics is not simulated: durations and loads are what counts (a furnace's heating "
    "and cooling are those of the simulated tube furnace); values, failed trials and the best are not."
)
OUTCOMES = {
    "no effect": "nothing changed",
    "withstood": "exchanges failed and were repeated",
    "noticed": "the records say that something was wrong",
    "unnoticed": "a result changed and nothing says so",
    "samples lost": "the campaign went on with fewer samples",
    "station lost": "a station is in quarantine, the campaign went on",
    "stopped": "the campaign ended",
}
"""What came of a drilled fault, from the best to the worst."""


def show(found: Rehearsal, console: Console, gain: Gain | None = None, more: Sequence[str] = ()) -> None:
    """Print a rehearsal, and what more stations bring."""
    console.print(f"[b]{found.campaign}[/b] rehearsed in {found.lab}, {len(found.nights)} nights")
    if found.backend != "simulated":
        console.print(f"[b]note[/b]     {_REAL}")
    if gain is not None:
        told = f"{gain.share:.0%} sooner" if gain.share >= 0 else f"{-gain.share:.0%} later"
        console.print(
            f"[b]with[/b] {', '.join(more)}: {gain.after_h:.1f} h in place of {gain.before_h:.1f} h, {told} "
            f"(sketched, middle of {gain.n_seeds} seeds)"
        )
    _show_figures(found, console)
    _show_loads(found, console)
    _show_spent(found, console)
    _show_limits(found, console)
    _show_trips(found, console)
    if found.drills:
        _show_drills(found.drills, console)
    _show_verdict(found, console)


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _show_figures(found: Rehearsal, console: Console) -> None:
    nights = found.nights
    table = _table("", "seed", "ended", "lasted", "trials", "completed", "failed", "lost", "substrates", "best")
    for night in nights:
        counts = (night.n_trials, night.n_completed, night.n_failed, night.n_lost, night.n_substrates)
        best = "" if night.best is None else f"{night.best:.4g}"
        table.add_row(str(night.seed), night.ending, clock_text(night.lab_s), *map(str, counts), best)
    console.print(table)
    lasted = [night.lab_s for night in nights]
    spread = f" \u00b1 {clock_text(stdev(lasted))}" if len(lasted) > 1 else ""
    console.print(
        f"duration {clock_text(fmean(lasted))}{spread}, from {clock_text(min(lasted))} to {clock_text(max(lasted))}"
    )


def _show_loads(found: Rehearsal, console: Console) -> None:
    table = _table("stations", "station", *USES, "operations")
    for loads in zip(*(night.loads for night in found.nights), strict=True):
        means = (fmean(getattr(load, part) for load in loads) for part in PARTS)
        n = fmean(load.n_operations for load in loads)
        table.add_row(loads[0].station, *(f"{100 * mean:.1f} %" for mean in means), f"{n:.0f}")
    console.print(table)


def _show_spent(found: Rehearsal, console: Console) -> None:
    table = _table("used up", "what", "device", "of", "mean", "lowest", "highest", "unit")
    for (what, device, of, unit), amounts in _amounts(found).items():
        spread = (f"{value:.3g}" for value in (fmean(amounts), min(amounts), max(amounts)))
        table.add_row(what, device, of, *spread, unit)
    substrates = [night.n_substrates for night in found.nights]
    table.add_row("substrates", "", "", f"{fmean(substrates):.3g}", str(min(substrates)), str(max(substrates)), "")
    console.print(table)
    if any(unit == "h" for _, _, _, unit in _amounts(found)):
        console.print("h: hours at full power; give the station the fitting heater_rating (e.g. 2 kW) to have kWh")


def _amounts(found: Rehearsal) -> dict[tuple[str, str, str, str], list[float]]:
    """Return the amount of each night, by what, device, of and unit."""

    def key(one: Spent) -> tuple[str, str, str, str]:
        return one.what, one.device, one.of, one.unit

    keys = sorted({key(one) for night in found.nights for one in night.spent})
    amounts = [{key(one): one.amount for one in night.spent} for night in found.nights]
    return {each: [night.get(each, 0.0) for night in amounts] for each in keys}


def _show_limits(found: Rehearsal, console: Console) -> None:
    near = _table("limits approached", "signal", "lowest", "highest", "allowed", "unit", "left")
    for one in _nearest(a for night in found.nights for a in night.approaches):
        allowed = f"{one.low:g}..{one.high:g}"
        near.add_row(
            one.key, f"{one.lowest:g}", f"{one.highest:g}", allowed, one.unit, f"{100 * max(0.0, one.margin):.0f} %"
        )
    if near.row_count:
        console.print(near)
    out = _table("out of tolerance", "signal", "tolerance", "runs", "largest", "longest", "unit")
    worst: dict[str, Departure] = {}
    for one_out in (d for night in found.nights for d in night.departures):
        if one_out.key not in worst or abs(one_out.largest) > abs(worst[one_out.key].largest):
            worst[one_out.key] = one_out
    for key, departure in sorted(worst.items()):
        figures = (f"{departure.tolerance:g}", str(departure.n_runs), f"{departure.largest:+.3g}")
        out.add_row(key, *figures, clock_text(departure.longest_s), departure.unit)
    if out.row_count:
        console.print(out)


def _show_trips(found: Rehearsal, console: Console) -> None:
    table = _table("interlocks", "seed", "interlock", "action", "times", "what was wrong")
    for night in found.nights:
        for trip in night.trips:
            table.add_row(str(night.seed), trip.name, trip.action, str(trip.n), trip.message)
    if table.row_count:
        console.print(table)
    elif found.n_interlocks:
        console.print(f"none of {found.n_interlocks} interlocks trips")


def _nearest(approaches: Iterable[Approach]) -> list[Approach]:
    """Return for each signal the nearest approach, where it is near enough to be shown."""
    nearest: dict[str, Approach] = {}
    for one in approaches:
        if one.margin < _NEAR_ENOUGH and (one.key not in nearest or one.margin < nearest[one.key].margin):
            nearest[one.key] = one
    return sorted(nearest.values(), key=lambda one: (one.margin, one.key))


def _show_drills(drills: Sequence[Drilled], console: Console) -> None:
    table = _table("failure drill", "fault", "device", "during", "at", "for", "outcome", "lost", "safe", "detail")
    for one in sorted(drills, key=lambda one: list(OUTCOMES).index(one.outcome)):
        lasting = "ever" if one.duration_s is None else f"{one.duration_s:g} s"
        tripped = "".join(f"interlock {trip.name} ({trip.action}); " for trip in one.trips)
        text = tripped + one.detail
        detail = text if len(text) <= 120 else f"{text[:117]}..."
        table.add_row(
            one.kind,
            one.device,
            one.during,
            clock_text(one.start_s),
            lasting,
            one.outcome,
            str(one.n_lost),
            _safety(one),
            detail,
        )
    console.print(table)


def _safety(one: Drilled) -> str:
    if not one.hazards:
        return "yes"
    return "no" if one.safe_after_s is None else f"after {one.safe_after_s / 60:.0f} min"


def _show_verdict(found: Rehearsal, console: Console) -> None:
    verdict = found.verdict
    console.print(f"[b]{verdict.verdict}[/b]")
    for text in verdict.against:
        console.print(f"  against  {text}", markup=False)
    for text in verdict.warnings:
        console.print(f"  warning  {text}", markup=False)


def as_json_value(found: Rehearsal, gain: Gain | None = None) -> dict[str, Any]:
    """Return a rehearsal as JSON has it, with how each amount is worked out."""
    value = dataclasses.asdict(found)
    if gain is not None:
        value["gain"] = {**dataclasses.asdict(gain), "share": gain.share}
    for night, content in zip(found.nights, value["nights"], strict=True):
        for approach, entry in zip(night.approaches, content["approaches"], strict=True):
            entry["margin"] = approach.margin
    lasted = [night.lab_s for night in found.nights]
    value["duration_s"] = {"mean": fmean(lasted), "lowest": min(lasted), "highest": max(lasted)}
    value["formulas"] = {f"{what} [{unit}]": text for (what, unit), text in FORMULAS.items()}
    value["note"] = _REAL if found.backend != "simulated" else ""
    return value
