"""The simulated laboratory for tests: real drivers, engine and plans on simulated time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bluesky.utils import RunEngineInterrupted

from labctl.app._running import catch_up
from labctl.campaign import Campaign, CheckedCampaign, Floor
from labctl.clock import VirtualClock
from labctl.engine import LabRunEngine, ScanIds
from labctl.lab import Lab, LabFile, build_lab, read_lab
from labctl.recipes import OperationSchema
from labctl.store import Store
from plans import OPERATIONS

EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"
SCHEMAS: dict[str, OperationSchema] = {kind: plan.schema for kind, plan in OPERATIONS.items()}
Document = tuple[str, dict[str, Any]]


def example_lab(faults: Sequence[Mapping[str, Any]] = (), **changes: Any) -> LabFile:
    """Return the example's lab file, with faults and other changes of its top-level entries."""
    file = read_lab(EXAMPLE / "lab.yaml", SCHEMAS)
    content = file.model_dump(by_alias=True) | {"watch_period": "5 s", "watchdogs": {}, "supervisor": {}} | changes
    content["simulated"] = content["simulated"] | {"faults": list(faults)}
    for key in ("move_time", "measure_time"):
        content["simulated"].pop(key)
    for fault in content["simulated"]["faults"]:
        for key in ("start", "duration"):
            if isinstance(fault.get(key), float):
                fault[key] = f"{fault[key]} s"
    for station in content["stations"].values():
        station["load_wait"] = f"{station['load_wait']} s"
        for key in ("takes", "set_up", "clean_down"):
            station[key] = {kind: f"{value} s" for kind, value in station[key].items()}
    for device in content["devices"].values():
        device["timeout"] = f"{device['timeout']} s"
    return LabFile.model_validate(content)


@dataclass(frozen=True)
class Shared:
    """A laboratory that several campaigns share, each with a store of its own."""

    clock: VirtualClock
    lab: Lab
    floor: Floor
    stores: dict[str, Store]

    def campaign(self, name: str, checked: CheckedCampaign) -> Campaign:
        """Return a campaign on the floor."""
        return Campaign(checked, self.lab, self.stores[name], OPERATIONS, floor=self.floor)


@contextmanager
def shared(chosen: Mapping[str, CheckedCampaign], folder: Path) -> Iterator[Shared]:
    """Open the laboratory of the first of some campaigns for all of them, with what their stores in a folder hold."""
    first = next(iter(chosen.values()))
    clock = VirtualClock(stall_s=30)
    stores = {name: Store.open(folder / name) for name in chosen}
    lab = build_lab(first.lab, clock, SCHEMAS, seed=1, rows=first.rows, plant_memory=folder / "plant.log")
    catch_up(clock, *stores.values())
    floor = Floor(first, lab, OPERATIONS, folder)
    try:
        yield Shared(clock, lab, floor, stores)
    finally:
        floor.close()
        clock.close()
        lab.close()
        for store in stores.values():
            store.close()


class Laboratory:
    """One engine over the example's devices; `documents` holds what was recorded."""

    def __init__(
        self, faults: Sequence[Mapping[str, Any]] = (), seed: int = 1, file: LabFile | None = None, **changes: Any
    ) -> None:
        self.clock = VirtualClock(stall_s=20)
        self.lab: Lab = build_lab(file or example_lab(faults, **changes), self.clock, SCHEMAS, seed=seed)
        self.documents: list[Document] = []
        md = {**self.lab.metadata.model_dump(), "station": "test"}
        self.engine = LabRunEngine(self.clock, md, ScanIds(), self._keep)

    def _keep(self, name: str, document: dict[str, Any]) -> None:
        self.documents.append((name, dict(document)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()
        self.clock.close()
        self.lab.close()

    def put(self, place: str, source: str = "rack.1") -> None:
        """Lay a substrate into a place by hand."""
        assert self.lab.plant is not None
        self.lab.plant.line.move(source, place)

    def film(self, place: str) -> Any:
        """Return the film that lies at a place."""
        assert self.lab.plant is not None
        return self.lab.plant.line.sample_at(place)

    def run(self, kind: str, station: str, **parameters: Any) -> dict[str, Any]:
        """Do an operation; return the stop document. A failure is in it, not raised."""
        plan = OPERATIONS[kind](
            *self.lab.stations[station].operations[kind], ["S-1"], baseline=self.lab.ambient, **parameters
        )
        try:
            self.engine(plan)
        except (Exception, RunEngineInterrupted) as error:
            self.raised = error
        return self.documents[-1][1]

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Return the data of every event of a stream, over all runs."""
        names = {d["uid"]: d["name"] for name, d in self.documents if name == "descriptor"}
        return [d["data"] for name, d in self.documents if name == "event" and names[d["descriptor"]] == stream]
