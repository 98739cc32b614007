"""How much faster than life a campaign is rehearsed, and what the records cost."""

from __future__ import annotations

import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from figures import Report, main, watch

EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"


def measure(report: Report, quick: bool) -> None:
    events(report, 2_000 if quick else 20_000)  # first: a station's engine swaps the process's validators
    with tempfile.TemporaryDirectory() as folder:
        campaign(report, Path(folder), 8 if quick else 32)
        night(report, Path(folder), 4 if quick else 48)


def campaign(report: Report, folder: Path, n_trials: int) -> None:
    from labctl.app._running import check, schemas
    from labctl.campaign import Campaign
    from labctl.clock import VirtualClock
    from labctl.lab import build_lab
    from labctl.store import Store
    from plans import OPERATIONS

    checked = check(EXAMPLE / "campaign.yaml")
    budget = checked.file.budget.model_copy(update={"trials": n_trials})
    checked = replace(checked, file=checked.file.model_copy(update={"budget": budget}))
    store = Store.open(folder / "store")
    clock = VirtualClock()
    lab = build_lab(checked.lab, clock, schemas(), seed=checked.file.seed)
    with watch() as spent:
        ending = Campaign(checked, lab, store, OPERATIONS).run()
    began = time.perf_counter()
    drained = store.drain(60)
    drain_s = time.perf_counter() - began
    store.close()
    clock.close()
    lab.close()
    documents = sum(file.read_bytes().count(b"\n") for file in (folder / "store" / "journal").glob("*.jsonl"))
    bar = "<= 60" if n_trials >= 30 else ""
    report.add(f"campaign of {n_trials} trials: lab time", ending.lab_s / 3600, "h", "> 40" if n_trials >= 30 else "")
    report.add(f"campaign of {n_trials} trials: wall", spent.wall_s, "s", bar)
    report.add(f"campaign of {n_trials} trials: CPU, catalog included", spent.cpu_s, "s")
    report.add("faster than life", ending.lab_s / spent.wall_s, "x")
    report.add("documents, validated and journaled", documents, "")
    report.add("documents a second", documents / spent.wall_s, "1/s")
    report.add("catalog drained after the campaign's end", drain_s if drained else float("inf"), "s", "<= 5")


def night(report: Report, folder: Path, n_trials: int) -> None:
    """Time `labctl campaign rehearse` of a night whose samples share furnace loads: three nights and a drill."""
    import shutil

    import yaml

    from labctl.rehearsal import rehearse
    from plans import OPERATIONS

    files = shutil.copytree(EXAMPLE, folder / "files")
    campaign = yaml.safe_load((files / "campaign.yaml").read_text())
    campaign["space"] = [
        {"name": "power", "field": "deposit.power", "low": "150 W", "high": "250 W"},
        {"name": "oxygen", "field": "deposit.oxygen_flow", "low": "0.1 sccm", "high": "1 sccm", "scale": "log"},
        {"name": "thickness", "field": "deposit.thickness", "low": "60 nm", "high": "150 nm"},
    ]
    campaign |= {"budget": {"trials": n_trials}, "in_flight": 12}
    recipe = yaml.safe_load((files / "recipe.yaml").read_text())
    recipe["operations"][2] |= {"temperature": "250 degC", "ramp_rate": "20 K/min", "dwell": "20 min"}
    for name, content in (("campaign", campaign), ("recipe", recipe)):
        (files / f"{name}.yaml").write_text(yaml.safe_dump(content))
    with watch() as spent:
        found = rehearse(files / "campaign.yaml", OPERATIONS, folder / "nights", seeds=(1, 2, 3), n_processes=2)
    longest = max(one.lab_s for one in found.nights)
    bar = "<= 60" if n_trials >= 48 else ""
    report.add(f"a night of {n_trials} samples, rehearsed: lab time", longest / 3600, "h")
    report.add("3 such nights and the drill, on 2 processes: wall", spent.wall_s, "s", bar)
    report.add("3 such nights and the drill: CPU of the processes", children_s(), "s")
    report.add("faults drilled", len(found.drills), "")


def children_s() -> float:
    """Return what ended child processes used [s of CPU]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def events(report: Report, n: int) -> None:
    """Time one long run of small events in a bare RunEngine and in a station's engine with its journal."""
    import bluesky.plan_stubs as bps
    from bluesky import RunEngine
    from bluesky.utils import DuringTask

    from labctl.clock import RealClock
    from labctl.engine import LabRunEngine, ScanIds
    from labctl.metadata import LabMetadata, source_revision, versions
    from labctl.store import Store

    class Reading:
        name, parent = "reading", None

        def read(self):
            return {"reading": {"value": 1.5, "timestamp": 0.0}}

        def describe(self):
            return {"reading": {"source": "benchmark", "dtype": "number", "shape": []}}

        def read_configuration(self):
            return {}

        def describe_configuration(self):
            return {}

    reading = Reading()

    def plan():
        yield from bps.open_run()
        for _ in range(n):
            yield from bps.create("primary")
            yield from bps.read(reading)
            yield from bps.save()
        yield from bps.close_run()

    bare = RunEngine({}, context_managers=[], during_task=DuringTask())
    with watch() as spent:
        bare(plan())
    report.add("bare RunEngine, event-model's own validation", n / spent.wall_s, "events/s")

    md = LabMetadata(
        lab="benchmark",
        station="bench",
        operator="nobody",
        simulated=True,
        versions=versions(),
        source_revision=source_revision(),
        policy={"owner": "", "project": "", "access": "open", "licence": ""},
    ).model_dump()
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        store.drain(60)
        engine = LabRunEngine(RealClock(), md, ScanIds(), store.journal)
        with watch() as spent:
            engine(plan())
        engine.close()
        report.add("station engine, compiled validation and journal", n / spent.wall_s, "events/s")


if __name__ == "__main__":
    main(measure, __doc__)
