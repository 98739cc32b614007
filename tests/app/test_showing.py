"""What commands print for people and for other programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl.app._commands import command_line
from labctl.app._values import figures_text, values_text
from labctl.objectives import InputOf, Objective
from labctl.trials import Candidates, Categorical, Continuous, SearchSpace

SPACE = SearchSpace((Continuous("power", 40, 250, "W"), Categorical("dwell", ("10 min", "1 h"))))


def test_values_have_their_units() -> None:
    assert values_text({"power": 136.3084, "dwell": "10 min"}, SPACE, 4) == "power 136.3 W, dwell 10 min"
    assert values_text({"n": 6.0}, Candidates(("n",), ({"n": 6.0},)), 4) == "n 6"
    merit = Objective("merit", "maximize", "t", {"t": InputOf("a", "b")}, None, "1/ohm")
    assert figures_text({"merit": 0.0150301}, [merit]) == "merit 0.01503 1/ohm"


def test_a_row_that_another_program_reads_is_one_line(
    recorded_sample: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    folder, uids = recorded_sample
    shown = CliRunner().invoke(command_line, ["runs", str(folder)]).stdout.splitlines()
    assert len(shown) == 1 + len(uids)
    monkeypatch.setenv("COLUMNS", "80")
    narrow = CliRunner().invoke(command_line, ["runs", str(folder)]).stdout
    assert all(uid[:8] in narrow for uid in uids)
    assert narrow.count("2023-11-14 ") == len(uids), "date and time stay together"
