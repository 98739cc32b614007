"""A person's recipe becomes a point of the campaign's space, or one clear line says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.campaign import CheckedCampaign, check_campaign, read_candidate
from labctl.errors import FileError
from tests.laboratory import EXAMPLE, SCHEMAS

RECIPE = (EXAMPLE / "recipe.yaml").read_text()
MINE = RECIPE.replace("100 W", "0.12 kW").replace("45 min", "1800 s").replace("350 degC", "693.15 K")
TABLES = Path(__file__).parents[3] / "examples" / "table"


@pytest.fixture(scope="module")
def checked() -> CheckedCampaign:
    return check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS)


def test_a_recipe_gives_the_parameters_in_the_campaigns_units(checked: CheckedCampaign, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    point = read_candidate(file, checked)
    assert point["dwell"] == "30 min", "a choice is what the campaign file says"
    assert point["temperature"] == pytest.approx(420.0)
    assert {name: point[name] for name in ("power", "oxygen", "thickness", "ramp")} == {
        "power": 120.0,
        "oxygen": 0.3,
        "thickness": 150.0,
        "ramp": 8.0,
    }
    checked.recipe(point)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("0.12 kW", "20 W", "deposit.power: power=20.0 is not a number in 40..250 W"),
        ("1800 s", "45 min", "heat.dwell: dwell="),
        (
            "argon_flow: 20",
            "argon_flow: 21",
            "operations[0].argon_flow: is 21.0 sccm; the campaign does not vary it from 20",
        ),
        ("name: heat", "name: warm", "operations: must be deposit, transmittance_as_deposited, heat, resistance,"),
        ("1 mA", "1 V", "operations[3].current: 1 V cannot be given in"),
    ],
)
def test_what_cannot_be_tried_is_told(old: str, new: str, told: str, checked: CheckedCampaign, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert old in MINE
    file.write_text(MINE.replace(old, new))
    with pytest.raises(FileError) as error:
        read_candidate(file, checked)
    assert str(error.value).startswith(f"{file}: {told}")


def test_a_row_of_a_table_is_named_by_its_number(tmp_path: Path) -> None:
    table, file = tmp_path / "table.csv", tmp_path / "mine.yaml"
    table.write_text("n,theta,r,t,toughness\n6,0,1.5,0.7,1.1\n8,25,1.5,0.7,4.5\n")
    checked = check_campaign(TABLES / "crossed_barrel.yaml", SCHEMAS, table)
    recipe = (TABLES / "recipe.yaml").read_text()
    for row, told in ((1, ""), (7, "crush.row: row 7 is not in 0..1")):
        file.write_text("\n".join(f"    row: {row}" if "row:" in line else line for line in recipe.splitlines()))
        if told:
            with pytest.raises(FileError, match=r"crush\.row: row 7 is not in 0\.\.1"):
                read_candidate(file, checked)
        else:
            assert read_candidate(file, checked) == {"n": 8.0, "theta": 25.0, "r": 1.5, "t": 0.7, "_row": 1}


def test_a_pool_finds_the_row_that_a_recipe_means(tmp_path: Path) -> None:
    for name in ("lab.yaml", "recipe.yaml", "substrates.csv"):
        if (EXAMPLE / name).exists():
            (tmp_path / name).write_text((EXAMPLE / name).read_text())
    (tmp_path / "pool.csv").write_text("power_W,anneal_degC\n100,300\n120,420\n")
    campaign = (EXAMPLE / "campaign.yaml").read_text()
    head, tail = campaign[: campaign.index("space:")], campaign[campaign.index("objectives:") :]
    columns = "[{column: power_W, field: deposit.power}, {column: anneal_degC, field: heat.temperature}]"
    (tmp_path / "campaign.yaml").write_text(f"{head}space: {{table: pool.csv, inputs: {columns}}}\n{tail}")
    checked = check_campaign(tmp_path / "campaign.yaml", SCHEMAS)
    file = tmp_path / "mine.yaml"
    file.write_text(RECIPE.replace("100 W", "0.12 kW").replace("350 degC", "420 degC"))
    assert read_candidate(file, checked) == {"power_W": 120.0, "anneal_degC": 420.0, "_row": 1}
    file.write_text(RECIPE)
    with pytest.raises(FileError, match="no row of the table has power_W 100"):
        read_candidate(file, checked)
