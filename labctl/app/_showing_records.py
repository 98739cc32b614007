"""Tables of what was found in the records."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from labctl.records import KeySummary

if TYPE_CHECKING:
    import pandas as pd

_WIDE = 10_000
"""Width of what is not shown on a terminal, so that nothing is folded [characters]."""


def show_found(found: pd.DataFrame, file: Path | None) -> None:
    """Print a table with units in its head, or write it as CSV with the units in the second line.

    Raises:
        OSError: the file cannot be written.
    """
    if file is not None:
        _write_csv(found, file)
        Console(highlight=False, markup=False, soft_wrap=True).print(f"{file}: {len(found)} rows")
        return
    units = found.attrs["units"]
    _print([f"{name} [{units[name]}]" if units.get(name) else str(name) for name in found], map(_cells, _rows(found)))


def show_facts(facts: Iterable[KeySummary], pattern: str, counted: str) -> None:
    """Print the keys that have a text in them, or fit a pattern with ``*``."""
    wanted = (pattern if "*" in pattern else f"*{pattern}*").replace("[", "[[]")
    rows = ([fact.key, fact.unit, str(fact.n)] for fact in facts if fnmatchcase(fact.key, wanted))
    _print(["key", "unit", counted], rows)


def _print(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDE
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(f"{table.row_count} found")


def _rows(found: pd.DataFrame) -> Iterable[Sequence[object]]:
    return found.itertuples(index=False, name=None)


def _cells(row: Sequence[object]) -> list[str]:
    return [_cell(value) for value in row]


def _cell(value: object) -> str:
    import pandas as pd

    if value is None or value is pd.NaT or value != value:
        return ""
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return f"{value:.6g}" if isinstance(value, float) else str(value).replace("; ", "\n")


def _write_csv(found: pd.DataFrame, file: Path) -> None:
    units = found.attrs["units"]
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(found.columns)
        writer.writerow([units.get(name, "") for name in found])
        found.to_csv(stream, header=False, index=False)


__all__ = ["show_facts", "show_found"]
