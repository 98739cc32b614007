"""What optimizers are judged on: tables of real measurements, known functions, and a mixed problem that fails."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from labctl.objectives import InputOf, Objective
from labctl.trials import Candidates, Categorical, Continuous, Integer, SearchSpace


@dataclass(frozen=True)
class Task:
    """A space and what trying a point of it gives; every objective is made large."""

    name: str
    space: SearchSpace | Candidates
    evaluate: Callable[[Mapping[str, Any], np.random.Generator], list[float] | None]
    """Values of the objectives, None where the trial fails."""
    truth: Callable[[Mapping[str, Any]], float]
    """Value without noise, by which a point is judged."""
    target: float
    """Truth from which on the task is solved."""
    max_trials: int
    n_start: int | None = None
    """Random points that every engine begins with; None where each begins in its own way."""
    n_objectives: int = 1
    measured: np.ndarray = field(default_factory=lambda: np.empty(0))
    """In a pool, what each row gives, shape (n_rows, n_objectives)."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return tuple(
            Objective(f"y{k}", "maximize", "v", {"v": InputOf("probe", "v")}) for k in range(self.n_objectives)
        )

    @cached_property
    def random_median(self) -> float:
        """Exact median of the trials that random choice without replacement takes to the target."""
        n, good = len(self.measured), int((self.measured[:, 0] >= self.target).sum())
        return random_median(n, good)


def random_median(n: int, good: int) -> float:
    """Return how many rows of `n` have to be drawn until one of `good` is among them with probability 1/2."""
    left, drawn = 1.0, 0
    while left > 0.5:
        left *= (n - good - drawn) / (n - drawn)
        drawn += 1
    return float(drawn)


POOLS = {
    "crossed_barrel": (["toughness"], "max"),
    "agnp": (["loss"], "min"),
    "p3ht_cnt": (["Conductivity (measured) (S/cm)"], "max"),
    "colors_n9": (["difference_to_green"], "min"),
    "photo_pce10": (["degradation"], "min"),
    "oer_plate_3496": (["overpotential"], "min"),
    "suzuki_i": (["yield", "turnover"], "max max"),
    "fullerenes": (["product"], "max"),
    "hplc": (["peak_area"], "max"),
    "arylation_yield_cost": (["yield", "cost"], "max min"),
}
"""Objectives and directions of each table; what is left are the inputs."""
BIG = tuple(name for name in POOLS if name in ("photo_pce10", "oer_plate_3496", "hplc", "arylation_yield_cost"))
"""Those with 1000 recipes or more, not collected by an optimizer."""


def pool(data: Path, name: str, n_objectives: int = 1, share: float = 0.01, max_trials: int = 10_000) -> Task:
    """Return a table as a task: repeats averaged, solved by a recipe of the best `share`, at least one."""
    columns, directions = POOLS[name]
    signs = [1.0 if direction == "max" else -1.0 for direction in directions.split()]
    with open(data / f"{name}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    inputs = tuple(key for key in rows[0] if key not in columns)
    groups: dict[tuple[float | str, ...], list[list[float]]] = defaultdict(list)
    for row in rows:
        values = [sign * float(row[column]) for sign, column in zip(signs, columns, strict=True)]
        groups[tuple(_number(row[key]) for key in inputs)].append(values)
    measured = np.array([np.mean(values, axis=0) for values in groups.values()])[:, :n_objectives]
    table = Candidates(inputs, tuple(dict(zip(inputs, key, strict=True)) for key in groups))
    target = float(np.sort(measured[:, 0])[-max(math.ceil(share * len(measured)), 1)])
    return Task(
        name,
        table,
        lambda point, rng: measured[point["_row"]].tolist(),
        lambda point: float(measured[point["_row"], 0]),
        target,
        min(max_trials, len(measured)),
        n_start=3,
        n_objectives=n_objectives,
        measured=measured,
    )


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def function(
    name: str,
    space: SearchSpace,
    truth: Callable[[Mapping[str, Any]], float],
    target: float,
    max_trials: int,
    noise: float = 0.0,
) -> Task:
    """Return a function as a task; where it is NaN the trial fails."""

    def evaluate(point: Mapping[str, Any], rng: np.random.Generator) -> list[float] | None:
        value = truth(point)
        return None if math.isnan(value) else [value + noise * float(rng.normal())]

    return Task(name, space, evaluate, truth, target, max_trials)


def branin(point: Mapping[str, Any]) -> float:
    """Return minus Branin's function; its three maxima are -0.397887 (Dixon and Szego 1978)."""
    x, y = point["x"], point["y"]
    curve = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return -(curve**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(point: Mapping[str, Any]) -> float:
    """Return Hartmann's function of six inputs; its maximum is 3.32237 (Dixon and Szego 1978)."""
    x = np.array([point[f"x{k}"] for k in range(6)])
    return float(_ALPHA @ np.exp(-(_A * (x - _P) ** 2).sum(axis=1)))


_OVENS = {  # height, and where the best is: temperature, log time, log pressure (as 0..1), layers
    "Ar": (0.80, (0.30, 0.35, 0.60), 3),
    "N2": (0.70, (0.20, 0.70, 0.30), 4),
    "O2": (1.00, (0.70, 0.65, 0.40), 6),
    "H2": (0.60, (0.50, 0.20, 0.80), 2),
}


def oven(point: Mapping[str, Any]) -> float:
    """Return the worth of a film: one hill for each gas, the best beside where films crack; NaN where they do.

    Thick films crack when hot, thin ones dewet at low pressure: 16 % of the volume, in two corners.
    """
    time, pressure = math.log10(point["time"]) / 3.0, (math.log10(point["pressure"]) + 1.0) / 4.0
    temperature, layers = (point["temperature"] - 200.0) / 600.0, (point["layers"] - 1) / 7.0
    if temperature + 0.6 * layers > 1.225 or pressure + 0.5 * layers < 0.1525:
        return math.nan
    height, centre, best = _OVENS[point["gas"]]
    away = sum((a - b) ** 2 for a, b in zip((temperature, time, pressure), centre, strict=True))
    return height * math.exp(-away - ((point["layers"] - best) / 10.0) ** 2)


def continuous() -> list[Task]:
    """Return the functions."""
    plane = SearchSpace((Continuous("x", -5.0, 10.0), Continuous("y", 0.0, 15.0)))
    cube = SearchSpace(tuple(Continuous(f"x{k}", 0.0, 1.0) for k in range(6)))
    return [
        function("branin", plane, branin, -0.497887, 120),
        function("hartmann6", cube, hartmann, 3.0, 120),
        function("hartmann6, noise 0.1", cube, hartmann, 2.9, 120, noise=0.1),
    ]


def failing() -> Task:
    """Return the mixed problem with failures; random choice takes about 1150 trials (median)."""
    space = SearchSpace(
        (
            Continuous("temperature", 200.0, 800.0, "degC"),
            Continuous("time", 1.0, 1000.0, "s", "log"),
            Continuous("pressure", 0.1, 1000.0, "Pa", "log"),
            Integer("layers", 1, 8),
            Categorical("gas", tuple(_OVENS)),
        )
    )
    return function("mixed with failures", space, oven, 0.977, 120)
