"""Real records to be given away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.histories import record_sample

HERE = Path(__file__).parent
ORACLES = Path(__file__).parents[3] / ".venv-conformance" / "bin" / "python"
"""Made by hand from conformance.txt: validators whose own dependencies do not go with labctl's."""


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with samples S-1 and S-2; not to be written to."""
    folder = tmp_path_factory.mktemp("recorded") / "store"
    record_sample(folder)
    return folder


@pytest.fixture
def store(recorded: Path, tmp_path: Path) -> Path:
    """The same, to be written to."""
    return Path(shutil.copytree(recorded, tmp_path / "store"))


@pytest.fixture
def with_policy(store: Path) -> Callable[..., list[str]]:
    """Return what gives the runs of a kind another policy, as if the lab file had said so."""

    def change(kind: str, **policy: Any) -> list[str]:
        changed = []
        for file in (store / "journal").glob("*.jsonl"):
            first, rest = file.read_text().split("\n", 1)
            name, start = json.loads(first)
            if start["operation"] == kind:
                start["policy"] = {**start["policy"], **policy}
                file.write_text(json.dumps([name, start]) + "\n" + rest)
                changed.append(start["uid"])
        return changed

    return change


@pytest.fixture
def oracle() -> Callable[..., str]:
    """Return what runs a validator in its own environment and gives what it prints."""
    python = Path(os.environ.get("LABCTL_ORACLES", ORACLES))
    if not python.exists():
        pytest.skip("no validators: python -m venv .venv-conformance, then install conformance.txt in it")

    def run(script: str, *arguments: object) -> str:
        command = [str(python), str(HERE / script), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, env={"HOME": os.environ["HOME"]})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
