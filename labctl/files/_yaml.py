"""YAML without its traps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml
from typing_extensions import override

from labctl.errors import FileError, Problem
from labctl.files._problems import shown
from labctl.files._read import read_text

_TAG = "tag:yaml.org,2002:"
_NUMBERS = [
    (f"{_TAG}int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")),
    (f"{_TAG}float", re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$")),
    (f"{_TAG}float", re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$")),
]


class _StrictLoader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """A safe loader without YAML's traps.

    A key given twice is a problem (YAML would silently keep the last); keys are text; dates stay text; only true and
    false are booleans (YAML 1.1 has ``no`` and ``off`` too, which are also names); numbers are decimal (1:30 would be
    90, and 010 would be 8).
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [
            *(_NUMBERS if first in "-+.0123456789" else ()),
            *(
                (tag, pattern)
                for tag, pattern in resolvers
                if tag in (f"{_TAG}null", f"{_TAG}merge") or (tag == f"{_TAG}bool" and first in "tTfF")
            ),
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors: ClassVar = {
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(_TAG) in ("null", "bool", "int", "float", "str", "seq", "map")
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.problems: list[Problem] = []

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == f"{_TAG}merge":
                continue
            if key.tag != f"{_TAG}str":
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen:
                self.problems.append(Problem(_line(key.start_mark), f"{key.value!r} is given twice"))
            seen.add(key.value)
        result: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return result


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file that holds a mapping.

    Raises:
        FileError: it cannot be read, is empty, is not YAML or no mapping, or gives a key twice; with the line.
    """
    text = read_text(path)
    try:
        content, problems = _load(text)
    except yaml.MarkedYAMLError as error:
        raise FileError(str(path), [_syntax_problem(error, text)]) from error
    except yaml.reader.ReaderError as error:
        where = f"line {text.count(chr(10), 0, error.position) + 1}"
        raise FileError(str(path), [Problem(where, f"character {chr(error.character)!r} is not allowed")]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FileError(str(path), [Problem("", f"not valid YAML: {' '.join(str(error).split())}")]) from error
    if not problems and not isinstance(content, dict):
        text = "is empty" if content is None else f"must be a mapping (key: value), not {shown(content)}"
        problems = [Problem("", text)]
    if problems:
        raise FileError(str(path), problems)
    return content


class _Writer(yaml.SafeDumper):
    """A writer that puts in quotes whatever a reader, strict or not, would take for no text."""

    yaml_implicit_resolvers: ClassVar = {  # type: ignore[misc]  # a class variable in truth
        first: [*_StrictLoader.yaml_implicit_resolvers.get(first, ()), *resolvers]
        for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }


def yaml_text(content: Mapping[str, Any]) -> str:
    """Return the text of a YAML file that `read_yaml` reads back as it is."""
    return yaml.dump(content, Dumper=_Writer, sort_keys=False, allow_unicode=True)


def _load(text: str) -> tuple[Any, list[Problem]]:
    loader = _StrictLoader(text)
    try:
        return loader.get_single_data(), loader.problems
    finally:
        loader.dispose()


def _line(mark: yaml.Mark) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> Problem:
    """Say in words what the parser stumbled over."""
    mark, began, words = error.problem_mark, error.context_mark, str(error.problem)
    if mark is None:
        return Problem("", f"not valid YAML: {' '.join(str(error).split())}")
    character = text[mark.index : mark.index + 1]
    if character == "\t" or "found a tab" in words:
        words = "indent with spaces, not with a tab"
    elif "cannot start any token" in words:
        words = f"a value cannot begin with {character!r}; put the text in quotes"
    elif "mapping values are not allowed" in words:
        words = "a ':' too many, or an indentation that does not fit; put text that holds ': ' in quotes"
    elif began is not None and began.line < mark.line:
        words += f" ({error.context} that begins in line {began.line + 1})"
    return Problem(_line(mark), f"not valid YAML: {words}")
