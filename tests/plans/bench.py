"""A laboratory of one station for one kind of operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labctl.lab import LabFile
from tests.laboratory import SCHEMAS, Laboratory

USUAL = {"FlowController": "AlicatMC", "LinearStage": "NewportESP300", "VacuumGauge": "PfeifferTPG362"}
"""The class of a device where an operation takes several, and none is named."""


def bench(
    kind: str,
    faults: Sequence[Mapping[str, Any]] = (),
    limits: Mapping[str, Mapping[str, list[str]]] | None = None,
    classes: Mapping[str, str] | None = None,
) -> Laboratory:
    """Return a laboratory whose one station, ``bench``, offers a kind of operation; devices are named by their roles.

    Args:
        kind: of operation.
        faults: of the simulated instruments, as lab files have them.
        limits: of signals, by role.
        classes: of devices, by role, where the operation takes several.
    """
    roles = SCHEMAS[kind].roles
    devices = {
        role: {
            "class": (classes or {}).get(role, USUAL.get(name, name)),
            "address": f"ASRL{number}::INSTR",
            "limits": (limits or {}).get(role, {}),
        }
        for number, (role, name) in enumerate(roles.items(), 1)
    }
    file = LabFile.model_validate(
        {
            "lab": "bench",
            "operator": "nobody",
            "devices": devices,
            "stations": {"bench": {"operations": {kind: {role: role for role in roles}}}},
            "racks": {"rack": 4},
            "simulated": {"faults": list(faults)},
        }
    )
    return Laboratory(file=file)
