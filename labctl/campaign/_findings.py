"""Everything that is wrong, file by file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from labctl.errors import FileError, Problem

T = TypeVar("T")


class Findings:
    """Collects problems, so that a person sees all of them at once."""

    def __init__(self) -> None:
        self._problems: dict[Path, list[Problem]] = {}

    def add(self, path: Path, problems: Sequence[Problem]) -> None:
        """Note what is wrong with a file, unless something was found at the same place before."""
        told = self._problems.setdefault(path, [])
        places = {problem.where for problem in told}
        told += [problem for problem in problems if problem.where not in places]

    def tell(self, path: Path, where: str, message: str) -> None:
        """Note one thing that is wrong with a file."""
        self.add(path, [Problem(where, message)])

    def attempt(self, path: Path, read: Callable[[], T]) -> T | None:
        """Return what `read` returns, or None after noting why it failed with a `FileError`."""
        try:
            return read()
        except FileError as error:
            self.add(path, error.problems)
            return None

    def any_in(self, path: Path, where: str) -> bool:
        """Return whether something is wrong with a field of a file or with what lies within it."""
        return any(
            problem.where == where or problem.where.startswith((f"{where}.", f"{where}["))
            for problem in self._problems.get(path, ())
        )

    def raise_all(self) -> None:
        """Raise an ExceptionGroup of one `FileError` for each file that is wrong, if any is."""
        errors = [FileError(str(path), problems) for path, problems in self._problems.items() if problems]
        if errors:
            raise ExceptionGroup("the campaign cannot start", errors)
