"""Sections of the optimizer benchmark with peers and a fixed budget: noise, and two objectives."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from _optimizer_players import Player
from _optimizer_sections import SLOW, Bench
from _optimizer_tasks import Task, function, pool
from _optimizer_tasks import continuous as functions

from labctl.optimize import hypervolume

_BUDGET = 60


def _seeds(bench: Bench, engine: str) -> range:
    return range(min(bench.seeds, bench.peer_seeds) if engine in SLOW else bench.seeds)


def _kept(bench: Bench, section: str, task: str, engine: str, seed: int, make: Any) -> dict[str, Any]:
    name = f"{engine}@{bench.print}" if engine == "gp" else engine
    return bench.cache.get((section, task, name, seed, 1), make)


def noise(bench: Bench) -> None:
    """Regret of the recipe that each engine recommends after 60 noisy trials, in deviations of the function."""
    for base in functions()[:2]:
        rng = np.random.default_rng(3)
        from labctl.optimize._domain import Box

        box = Box(base.space)  # type: ignore[arg-type]  # functions have no pool
        truths = [base.truth(box.values(code)) for code in box.spread(rng.random((4000, box.n_inputs)))]
        top = {"branin": -0.397887, "hartmann6": 3.32237}[base.name]
        for ratio in (1.0, 3.0):
            deviation = float(np.std(truths))
            task = function(
                f"{base.name}, signal to noise {ratio:g}", base.space, base.truth, top, _BUDGET, deviation / ratio
            )  # type: ignore[arg-type]
            for engine in bench.engines:
                games = [
                    _kept(
                        bench,
                        "noise",
                        task.name,
                        engine,
                        seed,
                        lambda s=seed, e=engine, t=task: _recommended(bench, e, t, s),
                    )
                    for seed in _seeds(bench, engine)
                ]
                regrets = np.array([(top - game["truth"]) / deviation for game in games])
                error = float(regrets.std() / np.sqrt(len(regrets)))
                bench.report.add(f"{task.name}: {engine}, mean regret", float(regrets.mean()), f"sd +-{error:.2g}")


def _recommended(bench: Bench, engine: str, task: Task, seed: int) -> dict[str, Any]:
    player, rng = _player(bench, engine, task, seed, replicates=3), np.random.default_rng([seed, 1])
    for _ in range(task.max_trials):
        (point,) = player.suggest(1)
        player.tell(point, task.evaluate(point, rng))
    best = player.best()
    assert best is not None
    return {"truth": task.truth(best)}


def _player(bench: Bench, engine: str, task: Task, seed: int, **options: Any) -> Player:
    return bench.players(engine, task, seed, **(options if engine == "gp" else {}))


def objectives(bench: Bench) -> None:
    """Hypervolume after 60 trials as a part of all of it, two objectives, each scaled by its range in the table."""
    assert bench.data is not None
    for name in ("suzuki_i", "arylation_yield_cost"):
        task = pool(bench.data, name, n_objectives=2, max_trials=_BUDGET)
        low, high = task.measured.min(axis=0), task.measured.max(axis=0)
        whole = hypervolume((task.measured - low) / (high - low), np.zeros(2))
        for engine in bench.engines:
            if engine == "egobox":  # one objective only
                continue
            games = [
                _kept(bench, "objectives", name, engine, seed, partial(_front, bench, engine, task, seed))
                for seed in _seeds(bench, engine)
            ]
            shares = 100 * np.array([game["volume"] for game in games]) / whole
            error = float(shares.std() / np.sqrt(len(shares)))
            title = f"{name}: {engine}, hypervolume after {_BUDGET}"
            bench.report.add(title, float(shares.mean()), f"% +-{error:.2g}")


def _front(bench: Bench, engine: str, task: Task, seed: int) -> dict[str, Any]:
    from _optimizer_play import starts

    low, high = task.measured.min(axis=0), task.measured.max(axis=0)
    player, rng, rows = _player(bench, engine, task, seed), np.random.default_rng([seed, 1]), []
    waiting = starts(task, seed)
    while len(rows) < task.max_trials:
        points = waiting or player.suggest(1)
        waiting = []
        for point in points:
            rows.append(point["_row"])
            player.tell(point, task.evaluate(point, rng))
    return {"volume": hypervolume((task.measured[rows] - low) / (high - low), np.zeros(2))}
