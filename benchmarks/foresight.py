"""How right the optimizer is when it says what it expects, and what comes of its advice to stop.

At each step of a search it is asked what it expects of its own suggestion, before that is tried, and whether it would
go on.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from _optimizer_tasks import Task, continuous, failing
from figures import Report, main, watch

from labctl.optimize import make_optimizer

N_SEEDS, N_TRIALS = 4, 50
N_QUICK_SEEDS, N_QUICK_TRIALS = 1, 30
EVERY = 2
"""Trials between two questions whether to go on."""
BEST = {"branin": -0.397887, "hartmann6": 3.32237, "hartmann6, noise 0.1": 3.32237, "mixed with failures": 1.0}


@dataclass
class Seen:
    """What was foretold in searches of one task, and what came."""

    inside: list[bool] = field(default_factory=list)
    """Whether the true value lay within the 95 % that were expected of a suggestion."""
    left_out: list[float] = field(default_factory=list)
    """Part of the trials, foretold from the others, within their 95 %, at the end of each search."""
    chances: list[tuple[float, bool]] = field(default_factory=list)
    """Probability to complete, and whether the trial did."""
    stopped_at: list[int] = field(default_factory=list)
    """Trial after which the advice was to stop, in the searches where it came."""
    regret: list[float] = field(default_factory=list)
    """What was missing to the optimum then."""
    lost: list[float] = field(default_factory=list)
    """What the rest of the search would have brought."""


def measure(report: Report, quick: bool) -> None:
    n_seeds, n_trials = (N_QUICK_SEEDS, N_QUICK_TRIALS) if quick else (N_SEEDS, N_TRIALS)
    found: dict[str, Seen] = defaultdict(Seen)
    for task in [*continuous(), failing()]:
        for seed in range(n_seeds):
            search(task, seed, n_trials, found[task.name])
    for name, seen in found.items():
        report.add(f"{name}: true value within the 95 % expected", 100 * float(np.mean(seen.inside)), "%")
        report.add(f"{name}: measured within 95 %, leaving one out", 100 * float(np.mean(seen.left_out)), "%", ">= 85")
        report.add(f"{name}: searches that were advised to stop", 100 * len(seen.regret) / n_seeds, "%")
        if seen.regret:
            report.add(f"{name}: trials by then, median", float(np.median(seen.stopped_at)), "")
            report.add(f"{name}: missing to the optimum then, median", float(np.median(seen.regret)), "")
            report.add(f"{name}: what going on to {n_trials} would have brought, worst", max(seen.lost), "")
    chances = np.array([(chance, float(done)) for chance, done in found["mixed with failures"].chances])
    report.add(
        "mixed with failures: completed, of suggestions with 90 % or more", rate(chances, 0.9, 1.01), "%", ">= 85"
    )
    report.add("mixed with failures: completed, of suggestions below 90 %", rate(chances, 0.0, 0.9), "%")
    cost(report, 60 if quick else 300)


def search(task: Task, seed: int, n_trials: int, seen: Seen) -> None:
    """Search, and ask at every step."""
    optimizer, rng = make_optimizer("gp", task.space, task.objectives, seed, {}), np.random.default_rng(seed)
    best, at_stop = -np.inf, None
    for number in range(1, n_trials + 1):
        (point,) = optimizer.suggest()
        (about,) = optimizer.explain([point])
        outcome, truth = task.evaluate(point, rng), task.truth(point)
        if about.expected:
            seen.chances.append((about.feasibility, outcome is not None))
        if outcome is None:
            optimizer.register_failures([point])
            continue
        if about.expected:
            expected = about.expected["y0"]
            seen.inside.append(bool(expected.low <= truth <= expected.high))
        optimizer.ingest([{**point, "y0": outcome[0]}])
        best = max(best, truth)
        if at_stop is None and number % EVERY == 0 and (outlook := optimizer.outlook()) and not outlook.is_worth_it:
            at_stop = best
            seen.stopped_at.append(number)
    seen.left_out.append(optimizer.diagnose()["y0"].inside)
    if at_stop is not None:
        seen.regret.append(BEST[task.name] - at_stop)
        seen.lost.append(best - at_stop)


def rate(chances: np.ndarray, low: float, high: float) -> float:
    """Return how many per cent completed of those with a probability in this range; NaN where there were none."""
    some = chances[(chances[:, 0] >= low) & (chances[:, 0] < high)]
    return 100 * float(some[:, 1].mean()) if len(some) else float("nan")


def cost(report: Report, n_trials: int) -> None:
    """Measure what it costs to be asked, after many trials."""
    task = continuous()[1]
    optimizer, rng = make_optimizer("gp", task.space, task.objectives, 1, {}), np.random.default_rng(1)
    for row in rng.random((n_trials, 6)):
        point = {f"x{k}": float(value) for k, value in enumerate(row)}
        optimizer.ingest([{**point, "y0": task.truth(point)}])
    for name, ask in (
        ("explain one recipe", lambda: optimizer.explain([point])),
        ("diagnose", optimizer.diagnose),
        ("say what there is to gain", optimizer.outlook),
    ):
        with watch() as spent:
            ask()
        report.add(f"CPU, {n_trials} trials: {name}", spent.cpu_s, "s", "<= 3")


if __name__ == "__main__":
    main(measure, __doc__)
