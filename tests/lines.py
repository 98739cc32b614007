"""Random lines and routes for dispatch, without instruments, and what must hold on every one of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labctl.dispatch import Durations, FailureRule, Forecast, Line, Policy, Port, Traveller
from labctl.dispatch._leaving import leave
from labctl.dispatch._taking_back import take_back
from labctl.engine import OperationResult
from labctl.lab import Station
from labctl.recipes import Operation, OperationSchema, Recipe, Timing

KINDS = ("bake", "coat", "etch", "look", "spin")
MOVE_S = 60.0
TAKES_S = (240.0, 1500.0, 2400.0, 14400.0)
MOST_OPERATIONS = 7


@dataclass(frozen=True)
class Troubles:
    """What goes wrong on a line."""

    failures: float = 0.0
    """Share of the operations that fail."""
    jitter: float = 0.0
    """Operations take so much longer or shorter, as a share."""
    n_removals: int = 0
    """Stations that are taken out and brought back while samples are under way."""
    is_shared: bool = False
    """Whether one of two campaigns is paused for a while, and leaves later."""
    n_refused: int = 0
    """How often a sample is taken back to which nothing was done yet."""


@dataclass
class Passed:
    """What came of a line."""

    n_samples: int
    n_finished: int
    n_late: int
    """Samples that were given up because a window was missed."""
    n_failed: int
    n_operations: int
    makespan_s: float
    wrong: list[str] = field(default_factory=list)
    """What did not hold."""


def random_line(
    seed: int, policy: Policy, n_samples: int | None = None, troubles: Troubles = Troubles(), *, windows: bool = True
) -> Line:
    """Return a line of random stations with random routes for its samples."""
    rng = random.Random(seed)
    kinds = rng.sample(KINDS, rng.randint(2, len(KINDS)))
    stations = {station.name: station for kind in kinds for station in _stations(rng, kind, kinds)}
    takes = {(kind, programme): rng.choice(TAKES_S) for kind in kinds for programme in (1, 2)}
    recipes = [_recipe(rng, number, takes, windows=windows) for number in range(rng.randint(1, 3))]
    n = n_samples or rng.randint(1, 14)
    schemas = {kind: _schema(kind) for kind in kinds}
    verdicts = ["quarantine", "elsewhere", "set aside", "go on"]
    rules = {
        kind: FailureRule.model_validate({"retries": rng.randint(0, 2), "then": rng.choice(verdicts)}) for kind in kinds
    }
    line = empty_line(stations, {"rack": n}, policy, schemas, rules, has_mover=rng.random() < 0.8)
    for number in range(n):
        traveller = Traveller(f"s{number:05d}", f"T{number:05d}", rng.choice(recipes), {}, "", "")
        traveller.share = rng.choice(("a", "b"))
        traveller.priority = int(rng.random() < 0.1)
        line.take(traveller)
    return line


def empty_line(
    stations: dict[str, Station],
    racks: dict[str, int],
    policy: Policy,
    schemas: dict[str, OperationSchema] | None = None,
    rules: dict[str, FailureRule] | None = None,
    *,
    has_mover: bool = True,
) -> Line:
    """Return a line on which nothing is yet."""

    kinds = {kind for station in stations.values() for kind in station.operations}
    doing = {kind: tuple(name for name, station in stations.items() if kind in station.operations) for kind in kinds}

    def able(operation: Operation) -> tuple[str, ...]:
        return doing.get(operation.kind, ())

    hands: Any = None  # only copies of it do anything
    return Line(
        stations,
        racks,
        has_mover=has_mover,
        able=able,
        durations=Durations({}, MOVE_S),
        policy=policy,
        schemas=schemas or {},
        rules=rules or {},
        hands=hands,
    )


def _stations(rng: random.Random, kind: str, kinds: Sequence[str]) -> list[Station]:
    found = []
    for number in range(rng.choice((1, 1, 2, 3))):
        both = {kind: (), **({rng.choice(kinds): ()} if rng.random() < 0.2 else {})}
        changes = {each: rng.choice((0.0, 600.0)) for each in both}
        places = rng.choice((1, 1, 1, 2, 4, 8))
        wait_s = rng.choice((0.0, 600.0, 3600.0))
        name = f"{kind}_{number}"
        found.append(Station(name, both, places, wait_s, rng.choice((0, min(2, places))), {}, changes, changes))
    return found


def _recipe(rng: random.Random, number: int, takes: Mapping[tuple[str, int], float], *, windows: bool) -> Recipe:
    operations = []
    for index in range(rng.randint(1, MOST_OPERATIONS)):
        kind, programme = rng.choice(sorted(takes))
        window = index > 0 and windows and rng.random() < 0.25
        timing = Timing(
            takes[kind, programme],
            rng.choice((2400.0, 7200.0)) if window else None,
            rng.choice((0.0, 0.0, 300.0)) if index and window else 0.0,
            rng.random() < 0.1,
            not window and rng.random() < 0.2,
        )
        operations.append(Operation(f"op{index}", kind, {"programme": programme}, {}, timing))
    return Recipe(f"r{number}", tuple(operations))


def _schema(kind: str) -> OperationSchema:
    def plan(samples: Sequence[str]) -> None: ...

    plan.__name__ = kind
    return OperationSchema.of(plan, {}, on_unknown="repeat")


class Trial(Forecast):
    """A line that is run to its end with troubles; everything that must hold is looked at after every event."""

    def __init__(self, line: Line, seed: int, troubles: Troubles = Troubles()) -> None:
        self._rng, self._troubles = random.Random(seed + 1), troubles
        self.wrong: list[str] = []
        self.done: dict[str, list[str]] = {t.sample: [] for t in line.travellers}
        self.all = {t.sample: t for t in line.travellers}
        super().__init__(line, takes=self._random)
        self.all = {t.sample: t for t in self.line.travellers}
        for _ in range(troubles.n_removals):
            name = self._rng.choice(sorted(self.line.ports))
            at = self._rng.uniform(0, 40000)
            self.at(at, lambda line, name=name: line.retire(line.ports[name], "maintenance"))
            self.at(at + self._rng.uniform(600, 20000), lambda line, name=name: _restored(line, name))

        if troubles.is_shared:
            at = self._rng.uniform(0, 40000)
            self.at(at, lambda line: setattr(line.share("b"), "paused", "by somebody"))
            self.at(at + 3600.0, lambda line: setattr(line.share("b"), "paused", ""))
            self.at(self._rng.uniform(0, 60000), lambda line: leave(line, "a", "stopped"))
        for _ in range(troubles.n_refused):
            self.at(self._rng.uniform(0, 20000), self._refuse)

    def _refuse(self, line: Line) -> None:
        """Take back one of the samples that were not begun; one that was begun stays."""
        for traveller in self._rng.sample(line.travellers, min(4, len(line.travellers))):
            is_there = traveller.location == traveller.home and not self.done[traveller.sample]
            if take_back(line, traveller.sample) is None:
                self.wrong += [f"{traveller.sample} was not begun and stays"] if not traveller.begun else []
                continue
            self.wrong += [] if is_there else [f"{traveller.sample} was begun and is taken back"]
            self.wrong += [f"{name} is kept" for name, of in line.places.holders().items() if of == traveller.sample]
            del self.all[traveller.sample]
            return

    def pass_through(self) -> Passed:
        """Run to the end and return what came of it."""
        prospect = self.run()
        n = len(self.all)
        late = sum("could not begin within" in reason for reason in prospect.lost.values())
        self._check_end()
        return Passed(
            n,
            n - len(prospect.lost),
            late,
            len(prospect.lost) - late,
            len(prospect.spans),
            prospect.makespan,
            self.wrong,
        )

    def begin(self, port: Port) -> None:
        """Look whether the operation may begin."""
        programmes = {t.load_key(t.operations[t.index]) for t in port.load}
        self.wrong += [f"{t.sample} goes on after it was stopped" for t in port.load if t.aside]
        places = [t.location for t in port.load]
        if len(programmes) != 1 or len(port.load) > port.station.places or len(set(places)) != len(places):
            self.wrong.append(f"{port.station.name}: load of {len(port.load)}, {programmes}, {places}")
        for traveller in port.load:
            now, operation = self.line.now, traveller.operations[traveller.index]
            if traveller.location.rpartition(".")[0] != port.station.name:
                self.wrong.append(f"{traveller.sample} is in {traveller.location}, not in {port.station.name}")
            if not port.attempt and not traveller.ready_at - 1e-6 <= now <= traveller.due + 1e-6:
                self.wrong.append(f"{traveller.sample}: {operation.name} began at a wrong time")
            if operation.kind not in port.station.operations:
                self.wrong.append(f"{port.station.name} does {operation.kind}")
        super().begin(port)

    def _operated(self, port: Port, result: OperationResult) -> None:
        if result.status == "success":
            for traveller in port.load:
                self.done[traveller.sample].append(traveller.operations[traveller.index].name)
        super()._operated(port, result)
        holders = self.line.places.holders()
        for traveller in self.line.travellers:
            if holders.get(traveller.home) != traveller.sample or holders.get(traveller.location) != traveller.sample:
                self.wrong.append(f"{traveller.sample} lies in {traveller.location}, which is not its own")

    def _random(self, port: Port) -> tuple[float, OperationResult]:
        lasts_s = (port.until - port.began) * (1 + self._rng.uniform(-1, 1) * self._troubles.jitter)
        failed = self._rng.random() < self._troubles.failures
        return lasts_s, OperationResult("fail", "broken") if failed else OperationResult("success")

    def _check_end(self) -> None:
        line = self.line
        if line.travellers:
            where = [f"{t.sample} {t.status} at {t.location}" for t in line.travellers]
            self.wrong.append(f"never ended: {where}")
        kept = {t.home for t in self.all.values()}
        quarantined = {name for name, port in line.ports.items() if port.state == "quarantined"}
        for name, sample in line.places.holders().items():
            if name not in kept and name.rpartition(".")[0] not in quarantined:
                self.wrong.append(f"{name} is still kept for {sample}")
        for sample, traveller in self.all.items():
            names = [operation.name for operation in traveller.recipe.operations]
            done = self.done[sample]
            if len(set(done)) != len(done):
                self.wrong.append(f"{sample}: something was done twice: {done}")
            if traveller.status == "finished" and sorted([*done, *traveller.left_out]) != sorted(names):
                self.wrong.append(f"{sample} finished after {done} without {traveller.left_out}")


def _restored(line: Line, name: str) -> None:
    from labctl.dispatch._failing import restore

    restore(line, line.ports[name])
