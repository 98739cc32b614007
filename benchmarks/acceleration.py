"""How much sooner the closed loop gets to a good film than other ways, on the simulated thin-film line, over seeds."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from figures import Report, main

from _optimizer_play import fingerprint  # isort: skip

EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"
CACHE = Path(os.environ.get("LABCTL_ACCELERATION", Path(tempfile.gettempdir()) / "labctl-acceleration.jsonl"))
"""One way with one seed a line; what is there, of the same engine, is not run again: a run that was cut off goes on."""
TARGET = 0.02
"""Figure of merit [1/ohm], on the best hill of the line alone; one random recipe in two hundred reaches it."""
EASIER = (0.015, 0.017)
"""Looked at besides, with the same trials; one random recipe in forty and in seventy-five reaches them."""
HARDEST = 0.0205
"""A way goes on up to this, so that other targets can be looked at without making the trials again."""
N_SEEDS, IN_FLIGHT = 40, 8
N_LOOP, N_RANDOM = 120, 600
"""Trials after which a way is given up: with the optimizer, and with random recipes."""
N_WHOLE = 16
"""Trials of the campaign that is run in full, to be compared with its sketch."""
FURNACES = ("furnace_c", "furnace_d", "furnace_e", "furnace_f", "furnace_g", "furnace_h")
"""Beside the two of the example: recipes of other temperatures share no load, so eight in flight want eight."""


def measure(report: Report, quick: bool) -> None:
    from labctl.app._running import check
    from labctl.rehearsal import BASELINES, THIS, accelerations

    checked = check(EXAMPLE / "campaign.yaml")
    checked = replace(checked, file=checked.file.model_copy(update={"in_flight": IN_FLIGHT}))
    wider = replace(checked, lab=with_furnaces(checked))
    seeds = range(1, (1 if quick else N_SEEDS) + 1)
    names = {"this": f"closed loop, {IN_FLIGHT} in flight", "wide": f"closed loop, {IN_FLIGHT} in flight, 8 furnaces"}
    lines = [(checked, way) for way in (THIS, *BASELINES)] + [(wider, replace(THIS, key="wide"))]
    races = [run(line, way, seed, quick, TARGET) for seed in seeds for line, way in lines]
    for way in accelerations(races):
        name = names.get(way.baseline, f"baseline ({way.baseline})")
        report.add(f"{name}: reached, of {way.n_seeds}", way.n_reached, "")
        for part, spread, unit in (("lab time", way.lab_h, "h"), ("trials", way.trials, "")):
            for figure, value in (("middle", spread.middle), ("low", spread.low), ("high", spread.high)):
                report.add(f"{name}: {part}, {figure}", value, unit)
        if way.factor is not None and way.baseline not in names:
            for figure, value in (("middle", way.factor.middle), ("low", way.factor.low), ("high", way.factor.high)):
                bar = ">= 20" if (way.baseline, figure) == ("a", "middle") else ""
                report.add(f"{name}: times as long, {figure}", value, "x", bar)
    for key, name in names.items():
        asynchronous(report, races, key, name, "<= 1.3", "<= 0.25")
    for target in EASIER:
        races = [run(line, way, seed, quick, target) for seed in seeds for line, way in lines]
        for key, name in names.items():
            asynchronous(report, races, key, f"target {target:g}, {name}")
    whole(report, checked, 4 if quick else N_WHOLE)


def with_furnaces(checked: Any) -> Any:
    """Return the example's lab file with six furnaces more."""
    import functools

    from labctl.files import read_yaml
    from labctl.lab import check_lab
    from labctl.rehearsal import extended

    content = functools.reduce(extended, [f"{name}=furnace_a" for name in FURNACES], read_yaml(EXAMPLE / "lab.yaml"))
    lab, problems = check_lab(content, checked.schemas, EXAMPLE)
    assert not problems, problems
    return lab


def run(checked: Any, way: Any, seed: int, quick: bool, target: float) -> Any:
    """Return how a way with a seed gets to a target; from the cache where its trials were made before."""
    from labctl.rehearsal import Race

    most = (N_RANDOM if way.engine == "random" else N_LOOP) // (4 if quick else 1)
    trials = trace(checked, way, seed, most)
    hit = next((n for n, (_, _, value) in enumerate(trials) if value is not None and value >= target), None)
    n_begun, lab_s, _ = trials[len(trials) - 1 if hit is None else hit]
    n_ended = len(trials) if hit is None else hit + 1
    return Race(way.key, seed, target, hit is not None, n_ended, n_begun, lab_s, most)


def trace(checked: Any, way: Any, seed: int, most: int) -> list[tuple[int, float, float | None]]:
    """Return of each trial how many were begun when it ended, when that was [s], and its figure of merit."""
    from labctl.rehearsal import sketched

    key = [way.key, seed, IN_FLIGHT, most, "" if way.engine == "random" else fingerprint()]
    for line in CACHE.read_text().splitlines() if CACHE.exists() else ():
        entry = json.loads(line)
        if entry["key"] == key:
            return entry["trials"]
    name = checked.objectives[0].name
    trials = [
        (one.n_begun, round(one.lab_s, 1), None if one.outcome is None else one.outcome.objectives.get(name))
        for one in sketched(checked, way, seed, most, until=lambda o: o.objectives.get(name, 0.0) >= HARDEST)
    ]
    with CACHE.open("a") as file:
        file.write(json.dumps({"key": key, "trials": trials}) + "\n")
    return trials


def asynchronous(report: Report, races: list[Any], key: str, name: str, most: str = "", longest: str = "") -> None:
    """Compare many in flight with one at a time, the same optimizer and seeds, and with baseline (a)."""
    of = {(race.baseline, race.seed): race for race in races}
    seeds = sorted(seed for this, seed in of if this == key)
    pairs = [(of[key, seed], of["b", seed]) for seed in seeds]
    pairs = [(many, one) for many, one in pairs if many.reached and one.reached]
    if pairs:
        n_many, n_one = (statistics.fmean(pair[i].n_ended for pair in pairs) for i in (0, 1))
        s_many, s_one = (statistics.fmean(pair[i].lab_s for pair in pairs) for i in (0, 1))
        report.add(f"{name}: mean trials over one at a time", n_many / n_one, "x", most)
        report.add(f"{name}: mean lab time over one at a time", s_many / s_one, "x", longest)
        report.add(f"{name}: pairs in which both got there", len(pairs), "")
    factors = [of["a", seed].lab_s / of[key, seed].lab_s for seed in seeds if of[key, seed].reached]
    if factors:
        report.add(f"{name}: baseline (a) takes times as long, middle", statistics.median(factors), "x")


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
            like = night.campaign.checked
        clock = VirtualClock()
        lab = build_lab(like.lab, clock, schemas(), seed=1)
        done = Sketch(like, lab, build_swift_plant(like.lab, clock, 1, (), lab.substrates)).run(n)
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
