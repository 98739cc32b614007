"""Tables of recipes as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from labctl.errors import FileError, Problem
from labctl.files._problems import nearest
from labctl.files._read import read_text

_MOST_PROBLEMS = 100
_NO_ROW = "has a header and no row"


def read_table(path: Path, inputs: Sequence[str], outputs: Sequence[str]) -> list[dict[str, float | str]]:
    """Return the rows of a CSV file of measured recipes.

    Outputs must be numbers. A column of inputs holds numbers where most of its cells are numbers, and then all
    of them must be; otherwise it is text.

    Raises:
        FileError: unreadable or empty, a column is missing or given twice, a row has too few or too many cells,
            a cell is empty or no number; all at once.
    """
    header, rows, problems = _cells(path)
    if not rows:
        problems.append(Problem("", _NO_ROW))
    columns: dict[str, list[tuple[int, str]]] = {}
    for name in dict.fromkeys((*inputs, *outputs)):
        if name in header:
            columns[name] = [(line, row[header.index(name)]) for line, row in rows]
        else:
            problems.append(Problem(f"line 1, {name}", f"no such column{nearest(name, tuple(dict.fromkeys(header)))}"))
    numeric = set()
    for name, cells in columns.items():
        if name in outputs or 2 * sum(_is_number(cell) for _, cell in cells) > len(cells):
            numeric.add(name)
        for line, cell in cells:
            if not cell:
                problems.append(Problem(f"line {line}, {name}", "is empty"))
            elif name in numeric and not _is_number(cell):
                problems.append(Problem(f"line {line}, {name}", f"{cell!r} is not a number"))
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        rest = [Problem("", f"{more} more mistakes")] if more > 0 else []
        raise FileError(str(path), [*problems[:_MOST_PROBLEMS], *rest])
    lines = zip(*columns.values(), strict=True)
    return [
        {name: float(cell) if name in numeric else cell for name, (_, cell) in zip(columns, line, strict=True)}
        for line in lines
    ]


def read_cells(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header of a CSV file and its rows as text, each with its line; there may be none.

    Raises:
        FileError: unreadable or empty, a column is given twice, a row has too few or too many cells; all at once.
    """
    header, rows, problems = _cells(path)
    if problems:
        raise FileError(str(path), problems)
    return header, rows


def read_whole_table(path: Path) -> list[dict[str, float | str]]:
    """Return the rows of a CSV file with every column it has, numbers where most of a column's cells are numbers.

    Raises:
        FileError: as for `read_table`.
    """
    header, rows = read_cells(path)
    if not rows:
        raise FileError(str(path), [Problem("", _NO_ROW)])
    return read_table(path, header, ())


def _cells(path: Path) -> tuple[list[str], list[tuple[int, list[str]]], list[Problem]]:
    """Return the header, the rows that are whole, each with its line, and what is wrong with the others."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except csv.Error as error:
        raise FileError(str(path), [Problem(f"line {reader.line_num}", f"not valid CSV: {error}")]) from error
    if not lines:
        raise FileError(str(path), [Problem("", "is empty")])
    (_, header), *rows = lines
    if len(header) == 1 and ";" in header[0]:
        raise FileError(str(path), [Problem("line 1", "cells must be separated by commas, not by ';'")])
    problems = [
        Problem("line 1", f"column {name!r} is given twice") for name in dict.fromkeys(header) if header.count(name) > 1
    ]
    for line, row in rows:
        if len(row) != len(header):
            problems.append(Problem(f"line {line}", f"has {len(row)} cells; the header has {len(header)}"))
    return header, [(line, row) for line, row in rows if len(row) == len(header)], problems


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False
