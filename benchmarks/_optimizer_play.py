"""Let a player play a task, and keep what came of it in a file, so that a long benchmark can be taken up again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from _optimizer_players import OWN, Own, Peer, Peers, Player
from _optimizer_tasks import Task

import labctl.optimize

_CHOOSES = ("axes", "domain", "history", "restraint", "optimizer", "uninformed")


def play(player: Player, task: Task, seed: int, until: float, group: int = 1) -> dict[str, Any]:
    """Try what the player suggests until the truth reaches `until`, or the task's trials are used up.

    Returns:
        how many trials it took to the target and to `until` (None where it did not), rounds, failures, those of
        them that nearly repeated an earlier one, and what was measured, for curves.
    """
    rng = np.random.default_rng([seed, 1])
    waiting = starts(task, seed)
    found: dict[str, Any] = {"target": None, "until": None, "failed": 0, "repeated": 0}
    failed: list[Mapping[str, Any]] = []
    curve: list[float] = []
    n_trials = n_rounds = 0
    while found["until"] is None and n_trials < task.max_trials:
        points = waiting or player.suggest(min(group, task.max_trials - n_trials))
        waiting, n_rounds = [], n_rounds + 1
        if not points:
            break
        for point in points:
            n_trials += 1
            values = task.evaluate(point, rng)
            player.tell(point, values)
            if values is None:
                found["failed"] += 1
                found["repeated"] += any(_is_near(task, point, other) for other in failed)
                failed.append(point)
                continue
            truth = task.truth(point)
            curve.append(truth)
            for key, aim in (("target", task.target), ("until", until)):
                if truth >= aim and found[key] is None:
                    found[key] = n_trials
                    found[f"rounds_{key}"] = n_rounds
    return {**found, "n": n_trials, "rounds": n_rounds}


def starts(task: Task, seed: int) -> list[dict[str, Any]]:
    """Return the random points that every engine begins with."""
    if task.n_start is None:
        return []
    rows = np.random.default_rng([seed, 3]).choice(len(task.measured), task.n_start, replace=False)
    return [{"_row": int(row), "_id": f"start{k}"} for k, row in enumerate(rows)]


def _is_near(task: Task, point: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    from labctl.optimize._domain import domain_of

    domain = domain_of(task.space)
    codes = np.array([domain.code(each) for each in (point, other)])
    return bool(domain.near(codes[:1], codes[1:])[0])


class Cache:
    """Results by section, task, engine and seed: lines of JSON, the last one of a key counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[tuple[Any, ...], dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                self._lines[tuple(entry["key"])] = entry["value"]

    def get(self, key: tuple[Any, ...], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what is kept under a key, made and kept where it is missing."""
        if key not in self._lines:
            self._lines[key] = make()
            with open(self._path, "a") as file:
                file.write(json.dumps({"key": key, "value": self._lines[key]}) + "\n")
        return self._lines[key]

    def __contains__(self, key: tuple[Any, ...]) -> bool:
        return key in self._lines


def fingerprint() -> str:
    """Return what changes whenever the code of labctl's engines does: older results of theirs do not count."""
    folder = Path(labctl.optimize.__file__).parent
    files = [*(folder / "_gp").glob("*.py"), *(folder / f"_{name}.py" for name in _CHOOSES)]
    content = b"".join(path.read_bytes() for path in sorted(files))
    return hashlib.sha256(content).hexdigest()[:8]


class Players:
    """Makes players, each peer in one process that is started when it is first needed."""

    def __init__(self, python: Path) -> None:
        self._python, self._processes = python, dict[str, Peers]()

    def __call__(self, engine: str, task: Task, seed: int, **options: Any) -> Player:
        if engine in OWN:
            return Own(engine, task, seed, options)
        if engine not in self._processes:
            self._processes[engine] = Peers(self._python, engine)
        return Peer(self._processes[engine], task, seed)

    def versions(self) -> dict[str, str]:
        return {engine: process.version for engine, process in self._processes.items()}

    def close(self) -> None:
        for process in self._processes.values():
            process.close()
