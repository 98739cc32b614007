"""A short campaign to rehearse: thin films, and no furnace unless it is asked for."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.laboratory import EXAMPLE

DEPOSIT = {
    "name": "deposit",
    "operation": "sputter",
    "power": "200 W",
    "argon_flow": "20 sccm",
    "oxygen_flow": "0.3 sccm",
    "thickness": "20 nm",
    "presputter": "10 s",
    "settle": "10 s",
}
HEAT = {"name": "heat", "operation": "anneal", "temperature": "120 degC", "ramp_rate": "20 K/min", "dwell": "2 min"}
LOOK = {"name": "look", "operation": "measure_transmittance", "wavelength": "550 nm"}


def write_campaign(folder: Path, operations=(DEPOSIT, LOOK), trials=2, **lab_changes) -> Path:
    """Write a campaign with its files into a folder; return the campaign file."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(EXAMPLE / "substrates.csv", folder)
    lab = yaml.safe_load((EXAMPLE / "lab.yaml").read_text()) | lab_changes
    campaign = {
        "campaign": "short",
        "lab": "lab.yaml",
        "recipe": "recipe.yaml",
        "seed": 4,
        "space": [{"name": "power", "field": "deposit.power", "low": "150 W", "high": "290 W"}],
        "objectives": [
            {
                "name": "clear",
                "direction": "maximize",
                "expression": "t",
                "inputs": {"t": "look.transmittance"},
            }
        ],
        "budget": {"trials": trials},
        "optimizer": {"engine": "sobol"},
    }
    recipe = {"recipe": "short", "operations": list(operations)}
    for name, content in (("lab", lab), ("campaign", campaign), ("recipe", recipe)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "campaign.yaml"


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return write_campaign(tmp_path / "files")
