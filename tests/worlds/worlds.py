"""A laboratory whose instruments other libraries speak to, on real time and real local connections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from bluesky.utils import RunEngineInterrupted

from labctl.clock import RealClock
from labctl.engine import LabRunEngine, ScanIds
from labctl.lab import LabFile, build_lab, read_lab
from plans import OPERATIONS
from tests.laboratory import SCHEMAS

HOT_PLATE = {
    "instrument": "HotPlate",
    "protocol": "epics",
    "maker": "Example",
    "models": ["HP-1"],
    "identity": "ID",
    "source": "tests/worlds/ioc.py",
    "safe_state": "Heater off.",
    "make_safe": {"heater": 0},
    "process": ["temperature"],
    "signals": {
        "setpoint": {"at": "SP", "set": True, "unit": "degC", "limits": ["20 degC", "300 degC"]},
        "heater": {"at": "HEAT", "set": True, "type": "integer", "limits": [0, 1]},
        "temperature": {"at": "T", "unit": "degC", "kind": "hinted"},
    },
}
ROLES = {"take_readings": "instrument", "apply_settings": "instrument"}


def written(
    folder: Path, instrument: Mapping[str, Any], address: str, operations: Mapping[str, str], **more: Any
) -> LabFile:
    """Write an instrument file and a lab file with one such device, ``thing``, into a folder; return the checked one.

    Args:
        folder: for the files.
        instrument: content of the instrument file.
        address: of the device.
        operations: that the one station, ``bench``, offers, with the role of the device.
        more: entries of the lab file, in the place of others.
    """
    (folder / "thing.yaml").write_text(yaml.safe_dump(dict(instrument)))
    content = {
        "lab": "worlds",
        "operator": "nobody",
        "backend": "@py",
        "devices": {"thing": {"class": "thing.yaml", "address": address}},
        "stations": {"bench": {"operations": {kind: {role: "thing"} for kind, role in operations.items()}}},
        "racks": {"rack": 1},
    }
    (folder / "lab.yaml").write_text(yaml.safe_dump({**content, **more}))
    return read_lab(folder / "lab.yaml", SCHEMAS)


class World:
    """One engine over the devices of a lab file; `documents` holds what was recorded."""

    def __init__(self, file: LabFile) -> None:
        self.clock = RealClock()
        self.lab = build_lab(file, self.clock, SCHEMAS)
        self.documents: list[tuple[str, dict[str, Any]]] = []
        md = {**self.lab.metadata.model_dump(), "station": "bench"}
        self.engine = LabRunEngine(self.clock, md, ScanIds(), lambda *pair: self.documents.append(pair))

    @property
    def thing(self) -> Any:
        return self.lab.devices["thing"]

    def run(self, kind: str, **parameters: Any) -> dict[str, Any]:
        """Do an operation; return the stop document. A failure is in it, not raised."""
        station = self.lab.stations["bench"]
        plan = OPERATIONS[kind](*station.operations[kind], ["S-1"], events=station.events, **parameters)
        try:
            self.engine(plan)
        except (Exception, RunEngineInterrupted) as error:
            self.raised = error
        return self.documents[-1][1]

    def rows(self, stream: str) -> list[dict[str, Any]]:
        names = {d["uid"]: d["name"] for name, d in self.documents if name == "descriptor"}
        return [d["data"] for name, d in self.documents if name == "event" and names[d["descriptor"]] == stream]

    def close(self) -> None:
        self.engine.close()
        self.lab.close()
