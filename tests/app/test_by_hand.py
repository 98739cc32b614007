"""Searches by hand: the table is all that is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT
from labctl.campaign import TrialTable, read_search
from tests.laboratory import EXAMPLE

SEARCH = """
space:
  - {name: speed, low: 0.5 krpm, high: 6000 rpm}
  - {name: heat, low: 150 degC, high: 450 degC, step: 10 degC}
  - {name: layers, low: 1, high: 5}
  - {name: dose, low: 0.001, high: 10, scale: log}
  - {name: solvent, values: [ethanol, 2-propanol]}
objectives:
  - {name: resistance, direction: minimize, unit: ohm, target: 20}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "film.yaml").write_text(SEARCH)
    return tmp_path / "film.yaml", tmp_path / "trials.csv"


def call(*words: object) -> Result:
    return CliRunner().invoke(command_line, ["optimize", *map(str, words)])


def test_units_scales_and_whole_numbers_are_those_that_were_written(files: tuple[Path, Path]) -> None:
    speed, heat, layers, dose, solvent = read_search(files[0]).space.parameters
    assert (speed.low, speed.high, speed.unit) == (0.5, 6.0, "krpm")
    assert (heat.step, heat.unit, type(layers).__name__, dose.scale) == (10.0, "degC", "Integer", "log")
    assert solvent.values == ("ethanol", "2-propanol")


def test_constraints_hold_and_a_prior_leads(files: tuple[Path, Path]) -> None:
    search, table = files
    rows = [f"0.5,150,{n},{d},ethanol,{100 - 10 * n}" for n in (1, 2, 5) for d in (0.01, 1)]
    (search.parent / "simulated.csv").write_text("speed,heat,layers,dose,solvent,resistance\n" + "\n".join(rows))
    more = "constraints: [speed * layers <= 10]\nprior: simulated.csv\nobjectives:"
    search.write_text(SEARCH.replace("objectives:", more))
    about = read_search(search)
    points = TrialTable(table, about).suggest(6)
    assert all(point["speed"] * point["layers"] <= 10 for point in points)
    assert len(about.prior) == 6 and points[0]["layers"] == 5, "the prior's best is tried first"


@pytest.mark.slow
def test_the_same_table_gives_the_same_next_trials(files: tuple[Path, Path]) -> None:
    search, table = files
    assert call("suggest", search, table, "-n", "3").exit_code == 0
    for trial, came in (("T0002", "resistance=0.1kohm"), ("T0001", "resistance=70"), ("T0003", "resistance=55")):
        assert call("ingest", search, table, trial, came).exit_code == 0
    before = table.read_text()
    first = call("suggest", search, table).stdout
    table.write_text(before)
    again = TrialTable(table, read_search(search)).suggest(1)
    assert first.startswith(f"T0004  speed {again[0]['speed']:.6g} krpm") and table.read_text() != before
    told = call("ingest", search, table, "T0004", "--failed", "cracked").stdout
    assert "3 completed, 1 failed, 0 on their way" in told and "best          T0003: resistance 55 ohm" in told
    assert "advice" in told and "left to gain" in told


def test_rows_and_columns_of_ones_own_are_kept(files: tuple[Path, Path]) -> None:
    search, table = files
    table.write_text(
        "date,trial,solvent,layers,heat [degC],speed [krpm],dose,resistance [ohm]\n"
        "May 3,,ethanol,2,200,0.8,0.1,19\nMay 4,T0007,ethanol,3,210,0.8,0.1,\n"
    )
    told = call("ingest", search, table).stdout
    assert "1 completed, 0 failed, 1 on their way" in told
    assert "stop: trial T0008 reached resistance <= 20 ohm" in told
    assert call("suggest", search, table).stdout.startswith("T0009")
    lines = table.read_text().splitlines()
    assert lines[0].startswith("date,trial,") and lines[0].endswith(",failed")
    assert lines[1] == "May 3,T0008,ethanol,2,200,0.8,0.1,19," and lines[3].startswith(",T0009,")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            "T0001,0.8,200,2,0.1,water,5,",
            "line 2: trial T0001: solvent: solvent='water' is none of 'ethanol', '2-propanol'",
        ),
        ("T0001,fast,200,2,0.1,ethanol,5,", "line 2: speed 'fast' is not a number"),
        ("T0001,0.8,,2,0.1,ethanol,5,", "line 2: heat is empty"),
        ("T0001,0.8,200,2,0.1,ethanol,inf,", "line 2: resistance 'inf' is not a number"),
        ("T0001,0.8,200,2,0.1,ethanol,5", "line 2: has 7 cells; the header has 8"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(row: str, told: str, files: tuple[Path, Path]) -> None:
    search, table = files
    table.write_text(f"trial,speed,heat,layers,dose,solvent,resistance,failed\n{row}\n")
    done = call("suggest", search, table)
    assert done.exit_code == BAD_INPUT and done.stderr.splitlines() == [f"{table}: {told}"]
    assert table.read_text().endswith(f"{row}\n"), "nothing was written"


def test_a_column_in_another_unit_or_missing_is_refused(files: tuple[Path, Path]) -> None:
    search, table = files
    table.write_text("trial,speed [rpm],heat,layers,dose,solvant,resistance,failed\n")
    assert call("suggest", search, table).stderr.splitlines() == [
        f"{table}: line 1, speed [rpm]: speed is in krpm here",
        f"{table}: line 1: no column 'solvent'; did you mean 'solvant'?",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["T0009", "resistance=1"], "trial 'T0009' is not on its way; did you mean 'T0001'?"),
        (["T0001", "resistence=1"], "nobody seeks 'resistence'; did you mean 'resistance'?"),
        (["T0001", "resistance=3V"], "resistance=3V: 3 V cannot be given in ohm"),
        (["T0001", "resistance=nan"], "resistance=nan is not a finite number; say --failed where nothing was measured"),
        (["T0001"], "say what was measured of T0001 (NAME=VALUE), or why it failed (--failed)"),
    ],
)
def test_what_was_measured_must_make_sense(words: list[str], told: str, files: tuple[Path, Path]) -> None:
    call("suggest", *files)
    done = call("ingest", *files, *words)
    assert (done.exit_code, done.stderr) == (BAD_INPUT, f"{told}\n")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("low: 0.5 krpm", "low: 5 V", "space[0]: 6000 rpm cannot be given in V"),
        ("low: 1, ", "", "space[2]: needs low and high, or values"),
        ("low: 0.001", "low: 0.0", "space[3]: dose: a logarithmic scale needs low > 0, not 0.0"),
        (
            "objectives:",
            "constraints: [layers + dose]\nobjectives:",
            "constraints[0]: 'layers + dose' must compare two",
        ),
        ("objectives:", "prior: nothing.csv\nobjectives:", ""),
        ("direction: minimize", "direction: small", "objectives[0].direction: "),
        ("objectives:", "optimizer: {engine: gauss}\nobjectives:", "unknown engine 'gauss'; known: "),
    ],
)
def test_a_wrong_search_file_is_told(old: str, new: str, told: str, files: tuple[Path, Path]) -> None:
    search, table = files
    assert old in SEARCH
    search.write_text(SEARCH.replace(old, new))
    done = call("suggest", search, table)
    where = f"{search}: {told}" if told else f"{search.parent / 'nothing.csv'}: no such file"
    assert done.exit_code == BAD_INPUT and done.stderr.startswith(where) and not table.exists()


def test_a_pool_or_a_campaign_file_will_do(tmp_path: Path) -> None:
    (tmp_path / "shelf.csv").write_text("copper,kind\n0.1,a\n0.5,b\n0.5,b\n")
    search, table = tmp_path / "shelf.yaml", tmp_path / "trials.csv"
    search.write_text(
        "space: {table: shelf.csv, inputs: [copper, kind]}\nobjectives: [{name: y, direction: maximize}]\n"
    )
    told = call("suggest", search, table, "-n", "3").stdout.splitlines()
    assert len(told) == 3 and told[2] == "nothing more is left to try: no row of the pool is left to try"
    told = call("suggest", EXAMPLE / "campaign.yaml", tmp_path / "ito.csv").stdout
    assert told.startswith("T0001  power ") and "dwell" in told
