"""Sections of the optimizer benchmark that compare labctl's engine with itself: told more, or several at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from _optimizer_ito import SPACE, Line, furnace_K
from _optimizer_sections import Bench, trials
from _optimizer_tasks import Task, failing, function, pool
from _optimizer_tasks import continuous as functions

from labctl.optimize import HOURS_KEY, make_optimizer

ITO_TARGET = -1.77
_RIGHT = Line()
_NEAR = Line(wear_kWh=8.0, thickness_factor=1.03, temperature_K=-30.0, oxygen_factor=0.8)
_SHIFTED = replace(_NEAR, thickness_factor=1.15)
"""Its interference fringes lie where the line has none: right on the whole, wrong where it matters."""


def ito(bench: Bench) -> Task:
    """Return the line for indium tin oxide; its films break in a quarter of the space, 1 % of it are good enough."""
    return function("ITO line", SPACE, _RIGHT.film, ITO_TARGET, 20 if bench.quick else 100)


def _ratio(bench: Bench, name: str, games: np.ndarray, base: np.ndarray, bar: str, unit: str = "x") -> None:
    """Tell the ratio of medians with its standard error, games paired by seed."""
    n, rng = min(len(games), len(base)), np.random.default_rng(0)
    games, base = games[:n], base[:n]
    picks = [rng.integers(n, size=n) for _ in range(400)]
    error = float(np.std([np.median(games[pick]) / np.median(base[pick]) for pick in picks]))
    bench.report.add(name, float(np.median(games) / np.median(base)), f"{unit} +-{error:.2g}", bar)


def groups(bench: Bench) -> None:
    """Four at a time against one at a time, each group told when all of it was measured."""
    for section, task in [*(("continuous", each) for each in functions()), ("failures", failing())]:
        alone = bench.games(section, "gp", task, task.target)
        four = bench.games("groups", "gp", task, task.target, group=4)
        most = float(task.max_trials)
        took = trials(four, "target", most)
        _ratio(bench, f"{task.name}: groups of 4, trials", took, trials(alone, "target", most), "<= 1.3")
        rounds = np.array([game.get("rounds_target", most / 4) for game in four], float)
        _ratio(bench, f"{task.name}: groups of 4, rounds", rounds, trials(alone, "target", most), "<= 0.35")


def _sister(bench: Bench, own: float) -> tuple[Task, list[dict[str, Any]], float]:
    """Return photo_pce10 with a smooth change to what was measured, the table as it is, and their correlation."""
    assert bench.data is not None
    task = pool(bench.data, "photo_pce10")
    rows = [task.space.values(row) for row in range(task.space.n)]  # type: ignore[union-attr]
    codes = np.array([[float(value) for value in row.values()] for row in rows])
    first = task.measured[:, 0]
    change = np.sin(codes @ np.array([5.0, -3.0, 2.0, 4.0]) + 1.0)
    shifted = own * (first - first.mean()) / first.std() + (1 - own) * (change - change.mean()) / change.std()
    prior = [{**row, "y0": float(y)} for row, y in zip(rows, first, strict=True)]
    target = float(np.sort(shifted)[-math.ceil(0.01 * len(shifted))])
    measured = shifted[:, None]
    other = replace(
        task,
        name=f"shifted photo_pce10 {own:g}",
        evaluate=lambda point, rng: measured[point["_row"]].tolist(),
        truth=lambda point: float(measured[point["_row"], 0]),
        target=target,
        measured=measured,
        n_start=None,
    )
    return other, prior, float(np.corrcoef(first, shifted)[0, 1])


def _shuffled(points: Sequence[Mapping[str, Any]]) -> Callable[[int], list[dict[str, Any]]]:
    """Return what makes a useless prior of a good one, another one for each seed."""

    def made(seed: int) -> list[dict[str, Any]]:
        mixed = np.random.default_rng(seed).permutation([point["y0"] for point in points])
        return [{**point, "y0": float(y)} for point, y in zip(points, mixed, strict=True)]

    return made


def _simulated(line: Line, recipes: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], float]:
    """Return what a simulation says of the recipes that it can make, and how that goes with what is true."""
    made = [{**recipe, "y0": line.film(recipe)} for recipe in recipes]
    made = [point for point in made if not math.isnan(point["y0"])]
    pairs = np.array([(point["y0"], _RIGHT.film(point)) for point in made])
    return made, float(np.corrcoef(pairs[~np.isnan(pairs[:, 1])].T)[0, 1])


def _led(bench: Bench, task: Task, name: str, prior: Callable[[int], Sequence[Mapping[str, Any]]]) -> np.ndarray:
    """Return trials to the target with a prior that may depend on the seed."""
    found = []
    for seed in range(bench.seeds):
        key = ("prior", f"{task.name}: {name}", f"gp@{bench.print}", seed, 1)
        found.append(bench.cache.get(key, lambda seed=seed: _game(task, seed, prior=prior(seed))))
    return trials(found, "target", float(task.max_trials))


def _game(
    task: Task,
    seed: int,
    prior: Sequence[Mapping[str, Any]] = (),
    options: Mapping[str, Any] | None = None,
    hours: Callable[[Mapping[str, Any]], float] | None = None,
    done: Callable[[Mapping[str, Any], np.random.Generator], Mapping[str, Any]] | None = None,
    as_run: bool = False,
) -> dict[str, Any]:
    """Play labctl's engine to the target, telling it hours, or what was done where that is not what was asked."""
    rng = np.random.default_rng([seed, 1])
    optimizer = make_optimizer("gp", task.space, task.objectives, seed, options or {}, prior)
    spent = 0.0
    for number in range(1, task.max_trials + 1):
        (point,) = optimizer.suggest()
        made = point if done is None else done(point, rng)
        values = task.evaluate(made, rng)
        cost = {} if hours is None else {HOURS_KEY: hours(made)}
        spent += sum(cost.values())
        told = {**(made if as_run else point), **cost}
        if values is None:
            optimizer.register_failures([told])
            continue
        optimizer.ingest([{**told, "y0": values[0]}])
        if values[0] >= task.target:
            return {"target": number, "hours": spent}
    return {"target": None, "hours": spent}


def prior(bench: Bench) -> None:
    """Trials with a simulation or a sister campaign to begin with, against none."""
    line = ito(bench)
    rng = np.random.default_rng(5)
    from labctl.optimize._domain import Box

    box = Box(SPACE)
    recipes = [box.values(code) for code in box.spread(rng.random((400, 6)))]
    cold = _led(bench, line, "cold", lambda seed: ())
    for name, other, bar in (("near", _NEAR, "<= 0.6"), ("fringes shifted", _SHIFTED, "<= 1.15")):
        simulated, alike = _simulated(other, recipes)
        bench.report.add(f"ITO line: correlation of the simulation, {name}", alike, "")
        led = _led(bench, line, name, lambda seed, simulated=simulated: simulated)
        _ratio(bench, f"ITO line: simulation, {name}", led, cold, bar)
    useless = _led(bench, line, "useless", _shuffled(simulated))
    _ratio(bench, "ITO line: a useless simulation", useless, cold, "<= 1.15")
    if bench.data is None:
        return
    task, table, alike = _sister(bench, 0.6)
    cold = _led(bench, task, "cold", lambda seed: ())
    bench.report.add("photo_pce10 and its shifted copy: correlation", alike, "")
    _ratio(
        bench,
        "photo_pce10 as prior of its shifted copy",
        _led(bench, task, "sister", lambda seed: table),
        cold,
        "<= 0.6",
    )
    _ratio(bench, "photo_pce10 shuffled as prior", _led(bench, task, "useless", _shuffled(table)), cold, "<= 1.15")


def _heated(hot_K: float, scatter_K: float) -> Callable[[Mapping[str, Any], np.random.Generator], Mapping[str, Any]]:
    def done(point: Mapping[str, Any], rng: np.random.Generator) -> Mapping[str, Any]:
        return {**point, "temperature": point["temperature"] + furnace_K(rng, hot_K, scatter_K)}

    return done


def as_run(bench: Bench) -> None:
    """Learning from what two imperfect furnaces did, against what they were asked."""
    from scipy.stats import wilcoxon

    task = ito(bench)
    for furnaces in ((35.0, 8.0), (35.0, 20.0), (70.0, 20.0)):
        name = f"{task.name}, a furnace {furnaces[0]:g} K too hot and scatter of {furnaces[1]:g} K"
        found = dict[bool, np.ndarray]()
        for told in (False, True):
            games = [
                bench.cache.get(
                    ("as_run", name, f"gp@{bench.print}", seed, int(told)),
                    lambda seed=seed, told=told, furnaces=furnaces: _game(
                        task, seed, done=_heated(*furnaces), as_run=told
                    ),
                )
                for seed in range(bench.seeds)
            ]
            found[told] = trials(games, "target", float(task.max_trials))
        _ratio(bench, f"{name}: learning from what was done", found[True], found[False], "< 1")
        if np.any(found[True] != found[False]):
            chance = float(wilcoxon(found[True], found[False], alternative="less").pvalue)
            bench.report.add(f"{name}: probability that this is chance", chance, "", "< 0.05")


def cost_aware(bench: Bench) -> None:
    """Lab hours to the target when hours count, against when they do not."""
    task, found = ito(bench), dict[bool, np.ndarray]()
    for aware in (False, True):
        games = [
            bench.cache.get(
                ("cost_aware", task.name, f"gp@{bench.print}", seed, int(aware)),
                lambda seed=seed, aware=aware: _game(task, seed, options={"cost_aware": aware}, hours=Line.hours),
            )
            for seed in range(bench.seeds)
        ]
        found[aware] = np.array([game["hours"] for game in games])
        took = trials(games, "target", float(task.max_trials))
        bench.report.add(f"ITO line, hours {'count' if aware else 'do not count'}: median", np.median(took), "trials")
        bench.report.add(
            f"ITO line, hours {'count' if aware else 'do not count'}: median", np.median(found[aware]), "h"
        )
    _ratio(bench, "ITO line: lab hours to the target", found[True], found[False], "<= 0.8")
