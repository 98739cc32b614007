"""A table of trials that people fill in: it is all that a search by hand remembers."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labctl.campaign._search_file import Search
from labctl.errors import FileError, Problem, RegistryError
from labctl.files import nearest, read_cells
from labctl.optimize import ID_KEY, Optimizer
from labctl.quantities import Quantity
from labctl.trials import Candidates, Categorical, Integer

TRIAL, FAILED = "trial", "failed"
_HEAD = re.compile(r"(.*?)\s*(?:\[(.*)\])?")


class TrialTable:
    """Trials in a CSV file, one a row: its name, its recipe, what was measured, or why it failed.

    A row in which something sought is still empty is on its way. Other columns are kept as they are.

    Args:
        path: of the file; it need not be there yet.
        search: what may vary and what is sought.

    Raises:
        FileError: everything that is wrong with the file.
    """

    def __init__(self, path: Path, search: Search) -> None:
        self._path, self._search = path, search
        self._sought = {objective.name: objective.unit for objective in search.objectives}
        parameters = () if isinstance(search.space, Candidates) else search.space.parameters
        units = {each.name: getattr(each, "unit", "") for each in parameters}
        self._units = {name: units.get(name, "") for name in search.space.names} | self._sought
        self._names = [TRIAL, *self._units, FAILED]
        self._header = [f"{name} [{unit}]" if (unit := self._units.get(name, "")) else name for name in self._names]
        self._rows: list[list[str]] = []
        self._lines: list[int] = []
        if path.exists():
            self._read()
        self.optimizer = search.make_optimizer()
        """That was told everything in the table, from the top down."""
        self._tell(self.optimizer)

    def suggest(self, n_trials: int) -> list[dict[str, Any]]:
        """Append trials that the optimizer chooses to the file, and return them; fewer where no more are left."""
        points = self.optimizer.suggest(n_trials)
        for point in points:
            cells = {TRIAL: str(point[ID_KEY])} | {name: _text(point[name]) for name in self._search.space.names}
            self._rows.append([cells.get(name, "") for name in self._names])
        self._write()
        return points

    def fill(self, trial: str, measured: Mapping[str, str], failed: str = "") -> None:
        """Write into the file what came of a trial that is on its way.

        Raises:
            RegistryError: no such trial, it has ended, or a figure is unknown or no number in its unit.
        """
        found = [row for row in self._rows if row[self._at(TRIAL)] == trial]
        on_their_way = [row[self._at(TRIAL)] for row in self._rows if self._status(row) == "pending"]
        if not found or self._status(found[0]) != "pending":
            raise RegistryError(f"trial {trial!r} is not on its way{nearest(trial, on_their_way)}")
        cells = dict[str, str]()
        for name, value in measured.items():
            if name not in self._sought:
                raise RegistryError(f"nobody seeks {name!r}{nearest(name, tuple(self._sought))}")
            try:
                number = Quantity(self._sought[name]).parse(value) if _unit_in(value) else float(value)
            except ValueError as error:
                raise RegistryError(f"{name}={value}: {error}") from error
            if not math.isfinite(number):
                raise RegistryError(f"{name}={value} is not a finite number; say --failed where nothing was measured")
            cells[name] = _text(number)
        if failed:
            cells[FAILED] = failed
        for name, cell in cells.items():
            found[0][self._at(name)] = cell
        self._write()
        self.optimizer = self._search.make_optimizer()
        self._tell(self.optimizer)

    def count(self, status: str) -> int:
        """Return how many trials are ``completed``, ``failed`` or ``pending``."""
        return sum(self._status(row) == status for row in self._rows)

    def _at(self, name: str) -> int:
        return self._names.index(name)

    def _status(self, row: Sequence[str]) -> str:
        if row[self._at(FAILED)]:
            return "failed"
        return "completed" if all(row[self._at(name)] for name in self._sought) else "pending"

    def _read(self) -> None:
        header, rows = read_cells(self._path)
        problems, names = list[Problem](), list[str]()
        for title in header:
            found = _HEAD.fullmatch(title)
            name, unit = (found[1], found[2]) if found else (title, None)
            if name in self._units and unit is not None and unit != self._units[name]:
                problems.append(Problem(f"line 1, {title}", f"{name} is in {self._units[name] or 'no unit'} here"))
            names.append(name if name in self._names else title)
        wanted = [TRIAL, *self._units]
        for name in wanted:
            if name not in names:
                problems.append(Problem("line 1", f"no column {name!r}{nearest(name, names)}"))
        if problems:
            raise FileError(str(self._path), problems)
        if FAILED not in names:
            header, names = [*header, FAILED], [*names, FAILED]
            rows = [(line, [*row, ""]) for line, row in rows]
        self._header, self._names = header, names
        self._rows, self._lines = [row for _, row in rows], [line for line, _ in rows]
        self._name_the_nameless()

    def _name_the_nameless(self) -> None:
        """Give trials that a person added names after the highest there is."""
        numbers = (re.fullmatch(r"T(\d+)", row[self._at(TRIAL)]) for row in self._rows)
        last = max((int(found[1]) for found in numbers if found), default=0)
        for row in self._rows:
            if not row[self._at(TRIAL)]:
                last += 1
                row[self._at(TRIAL)] = f"T{last:04d}"

    def _tell(self, optimizer: Optimizer) -> None:
        problems = list[Problem]()
        for line, row in zip(self._lines, self._rows, strict=False):  # rows without a line were suggested just now
            try:
                self._tell_row(optimizer, row)
            except ValueError as error:
                problems.append(Problem(f"line {line}", str(error)))
        if problems:
            raise FileError(str(self._path), problems)
        self._lines += range(len(self._lines) + 2, len(self._rows) + 2)

    def _tell_row(self, optimizer: Optimizer, row: Sequence[str]) -> None:
        point = {name: self._value(name, row[self._at(name)]) for name in self._search.space.names}
        point[ID_KEY] = row[self._at(TRIAL)]
        status = self._status(row)
        figures = {name: _number(name, row[self._at(name)]) for name in self._sought if row[self._at(name)]}
        registered = optimizer.register_suggestions([point])
        if status == "failed":
            optimizer.register_failures(registered)
        elif status == "completed":
            optimizer.ingest([{**registered[0], **figures}])

    def _value(self, name: str, cell: str) -> Any:  # what a parameter may be
        if not cell:
            raise ValueError(f"{name} is empty")
        space = self._search.space
        if isinstance(space, Candidates):
            return cell if isinstance(space.rows[0][name], str) else _number(name, cell)
        parameter = next(each for each in space.parameters if each.name == name)
        if isinstance(parameter, Categorical):
            return next((value for value in parameter.values if _text(value) == cell), cell)
        return int(_number(name, cell)) if isinstance(parameter, Integer) else _number(name, cell)

    def _write(self) -> None:
        """Write the whole file, or leave it as it was."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([self._header, *self._rows])
        draft = self._path.with_name(f".{self._path.name}.new")
        with open(draft, "w", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)


def _text(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _number(name: str, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} {cell!r} is not a number")
    return number


def _unit_in(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return True
    return False
