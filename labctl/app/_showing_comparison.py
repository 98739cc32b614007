"""The comparison of a campaign with other ways, in the terminal and in the report."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from labctl.app._comparison import WAYS, Comparison, compare, comparison
from labctl.app._html import escaped, table
from labctl.app._reading import open_campaign
from labctl.app._showing import table_of
from labctl.objectives import Objective

_DESCRIPTIONS = {way.key: way.description for way in WAYS}
_HEAD = ("way", "reached", "lab time, h", "trials", "times as long")
_NOTE = (
    "Ways other than the recorded one are sketched: the same optimizer, dispatcher, plant and physics, without "
    "instruments, wires and records. The middle of all seeds is given, and what nine in ten are above and below; a run "
    "that was given up counts with what it had come to."
)


def run_comparison(directory: Path, n_seeds: int) -> None:
    """Play other ways, say what they come to; raises StoreError, FileError."""
    checked, trials = open_campaign(directory)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} of {task.total}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("comparing", total=n_seeds * len(WAYS))
        for _ in compare(directory, checked, trials, n_seeds):
            progress.advance(bar)
    found = comparison(directory, checked, trials)
    assert found is not None  # it was compared by something
    shown, out = Console(highlight=False), table_of(*_HEAD)
    for line in lines(found):
        out.add_row(*line)
    shown.print(headline(found, checked.objectives[0]), soft_wrap=True)
    shown.print(out)


def headline(found: Comparison, objective: Objective) -> str:
    """Return in a sentence what is compared, and how the recorded campaign did."""
    unit = f" {objective.unit}" if objective.unit else ""
    what = "the target" if found.is_declared else "the best that was found"
    sign = ">=" if objective.direction == "maximize" else "<="
    goal = f"{objective.name} {sign} {found.target:.4g}{unit}, {what}"
    if found.recorded_h is None:
        return f"{goal}: not reached in {found.n_trials} trials"
    return f"{goal}: reached after {found.recorded_h:.1f} h of lab time and {found.n_trials} trials"


def lines(found: Comparison) -> list[tuple[str, ...]]:
    """Return a line for each way."""
    return [
        (
            _DESCRIPTIONS[way.baseline],
            f"{way.n_reached} of {way.n_seeds}",
            way.lab_h.text,
            way.trials.text,
            "" if way.factor is None else way.factor.text,
        )
        for way in found.ways
    ]


def comparison_section(found: Comparison | None, objective: Objective) -> str:
    """Return the section of the report; nothing where the campaign reached nothing."""
    if found is None:
        return ""
    told = f"<h2>Development time</h2><p>{escaped(headline(found, objective))}.</p>"
    if not found.ways:
        return f"{told}<p>Other ways were not played yet: <code>labctl campaign compare</code>.</p>"
    return f"{told}{table(lines(found), _HEAD)}<p>{escaped(_NOTE)}</p>"
