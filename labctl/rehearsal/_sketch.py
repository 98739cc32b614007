"""A campaign sketched: the real optimizer and the real dispatcher, with a plant that is driven directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from labctl.campaign import CheckedCampaign
from labctl.clock import Clock, ClockQueue
from labctl.dispatch import Dispatcher, Share, Traveller
from labctl.engine import OperationRequest, OperationResult
from labctl.errors import ClockClosed, LabError
from labctl.lab import Lab
from labctl.optimize import ID_KEY, ROW_KEY, make_optimizer
from labctl.recipes import OperationSchema
from labctl.records import OperationRecord, read_outcome
from labctl.trials import Outcome


class Plant(Protocol):
    """What does operations at once: their physics and their time, without instruments and records."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of operation that it can do."""
        ...

    def do(self, kind: str, station: str, **parameters: Any) -> dict[str, float]:
        """Do an operation for as long as it takes on the clock; return what it would record; raises `LabError`."""
        ...


@dataclass(frozen=True)
class Sketched:
    """One trial of a sketch that ended."""

    outcome: Outcome | None
    """None where equipment failed."""
    n_begun: int
    """Trials that were begun by then, this one and those still under way included."""
    lab_s: float
    """When it ended, from the campaign's beginning [s of lab time]."""


@dataclass(frozen=True)
class _Doing:
    """What a plan would do."""

    kind: str
    parameters: Mapping[str, Any]
    names: tuple[str, ...]
    """Of the operation in the recipe of each sample."""


class _Plan:
    """Stands for the plan of an operation: it says what is asked, and does nothing."""

    def __init__(self, schema: OperationSchema) -> None:
        self.schema = schema

    def __call__(
        self, *devices_and_samples: Any, md: Any, baseline: Any, events: Any, continues: str, **given: Any
    ) -> Any:
        values, problems = self.schema.check(given, self.schema.kind)
        assert not problems, problems
        return _Doing(self.schema.kind, values, tuple(md["operation_names"]))


class _Driver:
    """Takes the place of a station's driver: it lets the plant do what is asked, on a thread of its own."""

    def __init__(
        self, station: str, clock: Clock, plant: Plant, records: dict[str, dict[str, OperationRecord]]
    ) -> None:
        self._station, self._clock, self._plant, self._records = station, clock, plant, records
        self._inbox: ClockQueue[tuple[OperationRequest, Callable[[OperationResult], None]]] = ClockQueue(clock)
        clock.spawn(self._run, f"sketch-{station}")

    def submit(self, request: OperationRequest, on_done: Callable[[OperationResult], None]) -> None:
        self._inbox.put((request, on_done))

    def _run(self) -> None:
        while (job := self._inbox.get()) is not None:
            request, on_done = job
            on_done(self._do(request))

    def _do(self, request: OperationRequest) -> OperationResult:
        doing, began_s = request.make_plan(), self._clock.time()
        status, reason, results = "success", "", dict[str, float]()
        try:
            results = self._plant.do(doing.kind, self._station, **doing.parameters)
        except ClockClosed:
            raise
        except LabError as error:
            status, reason = "fail", str(error)
        self._records[request.id] = {
            sample: OperationRecord(
                name, request.kind, self._station, request.id, began_s, self._clock.time(), status, reason, results
            )
            for sample, name in zip(request.samples, doing.names, strict=True)
        }
        return OperationResult(status, reason, request.id)


class Sketch:
    """A campaign that makes its samples in a plant that is driven directly.

    Args:
        checked: the campaign's files.
        lab: built from the lab file; nothing of it is connected.
        plant: on the same clock.
        engine: of the optimizer; the campaign's own when omitted.
        in_flight: samples under way at the same time; the campaign's own when omitted.
    """

    def __init__(
        self, checked: CheckedCampaign, lab: Lab, plant: Plant, *, engine: str = "", in_flight: int | None = None
    ) -> None:
        self._checked, self._clock = checked, lab.clock
        self._optimizer = (
            make_optimizer(engine, checked.space, checked.objectives, checked.file.seed, {})
            if engine
            else checked.make_optimizer()
        )
        self._in_flight = in_flight or checked.file.in_flight
        self.records: dict[str, dict[str, OperationRecord]] = {}
        """What was done in each run, by sample."""
        self._inbox: ClockQueue[Traveller | Exception | None] = ClockQueue(lab.clock)
        self._n_begun = 0
        drivers: Any = {name: _Driver(name, lab.clock, plant, self.records) for name in lab.stations}
        plans: Any = {kind: _Plan(schema) for kind, schema in checked.schemas.items()}
        self.dispatcher = Dispatcher(
            lab,
            drivers,  # as far as a dispatcher uses drivers
            plans,
            on_ended=self._inbox.put,
            on_broken=self._inbox.put,
            policy=checked.file.dispatch.make_policy(),
            on_room=lambda: self._inbox.put(None),
        )
        self.dispatcher.join("", Share(rules=checked.file.on_failure), {"campaign": checked.file.campaign})

    def run(self, n_trials: int, until: Callable[[Outcome], bool] = lambda outcome: False) -> list[Sketched]:
        """Make samples until one is good enough, or so many have ended; return each that ended, in order.

        Args:
            n_trials: that are begun at most.
            until: whether an outcome is good enough.
        """
        done: list[Sketched] = []
        with self._clock.held(), self._clock.flow():
            began_s = self._clock.monotonic()
            self._fill(n_trials, 0)
            while len(done) < self._n_begun:
                ended = self._inbox.get()
                if isinstance(ended, Exception):
                    raise ended
                if ended is None:  # there is room
                    self._fill(n_trials, len(done))
                    continue
                outcome = self._learn(ended)
                done.append(Sketched(outcome, self._n_begun, self._clock.monotonic() - began_s))
                if outcome is not None and until(outcome):
                    break
                self._fill(n_trials, len(done))
        self.dispatcher.close()
        return done

    def _fill(self, n_trials: int, n_ended: int) -> None:
        while self._n_begun < min(n_trials, n_ended + self._in_flight) and self._has_room(n_ended):
            points = self._optimizer.suggest(1)
            if not points:
                return
            self._n_begun += 1
            suggestion = {name: value for name, value in points[0].items() if name != ID_KEY}
            values = {name: value for name, value in suggestion.items() if name != ROW_KEY}
            recipe = self._checked.recipe(values, suggestion.get(ROW_KEY))
            trial = str(points[0][ID_KEY])
            self.dispatcher.submit(f"sketch-{trial}", trial, recipe, suggestion)

    def _has_room(self, n_ended: int) -> bool:
        """Return whether a sample could be begun now, as a campaign asks."""
        room = self.dispatcher.room(self._checked.first_kind, "") + self._checked.n_ahead
        return self._n_begun == n_ended or room > 0

    def _learn(self, traveller: Traveller) -> Outcome | None:
        records = [self.records[uid][traveller.sample] for uid in traveller.runs]
        n_operations = len(traveller.recipe.operations) - len(traveller.left_out)
        objectives = self._checked.objectives
        outcome = read_outcome(traveller.trial, traveller.suggestion, records, n_operations, objectives)
        if outcome is None:
            return None
        row = {} if outcome.row is None else {ROW_KEY: outcome.row}
        point = {ID_KEY: outcome.trial, **row, **outcome.values}
        if outcome.status == "failed":
            self._optimizer.register_failures([point])
        else:
            self._optimizer.ingest([{**point, **outcome.objectives}])
        return outcome
