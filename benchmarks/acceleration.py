"""How much sooner the closed loop gets to a good film than other ways, on the simulated thin-film line, over seeds."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from figures import Report, main

EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"
CACHE = Path(os.environ.get("LABCTL_ACCELERATION", Path(tempfile.gettempdir()) / "labctl-acceleration.jsonl"))
"""One race a line; those of the same source are not run again, so a run that was cut off goes on."""
TARGET = 0.0145
"""Figure of merit [1/ohm]: the best one in thirty random recipes reach it."""
N_SEEDS, IN_FLIGHT, MOST = 20, 8, 400
N_WHOLE = 16
"""Trials of the campaign that is run in full, to be compared with its sketch."""


def measure(report: Report, quick: bool) -> None:
    from labctl.app._running import check
    from labctl.rehearsal import BASELINES, THIS, accelerations

    checked = check(EXAMPLE / "campaign.yaml")
    checked = replace(checked, file=checked.file.model_copy(update={"in_flight": IN_FLIGHT}))
    n_seeds = 2 if quick else N_SEEDS
    races = [run(checked, way, seed) for seed in range(1, n_seeds + 1) for way in (THIS, *BASELINES)]
    for way in accelerations(races):
        name = {"this": f"closed loop, {IN_FLIGHT} in flight"}.get(way.baseline, f"baseline ({way.baseline})")
        report.add(f"{name}: reached, of {way.n_seeds}", way.n_reached, "")
        for part, spread, unit in (("lab time", way.lab_h, "h"), ("trials", way.trials, "")):
            for figure, value in (("middle", spread.middle), ("low", spread.low), ("high", spread.high)):
                report.add(f"{name}: {part}, {figure}", value, unit)
        if way.factor is not None and way.baseline != "this":
            bar = ">= 20" if way.baseline == "a" else ""
            report.add(f"{name}: times as long, middle", way.factor.middle, "x", bar)
            report.add(f"{name}: times as long, low", way.factor.low, "x")
            report.add(f"{name}: times as long, high", way.factor.high, "x")
    asynchronous(report, races)
    whole(report, checked, 4 if quick else N_WHOLE)


def run(checked: Any, way: Any, seed: int) -> Any:
    """Return a race, from the cache where it was run before by the same source."""
    from labctl.metadata import source_revision
    from labctl.rehearsal import Race, race

    key = [source_revision(), way.key, seed, TARGET, IN_FLIGHT, MOST]
    lines = CACHE.read_text().splitlines() if CACHE.exists() else []
    for line in lines:
        entry = json.loads(line)
        if entry["key"] == key:
            return Race(**entry["race"])
    found = race(checked, way, seed, TARGET, MOST)
    with CACHE.open("a") as file:
        file.write(json.dumps({"key": key, "race": dataclasses.asdict(found)}) + "\n")
    return found


def asynchronous(report: Report, races: list[Any]) -> None:
    """Compare many in flight with one at a time: the same optimizer, the same seeds."""
    of = {(race.baseline, race.seed): race for race in races}
    pairs = [(of["this", seed], of["b", seed]) for _, seed in sorted(k for k in of if k[0] == "this")]
    trials = [(many.n_ended, one.n_ended) for many, one in pairs]
    report.add(
        "many in flight: trials over those of one at a time, sums over seeds",
        sum(many for many, _ in trials) / sum(one for _, one in trials),
        "x",
        "<= 1.3",
    )
    report.add("the same, middle of the seeds' ratios", statistics.median(many / one for many, one in trials), "x")
    hours = [many.lab_s / one.lab_s for many, one in pairs]
    report.add(
        "many in flight: lab time over that of one at a time, sums",
        sum(many.lab_s for many, _ in pairs) / sum(one.lab_s for _, one in pairs),
        "x",
        "<= 0.25",
    )
    report.add("the same, middle of the seeds' ratios", statistics.median(hours), "x")


def whole(report: Report, checked: Any, n: int) -> None:
    """Run a campaign of random recipes in full and sketched, and tell how far they are apart."""
    from labctl.app._running import schemas
    from labctl.clock import VirtualClock
    from labctl.lab import build_lab, build_swift_plant
    from labctl.rehearsal import Sketch
    from labctl.rehearsal._night import played
    from plans import OPERATIONS

    name = checked.objectives[0].name
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        for source in EXAMPLE.iterdir():
            (files / source.name).write_bytes(source.read_bytes())
        text = (files / "campaign.yaml").read_text()
        (files / "campaign.yaml").write_text(text.replace("{engine: gp}", "{engine: random}"))
        with played(files / "campaign.yaml", OPERATIONS, Path(folder) / "store", 1, n_trials=n) as night:
            full = {o.trial: o.objectives.get(name) for o in night.campaign.outcomes}
            lab_s = night.ending.lab_s
            like = replace(night.campaign.checked, file=night.campaign.checked.file)
    clock = VirtualClock()
    lab = build_lab(like.lab, clock, schemas(), seed=1)
    plant = build_swift_plant(like.lab, clock, 1, (), lab.substrates)
    done = Sketch(like, lab, plant).run(n)
    clock.close()
    lab.close()
    sketched = {one.outcome.trial: one.outcome.objectives.get(name) for one in done if one.outcome is not None}
    both = [(full[trial], sketched[trial]) for trial in full if full[trial] and sketched.get(trial)]
    report.add(f"sketch of {n} trials: lab time off by", 100 * abs(done[-1].lab_s / lab_s - 1), "%", "<= 1")
    off = [100 * abs(b / a - 1) for a, b in both]
    report.add(f"sketch of {n} trials: figure of merit off by, middle", statistics.median(off), "%", "<= 2")
    report.add(f"sketch of {n} trials: figure of merit off by, most", max(off), "%")
    report.add(
        f"sketch of {n} trials: failed in one and not in the other",
        sum((full[trial] is None) != (sketched.get(trial) is None) for trial in full),
        "",
        "= 0",
    )


if __name__ == "__main__":
    main(measure, __doc__)
