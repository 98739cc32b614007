"""A campaign's folder is whole: it is read again without the files that it was started from."""

from __future__ import annotations

from pathlib import Path

from labctl.app._campaign_folder import FILES, keep_files
from labctl.campaign import check_campaign
from labctl.lab import read_lab
from tests.laboratory import SCHEMAS

EXAMPLE = Path(__file__).parents[2] / "examples" / "sol_gel" / "campaign.yaml"


def test_instrument_files_are_kept_with_the_campaign(tmp_path: Path) -> None:
    keep_files(check_campaign(EXAMPLE, SCHEMAS), tmp_path)
    kept = tmp_path / FILES
    file = read_lab(kept / "lab.yaml", SCHEMAS)
    assert file.devices["shutter"].kind == str(kept / "instrument_1_shutter.yaml")
    assert check_campaign(kept / "campaign.yaml", SCHEMAS).lab.devices.keys() == file.devices.keys()
