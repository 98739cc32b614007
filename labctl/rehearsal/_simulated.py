"""The same lab file on simulated instruments."""

from __future__ import annotations

from labctl.campaign import CheckedCampaign
from labctl.errors import FileError, Problem
from labctl.files import read_yaml
from labctl.lab import LabFile, check_lab, has_simulation


def simulated_lab(checked: CheckedCampaign) -> LabFile:
    """Return a campaign's lab file with the backend ``simulated``, whatever backend it has.

    Raises:
        FileError: a device class has no simulation, or something in the file that only a simulation reads is wrong.
    """
    if checked.lab.backend == "simulated":
        return checked.lab
    path = checked.paths["lab"]
    lab, problems = check_lab({**read_yaml(path), "backend": "simulated"}, checked.schemas, path.parent)
    problems += [
        Problem(f"devices.{name}.class", f"{entry.kind} has no simulation; it cannot be rehearsed")
        for name, entry in lab.devices.items()
        if not has_simulation(entry.kind)
    ]
    if problems:
        raise FileError(str(path), problems)
    return lab
