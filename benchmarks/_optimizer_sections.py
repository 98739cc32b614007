"""The sections of the optimizer benchmark: each plays its tasks and tells its figures."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _optimizer_play import Cache, Players, play
from _optimizer_tasks import BIG, POOLS, Task, failing, pool, random_median
from _optimizer_tasks import continuous as functions
from figures import Report

from labctl.optimize import make_optimizer
from labctl.trials import Continuous, SearchSpace

SLOW = ("botorch", "egobox")
NEED_TABLES = ("pools", "objectives")


@dataclass
class Bench:
    """What sections need."""

    data: Path | None
    engines: Sequence[str]
    seeds: int
    peer_seeds: int
    cache: Cache
    players: Players
    print: str
    report: Report
    quick: bool

    def games(self, section: str, engine: str, task: Task, until: float, group: int = 1) -> list[dict[str, Any]]:
        """Return an engine's games at a task, one for each seed, those that are kept already as they are."""
        own = engine in ("gp", "random", "sobol")
        found = []
        for seed in range(min(self.seeds, self.peer_seeds) if engine in SLOW else self.seeds):
            key = (section, task.name, f"{engine}@{self.print}" if own else engine, seed, group)
            found.append(
                self.cache.get(key, lambda seed=seed: play(self.players(engine, task, seed), task, seed, until, group))
            )
        return found

    def tables(self) -> list[Task]:
        assert self.data is not None
        names = ("suzuki_i", "photo_pce10", "fullerenes") if self.quick else POOLS
        return [pool(self.data, name) for name in names]


def trials(games: Sequence[dict[str, Any]], key: str, otherwise: float = math.inf) -> np.ndarray:
    """Return how many trials each game took; `otherwise` where it never came there."""
    return np.array([otherwise if game[key] is None else game[key] for game in games])


def geometric(factors: Sequence[np.ndarray], seed: int = 0) -> tuple[float, float]:
    """Return the geometric mean over sets of random's median by the median of the games, and its standard error."""
    rng = np.random.default_rng(seed)
    mean = float(np.exp(np.mean([np.log(np.median(each)) for each in factors])))
    again = [np.exp(np.mean([np.log(np.median(rng.choice(each, len(each)))) for each in factors])) for _ in range(400)]
    return mean, float(np.std(again))


def pools(bench: Bench) -> None:
    """Trials to a recipe of the best 1 %, and to the best one, in tables of real measurements."""
    factors: dict[str, dict[str, list[np.ndarray]]] = {key: {} for key in ("target", "until")}
    n_safe = 0
    tables = bench.tables()
    for task in tables:
        best = float(task.measured[:, 0].max())
        good = int((task.measured[:, 0] >= best).sum())
        random = {"target": task.random_median, "until": random_median(len(task.measured), good)}
        for engine in bench.engines:
            until = task.target if engine in SLOW else best
            games = bench.games("pools", engine, task, until)
            took = trials(games, "target", len(task.measured))
            bench.report.add(f"{task.name}: {engine}, median to the best 1 %", np.median(took), "trials")
            for key in ("target", "until") if engine not in SLOW else ("target",):
                factors[key].setdefault(engine, []).append(random[key] / trials(games, key, len(task.measured)))
            if engine == "gp":
                ninth = float(np.percentile(took, 90))
                n_safe += ninth < random["target"]
                bench.report.add(f"{task.name}: gp, 90th percentile", ninth, "trials", f"< {random['target']:g}")
    for engine in bench.engines:
        mean, error = geometric(factors["target"][engine])
        bar = ">= 4.2" if engine == "gp" else ""
        bench.report.add(f"pools: {engine}, factor to the best 1 %", mean, f"+-{error:.2g}", bar)
        if engine not in factors["until"]:
            continue
        bar = ">= 6.8" if engine == "gp" else ""
        mean, error = geometric(factors["until"][engine])
        bench.report.add(f"pools: {engine}, factor to the best", mean, f"+-{error:.2g}", bar)
        big = [each for task, each in zip(tables, factors["until"][engine], strict=True) if task.name in BIG]
        mean, error = geometric(big)
        bar = ">= 20" if engine == "gp" else ""
        bench.report.add(f"pools of 1000 and more: {engine}, factor to the best", mean, f"+-{error:.2g}", bar)
    bench.report.add("pools whose 90th percentile is below random's median", n_safe, f"of {len(tables)}", "all")


def continuous(bench: Bench) -> None:
    """Trials to a target on functions."""
    bars = {"branin": "<= 18", "hartmann6": "<= 24", "hartmann6, noise 0.1": "<= 31"}
    for task in functions():
        for engine in bench.engines:
            took = trials(bench.games("continuous", engine, task, task.target), "target")
            bar = bars[task.name] if engine == "gp" else ""
            bench.report.add(f"{task.name}: {engine}, median", np.median(took), "trials", bar)
            bench.report.add(f"{task.name}: {engine}, solved within 60", 100 * np.mean(took <= 60), "%")


def failures(bench: Bench) -> None:
    """Trials and failures on the mixed problem."""
    task = failing()
    for engine in bench.engines:
        games = bench.games("failures", engine, task, task.target)
        took, failed = trials(games, "target"), np.array([game["failed"] for game in games])
        bars = ("<= 23", ">= 95", "<= 3", "<= 6", "0") if engine == "gp" else ("",) * 5
        bench.report.add(f"mixed: {engine}, median", np.median(took), "trials", bars[0])
        bench.report.add(f"mixed: {engine}, solved within 120", 100 * np.mean(took <= 120), "%", bars[1])
        bench.report.add(f"mixed: {engine}, failed trials, mean", np.mean(failed), "trials", bars[2])
        bench.report.add(f"mixed: {engine}, failed, 90th percentile", np.percentile(failed, 90), "trials", bars[3])
        bench.report.add(f"mixed: {engine}, failures repeated", sum(g["repeated"] for g in games), "trials", bars[4])


_CUBE = SearchSpace(tuple(Continuous(f"x{k}", 0.0, 1.0) for k in range(6)))
_LIMITS = {100: (0.1, 0.2, 0.8), 500: (0.4, 0.8, 2.0), 1000: (0.7, 1.2, 4.0)}


def _asked(n: int) -> tuple[Any, list[dict[str, Any]]]:
    rng = np.random.default_rng(n)
    codes = rng.random((n, 6))
    values = np.sin(5 * codes).sum(axis=1) + 0.1 * rng.normal(size=n)
    points = [
        {**{f"x{k}": float(u) for k, u in enumerate(code)}, "y0": float(y)}
        for code, y in zip(codes, values, strict=True)
    ]
    return make_optimizer("gp", _CUBE, functions()[1].objectives, 0, {}), points


def cost(bench: Bench) -> None:
    """CPU time of suggestions, one thread, none of them prepared: fit and search after n outcomes."""
    for n, limits in _LIMITS.items():
        for n_points, limit in zip((1, 4, 16), limits, strict=True):
            took = []
            for _ in range(1 if bench.quick else 3):
                optimizer, points = _asked(n)
                optimizer.ingest(points)
                start = time.process_time()
                optimizer.suggest(n_points)
                took.append(time.process_time() - start)
            bench.report.add(f"suggest {n_points} after {n} trials, 6 inputs", min(took), "s", f"<= {limit}")


_MEMORY = """
import resource
import sys
sys.path.insert(0, {here!r})
from _optimizer_sections import _asked
optimizer, points = _asked(1000)
optimizer.ingest(points)
optimizer.suggest(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
_IMPORT = """
import time
start = time.process_time()
from labctl.optimize import make_optimizer
from labctl.optimize._gp import GaussianProcessEngine
print(time.process_time() - start)
import sys
print(sum(name in sys.modules for name in ("torch", "sklearn", "pandas")))
"""


def light(bench: Bench) -> None:
    """Import and memory."""
    here = str(Path(__file__).parent)
    seen = [_run(_IMPORT) for _ in range(3)]
    bench.report.add("import the optimizer and its default engine", min(float(each[0]) for each in seen), "s", "<= 1")
    bench.report.add("of torch, scikit-learn, pandas imported", float(seen[0][1]), "", "0")
    bench.report.add("memory at 1000 trials", float(_run(_MEMORY.format(here=here))[0]), "MB", "< 300")


def _run(code: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def resume(bench: Bench) -> None:
    """Replay of 500 trials as they were told, and the suggestion after it."""
    history = []
    optimizer, points = _asked(500)
    for number, point in enumerate(points):
        history.append({**point, "_id": f"T{number + 1:04d}"})
    optimizer.ingest(history)
    wanted = optimizer.suggest(1)
    start = time.process_time()
    again, _ = _asked(500)
    for point in history:
        again.register_suggestions([point])
        again.ingest([point])
    bench.report.add("replay 500 trials", time.process_time() - start, "s", "<= 3")
    bench.report.add("suggestion after it differs", float(again.suggest(1) != wanted), "", "0")
