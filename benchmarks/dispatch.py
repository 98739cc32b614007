"""Whether dispatch is right and fast: random lines, many samples, failures in one instant, interruptions at any."""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from figures import Report, cpu_s, main

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the random lines are the tests'

RECIPE = {
    "recipe": "bench",
    "operations": [
        {"name": "first", "operation": "run_programme", "programme": 1, "level": "50 percent", "duration": "60 min"},
        {"name": "second", "operation": "run_programme", "programme": 1, "duration": "20 min"},
    ],
}


def measure(report: Report, quick: bool) -> None:
    decisions(report)  # first: what other sections leave in the memory makes every collection of garbage longer
    random_lines(report, 300 if quick else 10_000)
    stream(report, 1_000 if quick else 10_000)
    failures_at_once(report)
    interruptions(report, 20 if quick else 220)


def random_lines(report: Report, n: int) -> None:
    """Run random lines with and without troubles; count what did not hold."""
    from labctl.dispatch import Greedy
    from tests.lines import Trial, Troubles, random_line

    began_s = cpu_s()
    for name, troubles in (
        ("calm", Troubles()),
        ("durations 30 % off", Troubles(jitter=0.3)),
        ("failures and removals", Troubles(0.05, 0.2, 2)),
    ):
        found: Counter[str] = Counter()
        for seed in range(n // 3 + (name == "calm") * (n - 3 * (n // 3))):
            passed = Trial(random_line(seed, Greedy(), troubles=troubles), seed, troubles).pass_through()
            found["samples"] += passed.n_samples
            found["operations"] += passed.n_operations
            found["late"] += passed.n_late
            found["wrong"] += bool(passed.wrong)
        report.add(f"random lines, {name}: lines on which anything was wrong", found["wrong"], "", "0")
        report.add(f"random lines, {name}: samples", found["samples"], "")
        report.add(f"random lines, {name}: samples that missed a window", 100 * found["late"] / found["samples"], "%")
    report.add("random lines: CPU", 1000 * (cpu_s() - began_s) / n, "ms/line")


def decisions(report: Report) -> None:
    """Measure what a decision takes with many samples waiting and under way."""
    from labctl.dispatch import Forecast, Greedy

    for n, bar in ((100, "5"), (1000, "50")):
        for window in (False, True):
            forecast = Forecast(_big_line(n, Greedy(), window=window))
            times: list[float] = []
            _timed(forecast.line, times)
            forecast.run(until=4 * 3600.0)
            times.sort()
            what = f"{n} samples, 20 stations{', windows' if window else ''}"
            report.add(f"decision, {what}: median", 1000 * times[len(times) // 2], "ms", f"< {bar}")
            report.add(f"decision, {what}: 99 of 100", 1000 * times[int(0.99 * len(times))], "ms", f"< {bar}")


def _timed(line: Any, times: list[float]) -> None:
    def timed() -> None:
        del line.decide  # copies of the line are not timed on their own
        began = time.thread_time()
        line.decide()
        times.append(time.thread_time() - began)
        line.decide = timed

    line.decide = timed


def _big_line(n: int, policy: Any, *, window: bool) -> Any:
    from labctl.dispatch import Traveller
    from labctl.lab import Station
    from labctl.recipes import Operation, Recipe, Timing
    from tests.lines import KINDS, empty_line

    kinds = {name: KINDS[index % 5] for index, name in enumerate(f"s{number:02d}" for number in range(20))}
    places = {"bake": 8, "coat": 1, "etch": 1, "look": 1, "spin": 1}
    stations = {name: Station(name, {kind: ()}, places[kind], 1800.0) for name, kind in kinds.items()}
    line = empty_line(stations, {"rack": n}, policy)
    rng = random.Random(1)
    for number in range(n):
        route = [rng.choice(KINDS) for _ in range(6)]
        timings = [
            Timing(rng.choice((300.0, 1500.0, 7200.0)), 7200.0 if window and index and index % 3 == 0 else None)
            for index in range(6)
        ]
        operations = [
            Operation(f"op{index}", kind, {"programme": rng.randint(1, 3)}, {}, timing)
            for index, (kind, timing) in enumerate(zip(route, timings, strict=True))
        ]
        line.take(Traveller(f"s{number:05d}", f"T{number:05d}", Recipe("r", tuple(operations)), {}, "", ""))
    return line


def stream(report: Report, n: int) -> None:
    """Let many samples pass, a few at a time, and see whether the process grows."""
    from labctl.dispatch import Forecast, Greedy, Traveller
    from labctl.lab import Station
    from labctl.recipes import Operation, Recipe, Timing
    from tests.lines import empty_line

    stations = {name: Station(name, {kind: ()}) for name, kind in (("a", "spin"), ("b", "spin"), ("c", "look"))}
    line = empty_line(stations, {"rack": n + 8}, Greedy())
    forecast = Forecast(line)
    numbers = iter(range(n))

    def another(traveller: Traveller | None = None) -> None:
        if traveller is not None:
            forecast.prospect.ends.clear()
            forecast.prospect.spans.clear()
        number = next(numbers, None)
        if number is not None:
            operations = (
                Operation("x", "spin", {"programme": float(number)}, {}, Timing(300.0)),
                Operation("y", "look", {"programme": float(number)}, {}, Timing(200.0)),
            )
            forecast.line.take(Traveller(f"s{number:05d}", f"T{number}", Recipe("r", operations), {}, "", ""))

    forecast.ended = another  # type: ignore[method-assign]  # every sample that ends makes way for one
    for _ in range(8):
        another()
    forecast.run(until=n * 30.0)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    n_before = len(forecast.line.left)
    forecast.run()
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    assert len(forecast.line.left) == n, len(forecast.line.left)
    report.add(f"{n} samples one after another: growth over the last {n - n_before}", grown_kb / 1024, "MB", "< 5")


@contextmanager
def _campaign(n_benches: int, places: int, n: int, faults: list[dict[str, Any]]) -> Iterator[Any]:
    """Yield a campaign on benches of one kind, in memory of a folder that is removed."""
    import yaml

    from labctl.app._running import check, schemas
    from labctl.campaign import Campaign
    from labctl.clock import VirtualClock
    from labctl.lab import build_lab
    from labctl.store import Store
    from plans import OPERATIONS

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        devices = {
            f"tool_{i:02d}": {"class": "ProcessTool", "address": f"TCPIP0::192.168.2.{i + 1}::5025::SOCKET"}
            for i in range(n_benches)
        }
        stations = {
            f"bench_{i:02d}": {
                "operations": {"run_programme": {"tool": f"tool_{i:02d}"}},
                "places": places,
                "load_wait": "1 min",
            }
            for i in range(n_benches)
        }
        lab = {
            "lab": "benches", "backend": "simulated", "operator": "nobody", "policy": {"access": "open"},
            "devices": devices, "stations": stations, "racks": {"rack": n}, "simulated": {"seed": 1, "faults": faults},
        }  # fmt: skip
        campaign = yaml.safe_load((ROOT / "examples" / "line" / "campaign.yaml").read_text())
        campaign |= {
            "space": [{"name": "level", "field": "first.level", "low": "50 percent", "high": "50.001 percent"}],
            "objectives": [{**campaign["objectives"][0], "inputs": {"dose": "first.dose"}}],
            "budget": {"trials": n}, "in_flight": n, "stop": {"lost": n},
            "on_failure": {"run_programme": {"then": "quarantine"}},
        }  # fmt: skip
        recipe = {**RECIPE, "operations": [{**e, "level": "50 percent"} for e in RECIPE["operations"]]}
        for name, content in (("lab", lab), ("campaign", campaign), ("recipe", recipe)):
            (path / f"{name}.yaml").write_text(yaml.safe_dump(content))
        checked = check(path / "campaign.yaml")
        checked = replace(checked, content={**recipe, "operations": RECIPE["operations"]}, fields={})
        clock = VirtualClock()
        with Store.open(path / "store", catalog=False) as store:
            built = build_lab(checked.lab, clock, schemas(), seed=1)
            try:
                yield Campaign(checked, built, store, OPERATIONS), store
            finally:
                clock.close()
                built.close()


def failures_at_once(report: Report) -> None:
    """Let two of twenty stations with five samples each trip in the same instant."""
    faults = [{"device": f"tool_{i:02d}", "kind": "trip", "start": "1800 s", "duration": "1 s"} for i in (3, 11)]
    with _campaign(20, 5, 100, faults) as (campaign, store):
        ending = campaign.run()
        runs = [store.run(run.uid) for run in store.runs()]
        failed = [run for run in runs if run.stop["exit_status"] != "success"]
        lost = {sample for run in failed for sample in run.start["samples"]}
        kept = campaign.dispatcher.line.places.holders()
        tools = [device for name, device in campaign.lab.devices.items() if name.startswith("tool")]
        with campaign.lab.clock.held():
            working = [tool.name for tool in tools if str(tool.state.get()) in ("RUN", "TRIPPED")]
    report.add("100 in flight, two stations trip at once: samples lost", len(lost), "", "10")
    report.add("100 in flight: samples finished", ending.n_completed, "", "90")
    report.add("100 in flight: runs without a stop document", sum(run.stop is None for run in runs), "", "0")
    report.add("100 in flight: tools not left safe", len(working), "", "0")
    stray = [place for place in kept if not place.startswith("rack") and kept[place] not in lost]
    report.add("100 in flight: places kept for nobody", len(stray), "", "0")


def interruptions(report: Report, n: int) -> None:
    """Abort, hold, pause and take out stations at random instants of one long campaign; people put them back."""
    rng = random.Random(1)
    n_samples = max(40, 2 * n + n // 3)
    with _campaign(8, 1, n_samples, []) as (campaign, store):
        clock, stations = campaign.lab.clock, sorted(campaign.drivers)
        done: Counter[str] = Counter()

        def interrupt() -> None:
            for _ in range(n):
                clock.sleep(rng.uniform(10.0, 1600.0))
                station, what = rng.choice(stations), rng.choice(("abort", "abort", "hold", "pause", "retire"))
                done[what] += 1
                if what == "abort":
                    campaign.floor.abort(station, "a person aborted it")
                elif what == "hold":
                    campaign.tell(lambda s=station: campaign.operator.hold(s, "somebody"))
                elif what == "retire":
                    campaign.tell(lambda s=station: campaign.dispatcher.retire(s, "maintenance"))
                else:
                    campaign.tell(lambda: campaign.operator.pause("somebody"))
                clock.sleep(rng.uniform(10.0, 600.0))
                campaign.tell(lambda: campaign.operator.resume("somebody"))
                campaign.tell(lambda s=station: campaign.operator.release(s, "somebody"))

        campaign.tell(lambda: clock.spawn(interrupt, "interruptions"))
        ending = campaign.run()
        runs = [store.run(run.uid) for run in store.runs()]
    aborted = {s for run in runs if run.stop["exit_status"] != "success" for s in run.start["samples"]}
    times: Counter[tuple[str, str]] = Counter(
        (sample, name)
        for run in runs
        for sample, name in zip(run.start["samples"], run.start["operation_names"], strict=True)
    )
    everyone = {sample for run in runs for sample in run.start["samples"]}
    whole = sum(times[sample, "first"] == times[sample, "second"] == 1 for sample in everyone - aborted)
    report.add("interruptions at random instants", sum(done.values()), "", f">= {20 if n < 200 else 200}")
    report.add(f"interruptions ({dict(sorted(done.items()))}): samples that were aborted", len(aborted), "")
    report.add("interruptions: others finished", ending.n_completed, "", str(n_samples - len(aborted)))
    report.add("interruptions: others with each operation done exactly once", whole, "", str(n_samples - len(aborted)))
    report.add("interruptions: operations that were done twice", sum(count > 1 for count in times.values()), "", "0")


if __name__ == "__main__":
    main(measure, __doc__)
