"""The commands that search the records."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT, STORE_FAILED


@pytest.fixture(scope="module")
def folder(recorded_sample: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the recorded store, with its index of facts beside it."""
    copy = tmp_path_factory.mktemp("records") / "store"
    shutil.copytree(recorded_sample[0], copy)
    return copy


def labctl(*words: object) -> Result:
    return CliRunner().invoke(command_line, ["records", *map(str, words)])


def rows(result: Result) -> list[list[str]]:
    """Return the cells of a printed table, its head first; two spaces or more part them."""
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()[:-1]
    return [[cell for cell in line.split("  ") if cell.strip()] for line in lines]


def test_search_shows_samples_with_units_in_the_head(folder: Path) -> None:
    head, *found = rows(labctl("search", folder, "asked.anneal.temperature > 373 K and station = furnace_a"))
    assert [cell.strip() for cell in head] == [
        "sample",
        "time [UTC]",
        "status",
        "asked.anneal.temperature [degC]",
        "station",
    ]
    assert [line[0].strip() for line in found] == ["S-1", "S-2"]
    assert found[0][3].strip() == "120"
    assert found[0][2].strip() == "fail", "one of its runs failed"


def test_search_by_run_with_chosen_columns(folder: Path, recorded_sample: tuple[Path, list[str]]) -> None:
    result = labctl("search", folder, "kind = anneal", "--by", "run", "--columns", "asked.anneal.dwell, station")
    head, *found = rows(result)
    assert head[-1].strip() == "asked.anneal.dwell [min]"
    assert {line[1].strip() for line in found} == {recorded_sample[1][1]}
    assert result.stdout.endswith("2 found\n")


def test_search_writes_csv_with_a_line_of_units(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    columns = "result.*.sheet_resistance"
    result = labctl("search", folder, "sample = S-1", "--columns", columns, "--csv", file)
    assert result.stdout == f"{file}: 1 rows\n"
    head, units, row = csv.reader(file.read_text(encoding="utf-8").splitlines())
    told = {name: (unit, value) for name, unit, value in zip(head, units, row, strict=True)}
    assert told["sample"] == ("", "S-1")
    unit, value = told["result.measure_sheet_resistance.sheet_resistance"]
    assert unit == "ohm" and float(value) > 0


def test_several_stores_are_searched_at_once(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    head, *found = rows(labctl("search", folder, other, "sample = S-2"))
    assert head[0].strip() == "store"
    assert {line[0].strip() for line in found} == {str(folder), str(other)}


def test_facts_lists_the_keys_that_fit(folder: Path) -> None:
    head, *found = rows(labctl("facts", folder, "asked.anneal"))
    assert [cell.strip() for cell in head] == ["key", "unit", "samples"]
    assert ["asked.anneal.temperature", "degC", "2"] in [[cell.strip() for cell in line] for line in found]
    assert all(line[0].startswith("asked.anneal.") for line in found)
    ends = [line[0].strip() for line in rows(labctl("facts", folder, "*.max", "--by", "run"))[1:]]
    assert ends and all(key.endswith(".max") for key in ends)


def test_nearest_says_where_samples_differ(folder: Path) -> None:
    head, *found = rows(labctl("nearest", folder, "S-1"))
    assert [cell.strip() for cell in head] == ["sample", "distance", "differs"]
    assert found[0][0].strip() == "S-2"
    assert "none" in found[0][2], "S-2 was never in the sputter chamber"


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (("search", "STORE", "asked.anneal.temprature > 3 K"), "did you mean 'asked.anneal.temperature'?", BAD_INPUT),
        (("search", "STORE", "asked.anneal.temperature > 3 nm"), "3 nm cannot be given in degC", BAD_INPUT),
        (("search", "STORE", "station ="), "query: the end: expected a value after 'station ='", BAD_INPUT),
        (("search", "STORE", "", "--columns", "asked.aneal.dwell"), "columns: unknown key", BAD_INPUT),
        (("search", "STORE"), "give at least one folder and a query", BAD_INPUT),
        (("search", "NOWHERE", ""), "is no store", STORE_FAILED),
        (("nearest", "STORE", "S-11"), "did you mean 'S-1'?", STORE_FAILED),
        (("nearest", "STORE", "S-1", "--same-composition", "--by", "asked", "--n", "0"), "Invalid value", BAD_INPUT),
        (("nearest", "STORE", "S-2", "--same-composition"), "the composition of S-2 was not recorded", STORE_FAILED),
        (("facts", "NOWHERE"), "is no store", STORE_FAILED),
        (("search", "STORE", "", "--csv", "NOWHERE/a.csv"), "No such file or directory", STORE_FAILED),
    ],
)
def test_a_mistake_gives_a_clear_message(
    folder: Path, tmp_path: Path, words: tuple[str, ...], message: str, code: int
) -> None:
    named = [word.replace("STORE", str(folder)).replace("NOWHERE", str(tmp_path / "nowhere")) for word in words]
    result = labctl(*named)
    assert result.exit_code == code
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
