"""How near to its physical limit the reference line runs: whole campaigns through engine, devices, wire and store."""

from __future__ import annotations

import copy
import importlib.util
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from figures import Report, main, watch

LINE = Path(__file__).parent.parent / "examples" / "line"
WINDOW_MIN = 120.0
"""The coater has to begin so soon after the anneal, where that is asked."""


@dataclass(frozen=True)
class Stage:
    """One operation of the line's recipe."""

    name: str
    minutes: float
    n_stations: int
    places: int


def stages(checked: Any) -> list[Stage]:
    """Return the operations of the campaign with the stations that can do them."""
    recipe = checked.recipe({"level": 50.0})
    found = []
    for operation in recipe.operations:
        programme = operation.parameters["programme"]
        able = [
            entry
            for entry in checked.lab.stations.values()
            for roles in [entry.operations.get("run_programme", {})]
            if roles and int(limits_of(checked, roles)[0]) <= programme <= int(limits_of(checked, roles)[1])
        ]
        minutes = operation.parameters["duration"] + operation.parameters["rest"]
        found.append(Stage(operation.name, minutes, len(able), able[0].places))
    return found


def limits_of(checked: Any, roles: dict[str, str]) -> Sequence[Any]:
    """Return the programmes that a station has."""
    return checked.lab.devices[roles["tool"]].limits["programme"]


def bound_min(line: Sequence[Stage], n: int, move: float) -> tuple[float, str]:
    """Return the shortest time in which `n` samples can pass a line [min], and the operation that sets it.

    No schedule is shorter than what one operation's stations need. Nothing begins there before the first sample has
    had everything that comes before (head). Then the stations of that operation have to do all loads, one after
    another; between two loads one sample at least is carried out and one in, for a place that is taken cannot be filled
    and a sample is not treated while it is carried. After the last load its samples still have to go through all that
    follows, and home (tail). The largest of these sums is the bound. It ignores that furnaces want full loads and that
    one mover serves all, so it may not be reachable.

    Args:
        line: operations in order.
        n: samples.
        move: carrying one sample [min].
    """
    best = (0.0, "")
    for index, stage in enumerate(line):
        head = sum(move + before.minutes for before in line[:index]) + move
        tail = sum(move + after.minutes for after in line[index + 1 :]) + move
        turns = math.ceil(math.ceil(n / stage.places) / stage.n_stations)
        best = max(best, (head + turns * stage.minutes + (turns - 1) * 2 * move + tail, stage.name))
    n_moves = n * (len(line) + 1)
    return max(best, (n_moves * move, "mover"))


@dataclass(frozen=True)
class Passed:
    """A campaign that was run to its end."""

    minutes: float
    n_completed: int
    n_violations: int
    """Samples that the coater began later than `WINDOW_MIN` after their anneal."""
    wall_s: float


def run_line(checked: Any) -> Passed:
    """Run a campaign on simulated instruments and measure what its records say.

    With an adviser all samples are there from the beginning, for it can only plan with those that it knows; otherwise
    suggestions are asked for when a station has room, as ever.
    """
    from labctl.app._running import schemas
    from labctl.campaign import Campaign
    from labctl.clock import VirtualClock
    from labctl.lab import build_lab
    from labctl.store import Store
    from plans import OPERATIONS

    class AtOnce(Campaign):
        """A campaign that begins all its samples at once."""

        def _has_room(self) -> bool:
            return self._n_under_way < self.checked.file.in_flight

    kind = AtOnce if checked.file.dispatch.adviser else Campaign
    clock = VirtualClock(stall_s=1800.0)  # it stands still while an adviser thinks
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder), catalog=False) as store:
        lab = build_lab(checked.lab, clock, schemas(), seed=checked.file.seed)
        try:
            with watch() as spent:
                ending = kind(checked, lab, store, OPERATIONS).run()
            runs = [store.run(run.uid) for run in store.runs()]
        finally:
            clock.close()
            lab.close()
    done = [run for run in runs if run.stop is not None]
    minutes = (max(run.stop["time"] for run in done) - min(run.start["time"] for run in done)) / 60
    return Passed(minutes, ending.n_completed, n_violations(done), spent.wall_s)


def n_violations(runs: Sequence[Any]) -> int:
    """Return how many samples waited too long between anneal and coater, by the records."""
    annealed, coated = {}, {}
    for run in runs:
        for sample, name in zip(run.start["samples"], run.start["operation_names"], strict=True):
            if name == "anneal":
                annealed[sample] = run.stop["time"]
            elif name == "coat":
                coated[sample] = run.start["time"]
    return sum(coated[sample] - annealed[sample] > WINDOW_MIN * 60 for sample in coated)


def with_window(checked: Any) -> Any:
    """Return the campaign with a recipe in which the coater has to begin in time after the anneal."""
    content = copy.deepcopy(checked.content)
    entry = next(entry for entry in content["operations"] if entry["name"] == "coat")
    entry["begin_within"] = f"{WINDOW_MIN:g} min"
    return replace(checked, content=content)


def with_policy(checked: Any, policy: str, *, adviser: bool = False) -> Any:
    """Return the campaign with another policy of dispatch."""
    dispatch = checked.file.dispatch.model_copy(update={"policy": policy, "adviser": adviser})
    return replace(checked, file=checked.file.model_copy(update={"dispatch": dispatch}))


def with_n(checked: Any, n: int) -> Any:
    """Return the campaign with another number of samples."""
    budget = checked.file.budget.model_copy(update={"trials": n})
    return replace(checked, file=checked.file.model_copy(update={"budget": budget, "in_flight": n}))


def measure(report: Report, quick: bool) -> None:
    from labctl.app._running import check

    n = 16 if quick else 48
    checked = with_n(check(LINE / "campaign.yaml"), n)
    line, move = stages(checked), checked.lab.simulated.move_time / 60
    bound, bottleneck = bound_min(line, n, move)
    report.add(f"{n} samples, one after another", n * (sum(s.minutes + move for s in line) + move), "min")
    report.add(f"bound, set by {bottleneck}", bound, "min")
    greedy = with_policy(checked, "greedy")
    ways = [
        ("first come", with_policy(checked, "first come"), "", ""),
        ("greedy", greedy, "<= 4", ""),
        ("greedy, window of 120 min", with_window(greedy), "<= 5", "= 0"),
        ("greedy with adviser (CP-SAT)", with_policy(checked, "greedy", adviser=True), "<= 1", ""),
    ]
    took = {}
    for name, changed, bar, late_bar in ways:
        if changed.file.dispatch.adviser and importlib.util.find_spec("ortools") is None:
            print("OR-Tools is not installed: no adviser")
            continue
        passed = run_line(changed)
        took[name] = passed.minutes
        report.add(name, passed.minutes, "min")
        report.add(f"{name}: above the bound", 100 * (passed.minutes / bound - 1), "%", "" if quick else bar)
        report.add(f"{name}: samples that missed the window", passed.n_violations, "", late_bar)
        report.add(f"{name}: wall", passed.wall_s, "s")
        assert passed.n_completed == n, f"{name}: {passed.n_completed} of {n} samples were completed"
    if len(took) == len(ways):
        report.add("with adviser over without", took[ways[3][0]] / took["greedy"], "x", "<= 1")


if __name__ == "__main__":
    main(measure, __doc__)
