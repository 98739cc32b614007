"""Reading the files that people write: YAML and CSV, with one clear word for each mistake."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, ClassVar

import yaml

from labctl.errors import FileError, Problem

__all__ = ["read_table", "read_yaml"]


class _StrictLoader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """A safe loader without YAML's traps.

    A key given twice is refused (YAML would silently keep the last); dates stay text; only true and false
    are booleans (YAML 1.1 has ``no`` and ``off`` too, which are also names).
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [
            (tag, pattern)
            for tag, pattern in resolvers
            if tag != "tag:yaml.org,2002:timestamp" and (tag != "tag:yaml.org,2002:bool" or first in "tTfF")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
            seen.add(key.value)
        result: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return result


def read_yaml(path: Path) -> Any:  # what the file holds; the caller validates it
    """Return the content of a YAML file.

    Raises:
        FileError: it cannot be read, is not YAML, or gives a key twice; with the line.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)
    except FileNotFoundError as error:
        raise FileError(str(path), [Problem("", "no such file")]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(str(path), [Problem("", f"cannot be read: {error}")]) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise FileError(str(path), [Problem(where, f"not valid YAML: {error.problem or error}")]) from error
    except yaml.YAMLError as error:
        raise FileError(str(path), [Problem("", f"not valid YAML: {error}")]) from error


def read_table(path: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> list[dict[str, float | str]]:
    """Return the rows of a CSV file of measured recipes.

    A column of inputs is a number where every entry is one, and text otherwise; outputs must be numbers.

    Raises:
        FileError: unreadable, empty, a column is missing, a cell is empty or no number; all at once.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header, rows = list(reader.fieldnames or []), list(reader)
    except FileNotFoundError as error:
        raise FileError(str(path), [Problem("", "no such file")]) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(str(path), [Problem("", f"cannot be read: {error}")]) from error
    missing = [name for name in (*inputs, *outputs) if name not in header]
    if missing:
        raise FileError(
            str(path), [Problem(name, f"no such column; the file has: {', '.join(header)}") for name in missing]
        )
    if not rows:
        raise FileError(str(path), [Problem("", "has a header and no row")])
    problems = []
    for line, row in enumerate(rows, start=2):
        for name in (*inputs, *outputs):
            if not (row[name] or "").strip():
                problems.append(Problem(f"line {line}, {name}", "is empty"))
            elif name in outputs and not _is_number(row[name]):
                problems.append(Problem(f"line {line}, {name}", f"{row[name]!r} is not a number"))
    if problems:
        raise FileError(str(path), problems[:20])
    numeric = {name for name in (*inputs, *outputs) if all(_is_number(row[name]) for row in rows)}
    return [{n: float(row[n]) if n in numeric else row[n] for n in (*inputs, *outputs)} for row in rows]


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False
