"""What a replay found, for a person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from labctl.app._ending import STORE_FAILED, WRONG
from labctl.app._replay import Replay, SampleReplay
from labctl.errors import StoreError
from sim_devices.replay import CannotReplay, Property

_PROPERTIES = ("sample", "run", "property", "recorded", "recomputed", "difference", "noise", "unit", "verdict")
_CHECKS = ("run", "quantity", "predicted", "recorded", "tolerance", "unit", "verdict", "predicted from")


def show_replay(directory: Path, name: str | None) -> int:
    """Make one sample, those of a run, or all of a store again, and print the comparison; return the exit code.

    Args:
        directory: of the store.
        name: of a sample, or the beginning of a run's uid; None for every sample.

    Raises:
        StoreError: no such sample or run, or nothing that is asked for can be computed again.
    """
    replay = Replay.of(directory)
    samples, uid = (replay.samples, "") if name is None else replay.samples_of(name)
    found: list[SampleReplay] = []
    missing: list[str] = []
    for sample in samples:
        try:
            found.append(replay.sample(sample).narrowed(uid))
        except CannotReplay as error:
            missing.append(f"{sample} cannot be computed again: {error}")
    if not found:
        raise StoreError("\n".join(missing) or f"{directory} holds no sample")
    _print_rows(_PROPERTIES, [_property_row(one.sample, run, p) for one in found for run, p in one.properties.items()])
    _print_checks(found, everything=name is not None)
    for line in missing:
        Console(highlight=False).print(escape(line), soft_wrap=True)
    if not all(one.agrees for one in found):
        return WRONG
    return STORE_FAILED if missing else 0


def _property_row(sample: str, run: str, found: Property) -> list[str]:
    is_number = not (math.isinf(found.recorded) or math.isinf(found.recomputed))
    return [
        sample,
        run[:8],
        found.name,
        *("open" if math.isinf(value) else f"{value:.5g}" for value in (found.recorded, found.recomputed)),
        f"{found.recomputed - found.recorded:+.2g}" if is_number else "",
        f"{found.noise:.2g}" if is_number else "",
        found.unit,
        _verdict(found.agrees),
        found.failure,
        "noise decides whether it breaks" if found.is_on_the_edge else "",
    ]


def _print_checks(found: Sequence[SampleReplay], *, everything: bool) -> None:
    """Print every comparison of process quantities, or only those that disagree, and how many there are."""
    by_run = {run: checks for one in found for run, checks in one.checks.items()}
    checks = [(run, check) for run, of_run in by_run.items() for check in of_run]
    wrong = [(run, check) for run, check in checks if not check.agrees]
    rows = [
        [
            run[:8],
            check.quantity,
            *(f"{value:.5g}" for value in (check.predicted, check.recorded)),
            f"{check.tolerance:.2g}",
            check.unit,
            _verdict(check.agrees),
            check.basis,
        ]
        for run, check in (checks if everything else wrong)
    ]
    _print_rows(_CHECKS, rows)
    told = f"{len(wrong)} disagree" if wrong else "all agree"
    Console(highlight=False).print(f"{len(checks)} quantities of {len(by_run)} runs predicted from others: {told}")


def _print_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; a long line is left to the terminal."""
    if not rows:
        return
    console = Console(highlight=False)
    widths = [max(len(row[i]) if i < len(row) else 0 for row in (header, *rows)) for i in range(len(rows[0]))]
    for row in (header, *rows):
        line = escape("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip())
        console.print(f"[b]{line}[/b]" if row is header or "disagrees" in row else line, soft_wrap=True)


def _verdict(agrees: bool) -> str:
    return "agrees" if agrees else "disagrees"
