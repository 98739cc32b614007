"""The loop: suggest, make, measure, record, read back, learn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._decisions import CLOSED, ENDED, LOADED, SUGGESTED, Decisions
from labctl.campaign._resumption import read_resumption, settle
from labctl.clock import ClockQueue
from labctl.dispatch import Dispatcher, Traveller
from labctl.engine import LabRunEngine, ScanIds, StationDriver, wait_idle
from labctl.errors import ClockClosed, ClockStalled, LabError, StoreError
from labctl.lab import Lab
from labctl.optimize import ID_KEY, ROW_KEY
from labctl.records import distrust, operation_record, people_doubt, read_outcome
from labctl.store import Store
from labctl.trials import Outcome

_JOIN_LIMIT_S = 5.0
_SAFE_LIMIT_S = 60.0
"""How long a campaign that cannot go on waits until every station is safe, in real seconds."""


@dataclass(frozen=True)
class Ending:
    """How a campaign ended."""

    reason: str
    """``budget``, ``lab time``, ``target``, ``no improvement``, ``exhausted`` or ``stopped: ...``."""
    n_trials: int
    """Started."""
    n_completed: int
    n_failed: int
    """Samples that their recipe spoilt."""
    n_lost: int
    """Samples that equipment or a stop kept from an outcome."""
    lab_s: float
    """Lab time it took [s]."""
    whereabouts: Mapping[str, str]
    """Where each sample that did not finish lies."""
    quarantined: Mapping[str, str] = field(default_factory=dict)
    """Why each station in quarantine is there."""


class Campaign:
    """One campaign in one laboratory. It is the only place whose state changes while samples are made.

    The optimizer is told only what was read back from the store.

    Args:
        checked: the campaign's files.
        lab: built from the lab file.
        store: where everything is recorded; a campaign that was interrupted there is taken up again.
        plans: plan of each operation kind.

    Raises:
        StoreError: what was decided or recorded before cannot be read.
    """

    def __init__(
        self, checked: CheckedCampaign, lab: Lab, store: Store, plans: Mapping[str, Callable[..., Any]]
    ) -> None:
        self.checked, self.lab, self.store = checked, lab, store
        self.optimizer = checked.make_optimizer()
        self.outcomes: list[Outcome] = []
        """Of the trials that ended, in the order they ended."""
        self.lost: dict[str, str] = {}
        """Why each trial without an outcome has none."""
        self.n_started = 0
        self.best: Outcome | None = None
        self.started_at = lab.clock.monotonic()
        self._decisions = Decisions(store.directory)
        self._before = read_resumption(checked, self._decisions, store)
        self._since_best = 0
        self._stop_reason = ""
        self._ended: ClockQueue[Traveller | StoreError | Callable[[], None]] = ClockQueue(lab.clock)
        file = checked.file
        md = {
            **lab.metadata.model_dump(),
            "operator": file.operator or lab.metadata.operator,
            "policy": (file.policy or lab.metadata.policy).model_dump(),
            "campaign": file.campaign,
        }
        scan_ids = ScanIds(self._before.n_runs + 1)
        self.drivers = {
            name: StationDriver(
                name,
                lab.clock,
                LabRunEngine(
                    lab.clock, {**md, "station": name, "fittings": dict(station.fittings)}, scan_ids, store.journal
                ),
            )
            for name, station in lab.stations.items()
        }
        self.dispatcher = Dispatcher(
            lab,
            self.drivers,
            plans,
            {"campaign": file.campaign},
            self._ended.put,
            self._write_load,
        )
        self._remember()

    def run(self) -> Ending:
        """Run to the end and return how it ended; everything is in its safe state then.

        Raises:
            LabError: an instrument does not answer as it should; nothing was moved.
            StoreError: what is decided cannot be written down; every operation was aborted.
        """
        clock = self.lab.clock
        try:
            with clock.held(), clock.flow():
                self._check_instruments()
                if self._before.points:
                    self._go_on()
                self._fill()
                while self._n_under_way:
                    news = self._ended.get()
                    if isinstance(news, StoreError):
                        raise news
                    if isinstance(news, Traveller):
                        self._take(news)
                        self._fill()
                    elif news is not None:
                        news()
                ending = self._ending()
                self._decisions.write(CLOSED, reason=ending.reason)
                return ending
        except (ClockClosed, ClockStalled):
            raise  # simulated time is over, and with it whatever was on
        except BaseException as error:
            self.stop(f"{type(error).__name__}: {error}")
            wait_idle(tuple(self.drivers.values()), clock, _SAFE_LIMIT_S)
            raise
        finally:
            self._close()

    @property
    def _n_under_way(self) -> int:
        return self.n_started - len(self.outcomes) - len(self.lost)

    @property
    def lab_s(self) -> float:
        """Lab time since the beginning [s]."""
        return self.lab.clock.monotonic() - self.started_at

    def ask(self, answer: Callable[[], None]) -> None:
        """Call `answer` from the loop: it shows that the loop goes round; any thread may call this."""
        self._ended.put(answer)

    def stop(self, reason: str) -> None:
        """Start nothing more, and abort what runs, each station to its safe state; any thread may call this."""
        if not self._stop_reason.startswith("stopped"):  # also when the last trials are under way
            self._stop_reason = f"stopped: {reason}"
        self.dispatcher.stop_starting(reason)
        for name, driver in self.drivers.items():  # side by side: one mute instrument delays no other station
            self.lab.clock.spawn(functools.partial(driver.abort, reason), f"abort-{name}")

    def hurry(self) -> None:
        """Let no link wait long: a stop must not hang on a mute instrument."""
        self.lab.fail_fast()

    # The loop.

    def _check_instruments(self) -> None:
        wrong = [str(answer) for answer in self.lab.connect().values() if isinstance(answer, LabError)]
        if wrong:
            raise LabError("\n".join(wrong))

    def _fill(self) -> None:
        """Start trials until enough samples are under way or a limit is reached."""
        file = self.checked.file
        while self._n_under_way < file.in_flight and not self._limit():
            points = self.optimizer.suggest(1)
            if not points:
                self._stop_reason = self._stop_reason or "exhausted"
                return
            self.n_started += 1
            point = points[0]
            sample = f"{file.campaign}-{self.n_started:04d}"
            self._decisions.write(SUGGESTED, point=point, sample=sample)
            suggestion = {name: value for name, value in point.items() if name != ID_KEY}
            values = {name: value for name, value in suggestion.items() if name != ROW_KEY}
            recipe = self.checked.recipe(values, suggestion.get(ROW_KEY))
            self.dispatcher.submit(sample, point[ID_KEY], recipe, suggestion)

    def _write_load(self, station: str, samples: list[str]) -> None:
        """Write down what is about to be loaded; when that fails, nothing is, and the campaign ends."""
        try:
            self._decisions.write(LOADED, station=station, samples=samples)
        except StoreError as error:
            self._ended.put(error)
            self.lab.clock.make_event().wait()  # for ever: the dispatcher must do nothing more

    # After an interruption.

    def _remember(self) -> None:
        """Be what the campaign was when it was interrupted; nothing is asked of the laboratory."""
        before = self._before
        for step, trial in before.steps:
            traveller = before.travellers[before.samples[trial]]
            if step == SUGGESTED:
                self.optimizer.register_suggestions([dict(before.points[trial])])
                self.n_started += 1
            else:
                traveller.reason = before.ended[trial]
                traveller.status = "failed" if traveller.reason else "finished"
                self._learn(traveller)

    def _go_on(self) -> None:
        """Find out what became of operations whose end nobody saw, and hand every sample to the dispatcher."""
        before, clock = self._before, self.lab.clock
        age_s = clock.time() - before.first_time if before.n_runs else 0.0
        self.started_at = clock.monotonic() - age_s
        rules = {kind: str(schema.on_unknown) for kind, schema in self.checked.schemas.items()}
        loads = settle(before, self.lab, {**rules, **self.checked.file.on_unknown}, self._decisions)
        self.dispatcher.adopt(list(before.travellers.values()), loads, before.n_operations)
        for traveller in before.travellers.values():
            if traveller.status == "failed" and traveller.trial not in before.ended:
                self._ended.put(traveller)

    def _limit(self) -> str:
        """Return why no further trial is started, or an empty text."""
        file = self.checked.file
        if not self._stop_reason:
            if self.dispatcher.stopping:
                self._stop_reason = f"stopped: {self.dispatcher.stopping}"
            elif self.n_started >= file.budget.trials:
                self._stop_reason = "budget"
            elif file.budget.lab_time is not None and self.lab_s >= file.budget.lab_time * 3600:
                self._stop_reason = "lab time"
            elif file.stop.no_improvement is not None and self._since_best >= file.stop.no_improvement:
                self._stop_reason = "no improvement"
            elif self.optimizer.should_stop():
                self._stop_reason = self.optimizer.stop_reason
            elif self.lost and not self._can_go_on():
                self._stop_reason = "stopped: no station is left for an operation of the recipe"
        return self._stop_reason

    def _can_go_on(self) -> bool:
        kinds = {entry["operation"] for entry in self.checked.content["operations"]}
        able = [port for port in self.dispatcher.ports.values() if port.state != "quarantined"]
        return all(any(kind in port.station.operations for port in able) for kind in kinds)

    def _take(self, traveller: Traveller) -> None:
        """Write down that a sample ended, and learn from it."""
        self._decisions.write(ENDED, trial=traveller.trial, reason=traveller.reason)
        self._learn(traveller)

    def _learn(self, traveller: Traveller) -> None:
        """Read back what was recorded of a sample that ended, and tell the optimizer."""
        doubts = people_doubt(self.store.directory)
        records = [operation_record(self.store.run(uid), traveller.sample, doubts) for uid in traveller.runs]
        n_operations, objectives = len(traveller.recipe.operations), self.checked.objectives
        outcome = read_outcome(traveller.trial, traveller.suggestion, records, n_operations, objectives)
        if outcome is None:
            self.lost[traveller.trial] = traveller.reason or "not every operation was recorded as a success"
            return
        if outcome.status == "completed" and (reason := distrust(records, self.checked.file.quality)):
            self.lost[traveller.trial] = reason
            return
        self.outcomes.append(outcome)
        row = {} if outcome.row is None else {ROW_KEY: outcome.row}
        point = {ID_KEY: outcome.trial, **row, **outcome.values}
        if outcome.status == "failed":
            self.optimizer.register_failures([point])
            self._since_best += 1
            return
        self.optimizer.ingest([{**point, **outcome.objectives}])
        if self._is_better(outcome):
            self.best, self._since_best = outcome, 0
        else:
            self._since_best += 1

    def _is_better(self, outcome: Outcome) -> bool:
        """Return whether the first objective is better than ever."""
        first = self.checked.objectives[0]
        if self.best is None:
            return True
        return first.gain(outcome.objectives[first.name]) > first.gain(self.best.objectives[first.name])

    def _ending(self) -> Ending:
        failed = sum(outcome.status == "failed" for outcome in self.outcomes)
        return Ending(
            self._stop_reason,
            self.n_started,
            len(self.outcomes) - failed,
            failed,
            len(self.lost),
            self.lab_s,
            {t.sample: t.location for t in self.dispatcher.travellers if t.trial in self.lost},
            {n: p.reason for n, p in self.dispatcher.ports.items() if p.state == "quarantined"},
        )

    def _close(self) -> None:
        self.dispatcher.close()
        for driver in self.drivers.values():
            driver.close()
        for driver in self.drivers.values():
            driver.join(_JOIN_LIMIT_S)
