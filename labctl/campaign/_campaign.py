"""The loop: suggest, make, measure, record, read back, learn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._decisions import (
    APPROVED,
    CLOSED,
    ENDED,
    HANDLED,
    HELD,
    LOADED,
    REFUSED,
    RELEASED,
    STARTED,
    SUGGESTED,
    Decisions,
)
from labctl.campaign._earlier import Earlier, read_earlier
from labctl.campaign._envelope import outside
from labctl.campaign._happening import Happening
from labctl.campaign._resumption import read_resumption, settle
from labctl.clock import ClockQueue
from labctl.dispatch import OPERATOR, Dispatcher, Handled, Traveller
from labctl.engine import LabRunEngine, ScanIds, StationDriver
from labctl.errors import ClockClosed, ClockStalled, LabError
from labctl.lab import Lab
from labctl.metadata import AccessPolicy
from labctl.optimize import ID_KEY, ROW_KEY
from labctl.records import distrust, operation_record, people_doubt, read_outcome
from labctl.safety import Actions, Alarm, AlarmBoard, Responder, Watch
from labctl.store import Store
from labctl.trials import Outcome

_JOIN_LIMIT_S = 5.0
_ASK_AGAIN_S = 0.1
_INTERLOCK = "interlock"
"""The holder of a station that interlocks and watchdogs are."""
_QUIET_LIMIT_S = 7 * 86400.0
"""How long a campaign waits while nothing is done, in lab seconds: whoever should answer does not."""
_SAFE_LIMIT_S = 120.0
"""How long a campaign that cannot go on waits until every station is safe, in lab seconds."""


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


@dataclass(frozen=True)
class Pending:
    """A suggestion that waits for a person."""

    trial: str
    point: Mapping[str, Any]
    reason: str
    """Why a person is asked."""
    until: float
    """Lab time [s] after which it is refused."""


class Campaign:
    """One campaign in one laboratory. It is the only place whose state changes while samples are made.

    The optimizer is told only what was read back from the store. What people do from elsewhere is done on the
    campaign's own thread, one thing after another: see `tell`.

    Args:
        checked: the campaign's files.
        lab: built from the lab file.
        store: where everything is recorded; a campaign that was interrupted there is taken up again.
        plans: plan of each operation kind.
        on_happening: called on the campaign's threads with what a person may want to know; it must not block.

    Raises:
        StoreError: what was decided or recorded before cannot be read.
        FileError: an earlier campaign cannot be learnt from.
    """

    def __init__(
        self,
        checked: CheckedCampaign,
        lab: Lab,
        store: Store,
        plans: Mapping[str, Callable[..., Any]],
        on_happening: Callable[[Happening], None] = lambda happening: None,
    ) -> None:
        self.checked, self.lab, self.store, self.on_happening = checked, lab, store, on_happening
        self.optimizer = checked.make_optimizer()
        self.outcomes: list[Outcome] = []
        """Of the trials that ended, in the order they ended."""
        self.lost: dict[str, str] = {}
        """Why each trial without an outcome has none."""
        self.pending: dict[str, Pending] = {}
        """Suggestions that wait for a person, by trial."""
        self.refused: dict[str, str] = {}
        """Why each suggestion that a person refused was refused."""
        self.n_started = 0
        self.best: Outcome | None = None
        self.started_at = self._news_at = lab.clock.monotonic()
        self._decisions = Decisions(store.directory)
        self._before = read_resumption(checked, self._decisions, store)
        self._since_best = self._lost_in_a_row = 0
        self._stop_reason = ""
        self._inbox: ClockQueue[Callable[[], None]] = ClockQueue(lab.clock)
        self._earlier, policy = self._read_earlier()
        file = checked.file
        md = {
            **lab.metadata.model_dump(),
            "operator": file.operator or lab.metadata.operator,
            "policy": policy.model_dump(),
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
            on_ended=lambda traveller: self._inbox.put(lambda: self._take(traveller)),
            on_broken=lambda error: self._inbox.put(lambda: self._break(error)),
            on_loaded=lambda station, samples: self._decisions.write(LOADED, station=station, samples=samples),
            on_handled=self._handled,
            rules=file.on_failure,
        )
        self.board = AlarmBoard(store.directory, lab.clock.time)
        """Alarms of the laboratory, also from before."""
        self.responder = Responder(lab, self.board, self._actions())
        self._watch = Watch(lab, self.responder)
        self._remember()

    def run(self) -> Ending:
        """Run to the end and return how it ended; everything is in its safe state then, also when it raises.

        Raises:
            LabError: an instrument does not answer as it should; nothing was moved.
            StoreError: a decision cannot be written down; every station was brought to its safe state.
        """
        clock = self.lab.clock
        try:
            with clock.held(), clock.flow():
                mute = self._ask_instruments()
                self._watch.start()
                try:
                    ending = self._loop(mute)
                except (ClockClosed, ClockStalled):
                    raise  # simulated time is over, and with it whatever was on
                except BaseException as error:
                    self._abandon(error)
                    raise
                self._decisions.write(CLOSED, reason=ending.reason)
                self._happened("finished", f"ended: {ending.reason}")
                return ending
        finally:
            self._close()

    @property
    def _n_under_way(self) -> int:
        return self.n_started - len(self.outcomes) - len(self.lost)

    @property
    def lab_s(self) -> float:
        """Lab time since the beginning [s]."""
        return self.lab.clock.monotonic() - self.started_at

    def tell(self, call: Callable[[], None]) -> None:
        """Have something done on the campaign's thread, between two decisions; any thread may call this."""
        self._inbox.put(call)

    def stop(self, reason: str) -> None:
        """Start nothing more, and abort what runs, each station to its safe state; any thread may call this."""
        if not self._stop_reason.startswith("stopped"):  # also when the last trials are under way
            self._stop_reason = f"stopped: {reason}"
        self.dispatcher.stop_starting(reason)
        for name in self.drivers:
            self.abort(name, reason)
        self._inbox.put(self._refuse_all)

    def abort(self, station: str, reason: str) -> None:
        """Abort what a station does, to its safe state; any thread may call this, it does not wait."""
        driver = self.drivers[station]  # side by side: one mute instrument delays no other station
        self.lab.clock.spawn(functools.partial(driver.abort, reason), f"abort-{station}")

    def hurry(self) -> None:
        """Let no link wait long: a stop must not hang on a mute instrument."""
        self.lab.fail_fast()

    # The loop.

    def _loop(self, mute: Mapping[str, str]) -> Ending:
        if self._before.points:
            self._go_on(mute)
        self._fill()
        while self._n_under_way or self.pending:
            call = self._inbox.get(timeout=self._next_deadline_s())
            if call is not None:
                self._news_at = self.lab.clock.monotonic()
                call()
            elif self.lab.clock.monotonic() - self._last_news_at() >= _QUIET_LIMIT_S:
                self.stop("nothing has happened for 7 days")
            self._refuse_late()
            self._fill()
        return self._ending()

    def _ask_instruments(self) -> dict[str, str]:
        """Return why each station cannot be used whose instruments do not answer as they should.

        At the beginning that is an error, for a person is there to mend it. A campaign that is taken up again goes on
        with the stations that are left.
        """
        wrong = {name: str(answer) for name, answer in self.lab.connect().items() if isinstance(answer, LabError)}
        stations = {
            name: "; ".join(wrong[device.name] for device in station.devices if device.name in wrong)
            for name, station in self.lab.stations.items()
        }
        mute = {name: reason for name, reason in stations.items() if reason}
        spread = {device.name for name in mute for device in self.lab.stations[name].devices}
        if wrong and (not self._before.points or self.lab.mover in mute or not set(wrong) <= spread):
            raise LabError("\n".join(wrong.values()))
        return mute

    def _fill(self) -> None:
        """Start trials until enough samples are under way or a limit is reached."""
        file = self.checked.file
        while self._n_under_way < file.in_flight and len(self.pending) < file.in_flight and not self._limit():
            points = self.optimizer.suggest(1)
            if not points:
                self._stop_reason = self._stop_reason or "exhausted"
                return
            self._suggested(points[0])

    def _suggested(self, point: Mapping[str, Any]) -> None:
        """Make a sample of a suggestion, or have a person asked first."""
        trial = str(point[ID_KEY])
        asks = self._asks(point)
        self._decisions.write(SUGGESTED, point=point, sample=self._sample(trial), asks=asks)
        if not asks:
            self._submit(point)
            return
        entry = self.checked.file.approve
        assert entry is not None  # otherwise nobody asks
        self.pending[trial] = Pending(trial, point, asks, self.lab.clock.monotonic() + entry.wait * 3600)
        self._happened("wait", f"{trial} waits for approval: {asks}", trial=trial)

    def _submit(self, point: Mapping[str, Any]) -> None:
        self.n_started += 1
        suggestion = {name: value for name, value in point.items() if name != ID_KEY}
        values = {name: value for name, value in suggestion.items() if name != ROW_KEY}
        recipe = self.checked.recipe(values, suggestion.get(ROW_KEY))
        self.dispatcher.submit(self._sample(point[ID_KEY]), point[ID_KEY], recipe, suggestion)

    def _sample(self, trial: str) -> str:
        return f"{self.checked.file.campaign}-{trial.removeprefix('T')}"

    # What people do. Each is done on the campaign's thread.

    def pause(self, by: str) -> None:
        """Start nothing new until `resume`; what runs, ends."""
        self.dispatcher.pause(f"by {by}")
        self._intervened(f"campaign paused by {by}", by)

    def resume(self, by: str) -> None:
        """Start operations again."""
        self.dispatcher.resume()
        self._intervened(f"campaign resumed by {by}", by)

    def hold(self, station: str, by: str, reason: str = "") -> None:
        """Let a station begin nothing new until `release`."""
        why = f"held by {by}{reason and ': '}{reason}"
        self._decisions.write(HELD, station=station, reason=why)
        self.dispatcher.hold(station, OPERATOR, why)
        self._intervened(f"{station} {why}", by, station)

    def release(self, station: str, by: str) -> None:
        """Use a station again that was held or in quarantine; samples that ended in it were taken out."""
        self._decisions.write(RELEASED, station=station, reason=f"released by {by}")
        self.dispatcher.let_go(station, OPERATOR)
        self.dispatcher.restore(station)
        self._intervened(f"{station} released by {by}", by, station)

    def answer(self, station: str, verdict: str, by: str) -> None:
        """Say what is done at a station that waits for a person after a failure."""
        self._intervened(f"{station}: {by} decided to {verdict}", by, station)
        self.dispatcher.answer(station, verdict)

    def approve(self, trial: str, by: str) -> None:
        """Have a suggestion made that waits for a person."""
        waiting = self.pending.pop(trial)
        self._decisions.write(APPROVED, trial=trial, by=by, reason="")
        self._submit(waiting.point)
        self._intervened(f"{trial} approved by {by}", by, trial=trial)

    def refuse(self, trial: str, by: str, reason: str) -> None:
        """Have a suggestion that waits for a person never made; the optimizer does not ask for it again."""
        del self.pending[trial]
        self._decisions.write(REFUSED, trial=trial, by=by, reason=reason)
        self.refused[trial] = f"refused by {by}: {reason}"
        self._intervened(f"{trial} {self.refused[trial]}", by, trial=trial)

    def acknowledge(self, name: str, by: str, note: str = "") -> None:
        """Take note of an alarm; raises RegistryError when there is none of this name."""
        self.board.acknowledge(name, by, note)
        self._intervened(f"{name} acknowledged by {by}{note and ': '}{note}", by)

    def note(self, text: str, by: str, station: str = "") -> None:
        """Record what a person says in the runs that are under way, or in the next; of all stations or of one."""
        self._record("note", text, by, station)

    def _intervened(self, text: str, by: str, station: str = "", trial: str = "") -> None:
        self._record("intervention", text, by, station)
        self._happened("intervention", text, station=station, trial=trial)

    def _record(self, kind: str, text: str, by: str, station: str) -> None:
        for name in [station] if station else self.lab.stations:
            events = self.lab.stations[name].events
            if events is not None:
                events.tell(kind, text, source=by)

    def _happened(self, kind: Any, text: str, **about: Any) -> None:  # one of the kinds of Happening
        self.on_happening(Happening(kind, text, **about))

    # Interlocks.

    def _actions(self) -> Actions:
        def abort(station: str, reason: str) -> None:
            self.drivers[station].abort(reason)

        return Actions(
            warn=self._warn,
            hold=lambda station, reason: self.dispatcher.hold(station, _INTERLOCK, reason),
            release=lambda station: self.dispatcher.let_go(station, _INTERLOCK),
            abort=abort,
        )

    def _warn(self, alarm: Alarm) -> None:
        station = alarm.stations[0] if len(alarm.stations) == 1 else ""
        text = f"{alarm.name}: {alarm.message} ({alarm.action})"
        self._happened("alarm", text, station=station, severity=alarm.severity, alarm=alarm.name)

    # Approval.

    def _asks(self, point: Mapping[str, Any]) -> str:
        """Return why a person has to approve a suggestion, or an empty text."""
        entry = self.checked.file.approve
        if entry is None:
            return ""
        if entry.when == "always":
            return "every suggestion is approved by a person"
        values = {name: point[name] for name in self.checked.space.names}
        names = {objective.name for objective in self.checked.objectives}
        earlier = (point for point in self._earlier.points if names <= set(point))
        done = (outcome.values for outcome in self.outcomes if outcome.status == "completed")
        return outside(values, [*earlier, *done], self.checked.known)

    def _refuse_late(self) -> None:
        now = self.lab.clock.monotonic()
        for waiting in [each for each in self.pending.values() if each.until <= now]:
            self.refuse(waiting.trial, "nobody", "no answer in time")

    def _refuse_all(self) -> None:
        for trial in list(self.pending):
            self.refuse(trial, "nobody", self._stop_reason)

    def _next_deadline_s(self) -> float:
        """Return the lab seconds until the next suggestion is refused, or until it is too quiet to be right."""
        due = [self._last_news_at() + _QUIET_LIMIT_S, *(each.until for each in self.pending.values())]
        return max(0.0, min(due) - self.lab.clock.monotonic())

    def _last_news_at(self) -> float:
        """Return when something last began or ended, or now while something is done [s of lab time]."""
        if any(driver.current is not None for driver in self.drivers.values()):
            self._news_at = self.lab.clock.monotonic()
        return self._news_at

    # Failures.

    def _handled(self, handled: Handled) -> None:
        """Write down what will be done about an operation that failed; the dispatcher waits for it."""
        self._decisions.write(HANDLED, **handled.md())
        samples = tuple(traveller.sample for traveller in handled.travellers)
        about = {"samples": samples, "station": handled.station, "run": handled.run_uid}
        self._happened("failure", f"{handled.reason}; {handled.verdict}", **about)
        if handled.verdict in ("wait", "quarantine"):
            self._happened(handled.verdict, handled.reason, **about)

    def _break(self, error: Exception) -> None:
        raise error

    def _abandon(self, error: BaseException) -> None:
        """Bring every station to its safe state: the campaign itself cannot go on."""
        self.stop(f"{type(error).__name__}: {error}")
        limit = self.lab.clock.monotonic() + _SAFE_LIMIT_S
        while any(driver.current for driver in self.drivers.values()) and self.lab.clock.monotonic() < limit:
            self.lab.clock.sleep(_ASK_AGAIN_S)
        failures = self.lab.make_safe()
        self._happened("stopping", f"{error}; {'; '.join(failures) or 'every device is safe'}")

    # Earlier campaigns.

    def _read_earlier(self) -> tuple[Earlier, AccessPolicy]:
        """Return what earlier campaigns found, as it was when this one began, and the policy that follows."""
        started = self._before.started
        own = self.checked.file.policy or self.lab.metadata.policy
        if started is not None:
            return Earlier(tuple(started["earlier"])), AccessPolicy.model_validate(started["policy"])
        file, path = self.checked.file, self.checked.paths["campaign"]
        folders = [path.parent / folder for folder in file.earlier]
        found = read_earlier(folders, self.checked.space.names, self.checked.objectives, file.quality, path)
        policy = AccessPolicy.strictest([own, *found.policies])
        self._decisions.write(STARTED, earlier=list(found.points), policy=policy.model_dump())
        return found, policy

    # After an interruption.

    def _remember(self) -> None:
        """Be what the campaign was when it was interrupted; nothing is asked of the laboratory."""
        before = self._before
        names = {objective.name for objective in self.checked.objectives}
        completed = [dict(point) for point in self._earlier.points if names <= set(point)]
        failed = [dict(point) for point in self._earlier.points if not names <= set(point)]
        if completed:
            self.optimizer.ingest(completed)
        if failed:
            self.optimizer.register_failures(failed)
        for step, trial in before.steps:
            if step == SUGGESTED:
                self.optimizer.register_suggestions([dict(before.points[trial])])
                if trial in before.refused:
                    self.refused[trial] = before.refused[trial]
                elif trial in before.asks:
                    self._ask_again(trial)
                else:
                    self.n_started += 1
            else:
                traveller = before.travellers[before.samples[trial]]
                traveller.reason = before.ended[trial]
                traveller.status = "failed" if traveller.reason else "finished"
                self._learn(traveller)

    def _ask_again(self, trial: str) -> None:
        entry, point = self.checked.file.approve, self._before.points[trial]
        wait_s = entry.wait * 3600 if entry is not None else 0.0
        self.pending[trial] = Pending(trial, point, self._before.asks[trial], self.lab.clock.monotonic() + wait_s)

    def _go_on(self, mute: Mapping[str, str]) -> None:
        """Find out what became of operations whose end nobody saw, and hand every sample to the dispatcher."""
        before, clock = self._before, self.lab.clock
        age_s = clock.time() - before.first_time if before.n_runs else 0.0
        self.started_at = clock.monotonic() - age_s
        rules = {kind: str(schema.on_unknown) for kind, schema in self.checked.schemas.items()}
        loads = settle(before, self.lab, {**rules, **self.checked.file.on_unknown}, self._decisions, set(mute))
        for station, reason in mute.items():
            self._happened("quarantine", f"{station} does not answer after the restart: {reason}", station=station)
            for traveller in [t for load in loads if load.station == station for t in load.travellers if not t.ended]:
                traveller.status, traveller.reason = "failed", f"{station} does not answer after the restart: {reason}"
        loads = [replace(load, state="quarantined") if load.station in mute else load for load in loads]
        self.dispatcher.adopt(
            list(before.travellers.values()), loads, before.n_operations, before.held, {**before.out_of_service, **mute}
        )
        for traveller in before.travellers.values():
            if traveller.status == "failed" and traveller.trial not in before.ended:
                self._take(traveller)

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
            elif self._lost_in_a_row >= file.stop.lost:
                self._stop_reason = f"stopped: {self._lost_in_a_row} trials in a row were lost"
            elif self.lost and not self._can_go_on():
                self._stop_reason = "stopped: no station is left for an operation of the recipe"
        return self._stop_reason

    def _can_go_on(self) -> bool:
        kinds = {entry["operation"] for entry in self.checked.content["operations"]}
        able = [port for port in self.dispatcher.ports.values() if not port.reason]
        return all(any(kind in port.station.operations for port in able) for kind in kinds)

    def _take(self, traveller: Traveller) -> None:
        """Write down that a sample ended, and learn from it."""
        self._decisions.write(ENDED, trial=traveller.trial, reason=traveller.reason)
        self._learn(traveller)
        lost = self.lost.get(traveller.trial, "")
        text = f"{traveller.trial} lost: {lost}" if lost else f"{traveller.trial} {self.outcomes[-1].status}"
        self._happened("trial", text, trial=traveller.trial, samples=(traveller.sample,))

    def _learn(self, traveller: Traveller) -> None:
        """Read back what was recorded of a sample that ended, and tell the optimizer."""
        doubts = people_doubt(self.store.directory)
        records = [operation_record(self.store.run(uid), traveller.sample, doubts) for uid in traveller.runs]
        n_operations = len(traveller.recipe.operations) - len(traveller.left_out)
        objectives = self.checked.objectives
        outcome = read_outcome(traveller.trial, traveller.suggestion, records, n_operations, objectives)
        if outcome is None:
            self._lose(traveller, traveller.reason or "not every operation was recorded as a success")
            return
        if outcome.status == "completed" and (reason := distrust(records, self.checked.file.quality)):
            self._lose(traveller, reason)
            return
        self._lost_in_a_row = 0
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

    def _lose(self, traveller: Traveller, reason: str) -> None:
        self.lost[traveller.trial] = reason
        self._lost_in_a_row += 1

    def _is_better(self, outcome: Outcome) -> bool:
        """Return whether the first objective is better than ever."""
        first = self.checked.objectives[0]
        if self.best is None:
            return True
        return first.gain(outcome.objectives[first.name]) > first.gain(self.best.objectives[first.name])

    def _ending(self) -> Ending:
        failed = sum(outcome.status == "failed" for outcome in self.outcomes)
        stopping = self.dispatcher.stopping
        if stopping and not self._stop_reason.startswith("stopped"):  # when the last trials were under way
            self._stop_reason = f"stopped: {stopping}"
        return Ending(
            self._stop_reason,
            self.n_started,
            len(self.outcomes) - failed,
            failed,
            len(self.lost),
            self.lab_s,
            {t.sample: t.location for t in self.dispatcher.travellers if t.trial in self.lost},
            {n: p.reason for n, p in self.dispatcher.ports.items() if p.reason},
        )

    def _close(self) -> None:
        self._watch.stop()
        self.dispatcher.close()
        for driver in self.drivers.values():
            driver.close()
        for driver in self.drivers.values():
            driver.join(_JOIN_LIMIT_S)
