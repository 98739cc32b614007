"""Days of campaigns with random faults on the simulated line: what grows, what is left over."""

from __future__ import annotations

import gc
import logging
import os
import random
import re
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from figures import Report, main

EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"
LAB_H, QUICK_H = float(os.environ.get("LABCTL_SOAK_H", "72")), 8.0
WARM_UP_SHARE = 0.25
"""Of the lab time, before memory is looked at."""
SAMPLED_EVERY_S = 900.0
FAULTS = {"lost": 120.0, "garbled": 300.0, "late": 300.0, "partial": 300.0, "disconnected": 120.0}
"""Kinds, and how long one lasts at most [s]."""
WIRED = ("photometer_meter", "probe_meter", "chamber_gauge", "quartz", "argon", "oxygen", "magnetron")


def measure(report: Report, quick: bool) -> None:
    import labctl.app._running  # noqa: F401  before anything is counted
    import plans  # noqa: F401

    logging.getLogger().addHandler(logging.NullHandler())
    lab_h = QUICK_H if quick else LAB_H
    with tempfile.TemporaryDirectory() as folder:
        one(Path(folder) / "first", 1.0, seed=0)  # what is loaded once, is loaded
        before = left_over()
        found = one(Path(folder) / "soak", lab_h, seed=1)
        after = left_over()
        problems = differences(Path(folder) / "soak")
    slope_MB_day = slope([(hour / 24, MB) for hour, MB in found["memory"] if hour > WARM_UP_SHARE * lab_h])
    ending = found["ending"]
    report.add("lab time", ending.lab_s / 3600, "h", f">= {lab_h:g}")
    report.add("trials begun", ending.n_trials, "")
    report.add("trials with an outcome", ending.n_completed + ending.n_failed, "")
    report.add("trials lost", ending.n_lost, "")
    report.add("faults injected", found["n_faults"], "")
    report.add("operations that failed and were handled", found["n_handled"], "")
    report.add("memory after the warm-up", found["memory"][-1][1], "MB")
    report.add("memory: slope after the warm-up", slope_MB_day, "MB/day", "<= 20")
    for name, count in after.items():
        report.add(f"{name} left over", count - before[name], "", "= 0")
    report.add("differences between journal and catalog", len(problems), "", "= 0")
    for problem in problems:
        print(problem)


def faults(lab_h: float, seed: int) -> list[dict[str, Any]]:
    """Return faults of the wire at random instants, one every two hours."""
    chance = random.Random(seed)
    found = []
    for _ in range(round(lab_h / 2)):
        kind = chance.choice(list(FAULTS))
        start_s, most_s = chance.uniform(0.0, lab_h * 3600), FAULTS[kind]
        about = {"device": chance.choice(WIRED), "kind": kind, "start": f"{start_s:.0f} s"}
        found.append({**about, "duration": f"{chance.uniform(5.0, most_s):.0f} s"})
    return found


def one(folder: Path, lab_h: float, seed: int) -> dict[str, Any]:
    """Run a campaign for some lab time and sample memory as it goes."""
    from labctl.app._running import check, schemas
    from labctl.campaign import Campaign
    from labctl.clock import VirtualClock
    from labctl.dispatch import FailureRule
    from labctl.lab import build_lab
    from labctl.lab._file import FaultEntry
    from labctl.store import Store
    from plans import OPERATIONS

    checked = check(EXAMPLE / "campaign.yaml")
    entries = [FaultEntry.model_validate(fault) for fault in faults(lab_h, seed)]
    wait = FailureRule.model_validate({"then": "wait", "wait": "30 min", "otherwise": "quarantine"})
    again = FailureRule.model_validate({"retries": 5, "after": "5 min", "then": "go on"})
    aside = FailureRule.model_validate({"then": "set aside"})
    rules = {"sputter": aside, "anneal": wait, "measure_transmittance": again, "measure_sheet_resistance": again}
    budget = checked.file.budget.model_copy(update={"trials": 100_000, "lab_time": lab_h})
    file = checked.file.model_copy(
        update={"budget": budget, "on_failure": rules, "stop": checked.file.stop.model_copy(update={"lost": 100})}
    )
    simulated = checked.lab.simulated.model_copy(update={"faults": entries})
    racks = {"rack": 400}
    lab_file = checked.lab.model_copy(update={"simulated": simulated, "racks": racks})
    checked = replace(checked, file=file, lab=lab_file)
    clock = VirtualClock()
    memory: list[tuple[float, float]] = []
    happened: list[str] = []
    with Store.open(folder) as store:
        lab = build_lab(lab_file, clock, schemas(), seed=seed)
        campaign = Campaign(checked, lab, store, OPERATIONS, lambda happening: release(campaign, happening, happened))

        def sample() -> None:
            while True:
                gc.collect()
                memory.append((campaign.lab_s / 3600, resident_MB()))
                clock.sleep(SAMPLED_EVERY_S)

        clock.spawn(sample, "memory")
        try:
            ending = campaign.run()
        finally:
            clock.close()
            lab.close()
    return {"ending": ending, "memory": memory, "n_faults": len(entries), "n_handled": happened.count("failure")}


def release(campaign: Any, happening: Any, happened: list[str]) -> None:
    """Be the person who takes the samples out of a station that failed, after an hour."""
    happened.append(happening.kind)
    if happening.kind != "quarantine":
        return
    station, samples = happening.station, happening.samples

    def later() -> None:
        campaign.lab.clock.sleep(3600.0)
        line = campaign.lab.plant.line
        for place in [place for place in line.places if place.rpartition(".")[0] == station]:
            if line.sample_at(place) is not None:
                line.remove(place)
        campaign.tell(lambda: campaign.operator.release(station, "K. Sato"))

    if samples or station:
        campaign.lab.clock.spawn(later, f"releases-{station}")


def left_over() -> dict[str, int]:
    """Return how many threads, files and sockets this process has."""
    gc.collect()
    files = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            files.append(str(entry.readlink()))
        except OSError:
            continue  # it was the one of the listing
    sockets = sum(name.startswith("socket:") for name in files)
    return {"threads": threading.active_count(), "sockets": sockets, "files": len(files) - sockets}


def resident_MB() -> float:
    """Return the memory of this process [MB]."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the straight line through some points that is best by least squares."""
    import numpy as np

    return float(np.polyfit(*zip(*points, strict=True), 1)[0])


def differences(folder: Path) -> tuple[str, ...]:
    """Return in what journal and catalog differ."""
    from labctl.store import verify

    return verify(folder).problems


if __name__ == "__main__":
    main(measure, __doc__)
