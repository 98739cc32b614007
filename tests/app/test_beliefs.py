"""What an optimizer expects, as a person reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from labctl.app._belief_text import diagnosis_rows, explanation_rows, outlook_rows
from labctl.app._commands import command_line
from labctl.app._report_model import model_section
from labctl.app._showing_beliefs import show_beliefs
from labctl.campaign import CheckedCampaign, Told, check_campaign
from labctl.errors import RegistryError
from labctl.objectives import InputOf, Objective
from labctl.optimize import make_optimizer
from labctl.records import TrialRecord
from labctl.trials import Categorical, Continuous, Outcome, SearchSpace
from tests.laboratory import EXAMPLE, SCHEMAS

SPACE = SearchSpace((Continuous("oxygen", 0.02, 2.0, "sccm", "log"), Categorical("dwell", ("10 min", "1 h"))))
TABLES = Path(__file__).parents[2] / "examples" / "table"
INPUT = {"a": InputOf("measure", "value")}
OBJECTIVES = (Objective("merit", "maximize", "a", INPUT, unit="1/ohm"), Objective("haze", "minimize", "a", INPUT))


def found(objectives: tuple[Objective, ...]) -> tuple[Told, CheckedCampaign, list[TrialRecord]]:
    """Return a campaign of nine trials, the last of which failed."""
    optimizer: Any = make_optimizer("gp", SPACE, objectives, 1, {})
    trials, best = [], None
    for number in range(9):
        (point,) = optimizer.suggest()
        values = {name: point[name] for name in SPACE.names}
        if number == 8:
            outcome = Outcome(point["_id"], values, {}, "failed", "it is an <open> film")
            optimizer.register_failures([point])
        else:
            merit = 1.0 - (values["oxygen"] - 0.5) ** 2 + 0.1 * (values["dwell"] == "1 h")
            figures = {"merit": merit, "haze": values["oxygen"]}
            outcome = Outcome(point["_id"], values, {o.name: figures[o.name] for o in objectives}, "completed")
            optimizer.ingest([{**point, **outcome.objectives}])
            best = outcome if best is None or merit > best.objectives["merit"] else best
        trials.append(TrialRecord(outcome.trial, f"s-{number}", values, {}, (), outcome))
    checked = replace(check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS), space=SPACE, objectives=objectives)
    return Told(optimizer, best, {}), checked, trials


def test_an_expectation_is_told_beside_what_was_measured() -> None:
    told, _, _ = found(OBJECTIVES[:1])
    optimizer: Any = told.optimizer
    (about,) = optimizer.explain([{"_id": "T0003"}])
    rows = dict(explanation_rows(about, OBJECTIVES[:1], {"merit": 99.0}, "T0001"))
    assert rows["merit"].startswith("expected ") and rows["merit"].endswith("measured 99, higher than expected")
    assert "to be better than T0001" in rows["probability"] and "% to complete" in rows["probability"]
    assert rows["leans on"].startswith("T0003 ")
    rows = dict(diagnosis_rows(optimizer.diagnose(), OBJECTIVES[:1]))
    assert rows["model"].startswith("8 trials") and "noise" in rows["model"] and rows["model"].endswith("1/ohm")
    assert "oxygen" in rows["what matters"]
    rows = dict(outlook_rows(optimizer.outlook(), 2.0))
    assert "2 lab h a trial" in rows["left to gain"] and "1/ohm an hour" in rows["left to gain"]
    assert rows["advice"].startswith(("go on", "stop: "))


@pytest.mark.slow
@pytest.mark.parametrize(("objectives", "n_pictures"), [(OBJECTIVES[:1], 2), (OBJECTIVES, 6)])
def test_a_report_shows_the_model_and_with_several_objectives_the_front(
    objectives: tuple[Objective, ...], n_pictures: int
) -> None:
    told, checked, trials = found(objectives)
    text = model_section(told, checked, trials)
    assert text.count("<img ") == n_pictures
    assert ("Pareto front" in text) == ("hypervolume by trial" in text) == (len(objectives) > 1)
    assert "left to gain" in text and "advice" in text
    assert model_section(told, checked, trials[:2]) == "" or len(objectives) > 1  # too few to say anything


@pytest.mark.slow
def test_a_trial_that_is_not_there_and_an_engine_without_a_model_are_told(
    recorded_campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RegistryError, match="no trial 'T0009'; did you mean 'T0001'"):
        show_beliefs(recorded_campaign, "T0009")
    show_beliefs(recorded_campaign, "T0001")
    told = capsys.readouterr().out
    assert "by random, which has no model that can be asked" in told and "measured" in told


@pytest.fixture(scope="module")
def recorded_campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table's campaign of one trial with an engine that learns nothing."""
    folder = tmp_path_factory.mktemp("random")
    for file in TABLES.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "table.csv").write_text("n,theta,r,t,toughness\n6,0,1.5,0.7,1.1\n8,25,1.5,0.7,4.5\n")
    text = (folder / "crossed_barrel.yaml").read_text()
    text = text.replace("trials: 40", "trials: 1").replace("engine: gp", "engine: random")
    (folder / "crossed_barrel.yaml").write_text(text)
    out = folder / "store"
    words = ["campaign", "run", str(folder / "crossed_barrel.yaml"), "--table", str(folder / "table.csv")]
    assert CliRunner().invoke(command_line, [*words, "--out", str(out)]).exit_code == 0
    return out
