"""Who plays: labctl's own engines in this process, others in a Python of their own, spoken to in JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from _optimizer_tasks import Task

from labctl.optimize import ID_KEY, make_optimizer
from labctl.trials import Candidates

WORKER = Path(__file__).with_name("_optimizer_worker.py")
OWN = ("gp", "random", "sobol")


class Player(Protocol):
    """One engine at one task with one seed: points in, points out, each under its ``_id``."""

    def suggest(self, n: int) -> list[dict[str, Any]]: ...

    def tell(self, point: Mapping[str, Any], values: Sequence[float] | None) -> None:
        """Tell what a point gave, suggested or not; None where it failed."""

    def best(self) -> dict[str, Any] | None:
        """Return the point that the engine holds to be the best."""


class Own:
    """labctl's engine."""

    def __init__(self, engine: str, task: Task, seed: int, options: Mapping[str, Any]) -> None:
        self._names = [objective.name for objective in task.objectives]
        self.optimizer = make_optimizer(engine, task.space, task.objectives, seed, options)

    def suggest(self, n: int) -> list[dict[str, Any]]:
        return self.optimizer.suggest(n)

    def tell(self, point: Mapping[str, Any], values: Sequence[float] | None) -> None:
        if values is None:
            self.optimizer.register_failures([dict(point)])
        else:
            self.optimizer.ingest([{**point, **dict(zip(self._names, values, strict=True))}])

    def best(self) -> dict[str, Any] | None:
        points = self.optimizer.get_best_points()
        return points[0] if points else None


class Peers:
    """A process of the peers' Python that plays one engine, one task after another."""

    def __init__(self, python: Path, engine: str) -> None:
        self._process = subprocess.Popen(
            [str(python), str(WORKER), engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        self.version = str(self.ask(call="version"))

    def ask(self, **message: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(message), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer's process ended: {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)


class Peer:
    """Another engine, at one task."""

    def __init__(self, process: Peers, task: Task, seed: int) -> None:
        self._process, self._n = process, 0
        pooled = isinstance(task.space, Candidates)
        space: dict[str, Any] = {"n_objectives": task.n_objectives, "seed": seed}
        if isinstance(task.space, Candidates):
            space |= {
                "inputs": task.space.inputs,
                "rows": [list(task.space.values(r).values()) for r in range(task.space.n)],
            }
        else:
            space |= {
                "parameters": [{"kind": type(each).__name__.lower(), **asdict(each)} for each in task.space.parameters]
            }
        self._pooled = pooled
        process.ask(call="begin", **space)

    def suggest(self, n: int) -> list[dict[str, Any]]:
        points = self._process.ask(call="suggest", n=n)
        found = []
        for point in points:
            self._n += 1
            found.append(({"_row": point} if self._pooled else point) | {ID_KEY: f"T{self._n:04d}"})
        return found

    def tell(self, point: Mapping[str, Any], values: Sequence[float] | None) -> None:
        plain = point["_row"] if self._pooled else {k: v for k, v in point.items() if not k.startswith("_")}
        self._process.ask(call="tell", point=plain, values=values)

    def best(self) -> dict[str, Any] | None:
        point: dict[str, Any] = self._process.ask(call="best")
        return {"_row": point} if self._pooled else point
