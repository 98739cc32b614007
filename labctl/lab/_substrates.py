"""What is known of the substrates before anything is done to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from labctl.errors import FileError, Problem
from labctl.files import read_whole_table
from labctl.samples import place

Certificate: TypeAlias = Mapping[str, float | str]
"""What a substrate's maker or the incoming inspection says, by column; ``substrate`` is its name."""


def read_substrates(path: Path, racks: Mapping[str, int]) -> dict[str, Certificate]:
    """Return the certificate of the substrate in each rack place.

    Args:
        path: of a CSV file with the columns ``place`` and ``substrate`` and any others.
        racks: number of places by rack.

    Raises:
        FileError: the file is wrong, with everything that is.
    """
    rows = read_whole_table(path)
    problems = [
        Problem("line 1", f"no column {name!r}; it has {', '.join(rows[0])}")
        for name in ("place", "substrate")
        if name not in rows[0]
    ]
    if problems:
        raise FileError(str(path), problems)
    known = {place(rack, number) for rack, n in racks.items() for number in range(1, n + 1)}
    found: dict[str, Certificate] = {}
    owner: dict[str, int] = {}
    strange: list[tuple[int, str]] = []
    for line, row in enumerate(rows, 2):
        where, substrate = str(row["place"]), str(row["substrate"])
        if where not in known:
            strange.append((line, where))
        elif where in found:
            problems.append(Problem(f"line {line}, place", f"{where} is given twice"))
        if owner.setdefault(substrate, line) != line:
            problems.append(Problem(f"line {line}, substrate", f"{substrate!r} is also in line {owner[substrate]}"))
        found[where] = {name: value for name, value in row.items() if name != "place"} | {"substrate": substrate}
    if strange:
        line, where = strange[0]
        more = f" (and {len(strange) - 1} more like it)" if len(strange) > 1 else ""
        problems.append(Problem(f"line {line}, place", f"no rack has {where!r}{more}; racks: {', '.join(racks)}"))
    if problems:
        raise FileError(str(path), problems)
    return found
