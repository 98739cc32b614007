"""Whatever people write wrongly: every mistake at once, one clear line each, and nothing opened or moved."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT

ROOT = Path(__file__).parents[2]
TABLE = "n,theta,r,t,toughness\n6,0,1.5,0.7,1.1\n6,0,1.5,0.7,1.3\n8,25,1.5,0.7,4.5\n10,50,2.5,1.4,9.5\n"


@dataclass(frozen=True)
class Case:
    """One change to a good example, and the lines on stderr that must come of it."""

    name: str
    file: str
    """Which file is changed, and named at the beginning of each line."""
    old: str
    """Text in it that is replaced; empty to write the whole file anew."""
    new: str | bytes
    lines: tuple[str, ...]
    """What follows the file's name in each line, all of it or its beginning; ``OTHER| text`` names another file."""


def case(name: str, file: str, old: str, new: str | bytes, *lines: str) -> object:
    return pytest.param(Case(name, file, old, new, lines), id=name)


RECIPE = [
    case(
        "tab",
        "recipe.yaml",
        "    power: 100 W",
        "\tpower: 100 W",
        "line 6, column 1: not valid YAML: indent with spaces, not with a tab",
    ),
    case("syntax", "recipe.yaml", "power: 100 W", "power: [100 W", "line 7, column 15: not valid YAML: "),
    case(
        "colon",
        "recipe.yaml",
        "description: ",
        "description: glass: ",
        "line 2, column 19: not valid YAML: a ':' too many",
    ),
    case(
        "not text", "recipe.yaml", "", b"recipe: ito\ndescription: caf\xe9\n", "line 2: is not UTF-8 text (byte 0xe9)"
    ),
    case("binary", "recipe.yaml", "", b"recipe: \x00\n", "line 1: holds a zero byte"),
    case("empty", "recipe.yaml", "", "# nothing yet\n", "is empty"),
    case("list", "recipe.yaml", "", "- sputter\n", "must be a mapping (key: value), not ['sputter']"),
    case(
        "duplicate key",
        "recipe.yaml",
        "    power: 100 W\n",
        "    power: 100 W\n    power: 90 W\n",
        "line 7, column 5: 'power' is given twice",
    ),
    case(
        "duplicate keys",
        "recipe.yaml",
        "recipe: ito\n",
        "recipe: ito\nrecipe: ito\nrecipe: ito\n",
        "line 2, column 1: 'recipe' is given twice",
        "line 3, column 1: 'recipe' is given twice",
    ),
    case(
        "key that is no text",
        "recipe.yaml",
        "recipe: ito",
        "1: ito",
        "line 1, column 1: not valid YAML: a key must be text",
    ),
    case("no value", "recipe.yaml", "recipe: ito", "recipe:", "recipe: must be text, not nothing"),
    case("number for text", "recipe.yaml", "recipe: ito", "recipe: 12", "recipe: must be text, not 12"),
    case("no name", "recipe.yaml", "recipe: ito", "recipe: ''", "recipe: must not be empty"),
    case("missing key", "recipe.yaml", "recipe: ito\n", "", "recipe: is required"),
    case(
        "unknown key",
        "recipe.yaml",
        "description:",
        "descripton:",
        "descripton: unknown key; did you mean 'description'?",
    ),
    case(
        "text for a list",
        "recipe.yaml",
        "",
        "recipe: a\noperations: sputter\n",
        "operations: must be a list, not 'sputter'",
    ),
    case(
        "unknown operation",
        "recipe.yaml",
        "operation: anneal",
        "operation: aneal",
        "operations[2].operation: unknown operation 'aneal'; did you mean 'anneal'?",
    ),
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a campaign over parameters (ito) and one over a table."""
    for source in (ROOT / "labctl/app/ito", ROOT / "examples/table"):
        for file in source.glob("*.yaml"):
            name = {"lab.yaml": "table_lab.yaml", "recipe.yaml": "table_recipe.yaml"}.get(file.name, file.name)
            shutil.copy(file, tmp_path / (name if source.name == "table" else file.name))
    return tmp_path


def labctl(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def assert_lines(result: Result, folder: Path, file: str, lines: tuple[str, ...], code: int = BAD_INPUT) -> None:
    told = result.stderr.splitlines()
    print(result.stderr)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code
    assert "Traceback" not in result.stderr
    for line in lines:
        other, bar, rest = line.partition("| ")
        start = f"{folder / other}: {rest}" if bar else f"{folder / file}: {line}"
        assert any(one.startswith(start) for one in told), f"no line begins with {start!r}"
    assert len(told) == len(lines)


@pytest.mark.parametrize("case", RECIPE)
def test_every_mistake_is_one_clear_line_and_nothing_is_opened(case: Case, files: Path) -> None:
    path = files / case.file
    if case.old:
        text = path.read_text()
        assert text.count(case.old) >= 1
        path.write_text(text.replace(case.old, str(case.new), 1))
    else:
        path.write_bytes(case.new if isinstance(case.new, bytes) else case.new.encode())
    result = labctl("campaign", "run", files / "campaign.yaml", "--out", files / "out")
    assert_lines(result, files, case.file, case.lines)
    assert not (files / "out").exists()
