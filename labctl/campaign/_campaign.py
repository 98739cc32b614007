"""The loop: suggest, make, measure, record, read back, learn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from labctl.campaign._approvals import Approvals
from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._completion import ToCome
from labctl.campaign._decisions import CLOSED, ENDED, FORETOLD, HANDLED, LOADED, REFUSED, STARTED, SUGGESTED, Decisions
from labctl.campaign._earlier import Earlier, read_beginning, read_durations
from labctl.campaign._ending import Ending
from labctl.campaign._floor import Floor, Member
from labctl.campaign._happening import Happening
from labctl.campaign._learning import tell_earlier, tell_outcome
from labctl.campaign._operator import NOBODY, Making, Operator, Places
from labctl.campaign._results import Results
from labctl.campaign._resumption import read_resumption
from labctl.campaign._side_by_side import run_side_by_side
from labctl.clock import ClockQueue
from labctl.dispatch import Dispatcher, Handled, Share, Traveller
from labctl.engine import OperationRequest, OperationResult, ScanIds, StationDriver
from labctl.errors import ClockClosed, ClockStalled, FileError, RegistryError
from labctl.files import nearest
from labctl.lab import Lab
from labctl.metadata import AccessPolicy
from labctl.optimize import ID_KEY, ROW_KEY, Explains
from labctl.store import Store
from labctl.trials import Outcome, SearchSpace

_QUIET_LIMIT_S = 7 * 86400.0
"""How long a campaign waits while nothing is done, in lab seconds: whoever should answer does not."""
_SAFE_LIMIT_S = 120.0
"""How long a campaign that cannot go on waits until every station is safe, in lab seconds."""


@dataclass(frozen=True)
class _Question:
    """Whether the loop goes round: no news."""

    answer: Callable[[], None]

    def __call__(self) -> None:
        self.answer()


class Campaign(Member):
    """One campaign in one laboratory. Its state and its floor's are the only ones that change while samples are made.

    The optimizer is told only what was read back from the store. What people do from elsewhere is done on the
    campaign's own thread, one thing after another: see `tell`.

    Args:
        checked: the campaign's files.
        lab: built from the lab file.
        store: where everything is recorded; a campaign that was interrupted there is taken up again.
        plans: plan of each operation kind.
        on_happening: called on the campaign's threads with what a person may want to know; it must not block.
        floor: that it shares with other campaigns; one of its own when omitted.

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
        floor: Floor | None = None,
    ) -> None:
        self.checked, self.lab, self.store, self.on_happening = checked, lab, store, on_happening
        self.on_failed: Callable[[str, OperationRequest, OperationResult], object] = lambda station, request, result: (
            None
        )
        """Called on a station's thread with an operation that failed or was aborted."""
        self.name, file = checked.file.campaign, checked.file
        self._results = Results(checked, store)
        self.approvals = Approvals(file.approve, checked.space.names, checked.known)
        self._made: set[str] = set()
        self._news_at = lab.clock.monotonic()
        self.decisions = Decisions(store.directory)
        self.before = read_resumption(checked, self.decisions, store, floor.directory if floor else store.directory)
        """Where it stood when it was interrupted."""
        self.started_at = self._news_at - self.before.age_s(lab.clock.time())
        self.rests = False
        """Whether it ended before, and only its samples are still there."""
        self.scan_ids = ScanIds(self.before.n_runs + 1)
        self._gains: list[float] = []
        self._stop_reason = ""
        self._is_over = False
        self.ending: Ending | None = None
        """How it ended; None until then."""
        self._names = {objective.name for objective in checked.objectives}
        self._inbox: ClockQueue[Callable[[], None]] = ClockQueue(lab.clock)
        self._earlier, policy = self._read_earlier()
        self.optimizer = checked.make_optimizer(self._earlier.prior)
        self.floor = floor or Floor(checked, lab, plans, store.directory)
        self._learn_durations()
        used_s = sum(took_s for start, took_s in self.before.took if start["station"] != lab.mover)
        md = {
            "operator": file.operator or lab.metadata.operator,
            "policy": policy.model_dump(),
            "campaign": self.name,
        }
        self.floor.join(self, Share(file.dispatch.share, file.on_failure, used_s), md)
        self.operator = Operator(self.floor, self, self.approvals, self._making())
        self._remember()

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """Of the trials that ended, in the order they ended."""
        return self._results.outcomes

    @property
    def lost(self) -> Mapping[str, str]:
        """Why each trial without an outcome has none."""
        return self._results.lost

    @property
    def n_started(self) -> int:
        """How many trials were begun or wait to be, without those that were refused."""
        return len(self._made)

    @property
    def best(self) -> Outcome | None:
        """With the first objective at its best so far."""
        return self._results.best

    @property
    def drivers(self) -> Mapping[str, StationDriver]:
        """One per station, of the floor."""
        return self.floor.drivers

    @property
    def dispatcher(self) -> Dispatcher:
        """Of the floor."""
        return self.floor.dispatcher

    @property
    def on_unknown(self) -> Mapping[str, str]:
        """What to do after a restart with an operation whose end nobody saw, by kind."""
        rules = {kind: str(schema.on_unknown) for kind, schema in self.checked.schemas.items()}
        return rules | dict(self.checked.file.on_unknown)

    def run(self) -> Ending:
        """Run to the end and return how it ended; everything is in its safe state then, also when it raises.

        Raises:
            LabError: an instrument does not answer as it should; nothing was moved.
            StoreError: a decision cannot be written down; every station was brought to its safe state.
        """
        (ending,) = run_side_by_side([self])
        if isinstance(ending, Exception):
            raise ending
        return ending

    def work(self) -> Ending:
        """Go round until nothing is left to do; called by `run_side_by_side`.

        Raises:
            StoreError: a decision cannot be written down.
        """
        if self.rests:
            self.ending = self._ending(self.before.closed)
            return self.ending
        try:
            ending = self._loop()
            self.decisions.write(CLOSED, reason=ending.reason)
        except (ClockClosed, ClockStalled):
            raise  # simulated time is over, and with it whatever was on
        except BaseException as error:
            self._give_up(error)
            raise
        finally:
            self._finish()
        self.ending = ending
        self.happened("finished", f"ended: {ending.reason}")
        return ending

    @property
    def _n_under_way(self) -> int:
        return self.n_started - self._results.n_ended

    @property
    def lab_s(self) -> float:
        """Lab time since the beginning [s]."""
        return self.lab.clock.monotonic() - self.started_at

    def tell(self, call: Callable[[], None]) -> None:
        """Have something done on the campaign's thread, between two decisions; any thread may call this."""
        self._inbox.put(call)

    def ask(self, answer: Callable[[], None]) -> None:
        """Call `answer` on the campaign's thread: it shows that the loop goes round; any thread may call this."""
        if self._is_over:
            answer()
        else:
            self._inbox.put(_Question(answer))

    def stop(self, reason: str) -> None:
        """Start nothing more; any thread may call this.

        Alone on its floor, what runs is aborted, each station to its safe state. Beside others, what runs for it ends,
        its samples are carried home, and the others go on.
        """
        if self.floor.is_alone(self.name):
            self.floor.stop(reason)
        else:
            self.end(reason)
            self.dispatcher.leave(self.name, reason)

    # What the floor asks and tells.

    @property
    @override
    def to_come(self) -> ToCome:
        file = self.checked.file
        n_trials = 0 if self._stop_reason else max(0, file.budget.trials - self.n_started)
        return ToCome(n_trials, file.in_flight)

    @override
    def ended(self, traveller: Traveller) -> None:
        self._inbox.put(lambda: self.take(traveller))

    @override
    def broken(self, error: Exception) -> None:
        self._inbox.put(lambda: self._break(error))

    @override
    def loaded(self, station: str, load: Sequence[Traveller]) -> None:
        self.decisions.write(LOADED, station=station, samples=[traveller.sample for traveller in load])

    @override
    def handled(self, handled: Handled) -> None:
        """Write down what will be done about an operation that failed; the dispatcher waits for it."""
        self.decisions.write(HANDLED, **handled.md())
        samples = tuple(traveller.sample for traveller in handled.travellers)
        about = {"samples": samples, "station": handled.station, "run": handled.run_uid}
        self.happened("failure", f"{handled.reason}; {handled.verdict}", **about)
        if handled.verdict in ("wait", "quarantine"):
            self.happened(handled.verdict, handled.reason, **about)

    @override
    def failed(self, station: str, request: OperationRequest, result: OperationResult) -> None:
        self.on_failed(station, request, result)

    @override
    def look(self) -> None:
        self._inbox.put(_Question(lambda: None))

    @override
    def end(self, reason: str) -> None:
        if not self._stop_reason.startswith("stopped"):  # also when the last trials are under way
            self._stop_reason = f"stopped: {reason}"
        self._inbox.put(lambda: self._refuse(self.approvals.pending, self._stop_reason))

    @override
    def happened(self, kind: Any, text: str, **about: Any) -> None:  # one of the kinds of Happening
        self.on_happening(Happening(kind, text, **about))

    # The loop.

    def _loop(self) -> Ending:
        self._fill()
        while self._n_under_way or self.approvals.pending:
            call = self._inbox.get(timeout=self._next_deadline_s())
            if call is not None:
                if not isinstance(call, _Question):
                    self._news_at = self.lab.clock.monotonic()
                call()
            if self.lab.clock.monotonic() - self._last_news_at() >= _QUIET_LIMIT_S:
                self.stop("nothing has happened for 7 days")
            self._refuse(self.approvals.late(self.lab.clock.monotonic()), "no answer in time")
            self._fill()
        return self._ending(self._stop_reason)

    def _fill(self) -> None:
        """Start trials until enough samples are under way or a limit is reached."""
        file, pending = self.checked.file, self.approvals.pending
        while self._has_room() and len(pending) < file.in_flight and not self._limit():
            if self.n_started + len(pending) >= file.budget.trials:
                return  # until a person answers
            points = self.optimizer.suggest(1)
            if not points:
                self._stop_reason = self._stop_reason or "exhausted"
                return
            self._suggested(points[0])

    def _has_room(self) -> bool:
        """Return whether a sample could be begun now: a suggestion that has to wait is asked for with less known."""
        if not self._n_under_way:
            return True
        room = self.dispatcher.room(self.checked.first_kind, self.name) + self.checked.n_ahead
        return self._n_under_way < self.checked.file.in_flight and room > 0

    def _suggested(self, point: Mapping[str, Any]) -> None:
        """Make a sample of a suggestion, or have a person asked first."""
        trial = str(point[ID_KEY])
        earlier = (each for each in self._earlier.points if self._names <= set(each))
        done = (outcome.values for outcome in self.outcomes if outcome.status == "completed")
        asks = self.approvals.reason(point, [*earlier, *done])
        self.decisions.write(SUGGESTED, point=point, sample=self._sample(trial), asks=asks)
        if not asks:
            self._submit(point)
            return
        self.approvals.wait_for(point, asks, self.lab.clock.monotonic())
        self.happened("wait", f"{trial} waits for approval: {asks}", trial=trial)

    def _add(self, point: Mapping[str, Any], by: str, reason: str) -> str:
        """Make a sample of a person's recipe, also beyond `in_flight`; nobody else has to approve it."""
        if limit := self._limit():
            raise RegistryError(f"nothing more is made: {limit}")
        try:
            values = {name: point[name] for name in self.checked.space.names}
            self.checked.recipe(values, point.get(ROW_KEY))
            if isinstance(self.checked.space, SearchSpace):
                self.checked.space.check(values)
            (registered,) = self.optimizer.register_suggestions([dict(point)])
        except (KeyError, ValueError, FileError) as error:
            raise RegistryError(f"this recipe cannot be made: {error}") from error
        trial = str(registered[ID_KEY])
        self.decisions.write(SUGGESTED, point=registered, sample=self._sample(trial), by=by, reason=reason)
        self._submit(registered)
        n_left = max(self.checked.file.budget.trials - self.n_started, 0)
        self._refuse(list(self.approvals.pending)[n_left:], f"the budget went to {trial}, which {by} suggested")
        return trial

    def _submit(self, point: Mapping[str, Any]) -> None:
        self._made.add(str(point[ID_KEY]))
        suggestion = {name: value for name, value in point.items() if name != ID_KEY}
        values = {name: value for name, value in suggestion.items() if name != ROW_KEY}
        recipe = self.checked.recipe(values, suggestion.get(ROW_KEY))
        file = self.checked.file
        self.dispatcher.submit(
            self._sample(point[ID_KEY]),
            point[ID_KEY],
            recipe,
            suggestion,
            share=file.campaign,
            priority=file.dispatch.priority,
            deadline=self.deadline(self.lab.clock.monotonic()),
        )

    def deadline(self, begun_at: float = math.inf) -> float:
        """Return the lab time [s] by which a trial should be finished, or the last one; infinity where nobody cares.

        Args:
            begun_at: lab time [s] at which it was begun.
        """
        whole, each = self.checked.file.dispatch.deadline, self.checked.file.dispatch.trial_deadline
        of_all = math.inf if whole is None else self.started_at + whole * 3600
        return of_all if each is None else min(of_all, begun_at + each * 3600)

    def _sample(self, trial: str) -> str:
        return f"{self.checked.file.campaign}-{trial.removeprefix('T')}"

    # People.

    def _making(self) -> Making:
        return Making(self._submit, self._add, self._take_back, self._forgo)

    def _take_back(self, trial: str, answer: Callable[[Places | str], None]) -> None:
        """Take a sample back to which nothing was done yet; `answer` is called when the dispatcher has answered.

        Raises:
            RegistryError: there is nothing to take back.
        """
        if settled := self._settled(trial):
            raise RegistryError(settled)
        sample = self._sample(trial)

        def found(places: Places | None) -> None:
            if places is not None:
                answer(places)
                return
            begun = f"{trial} was begun: {sample} goes on to its end, or until labctl campaign stop ends the campaign"
            answer(self._settled(trial) or begun)

        self.dispatcher.take_back(sample, lambda places: self._inbox.put(lambda: found(places)))

    def _settled(self, trial: str) -> str:
        """Return why nothing can be refused of a trial whatever the dispatcher says, or an empty text."""
        if trial in self.approvals.refused:
            return f"{trial} was {self.approvals.refused[trial].text}"
        if trial not in self._made:
            known = (*self._made, *self.approvals.pending, *self.approvals.refused)
            return f"no trial {trial!r}{nearest(trial, known)}"
        is_over = trial in self.lost or any(outcome.trial == trial for outcome in self.outcomes)
        return f"{trial} has ended" if is_over else ""

    def _forgo(self, trial: str) -> None:
        """Count a trial as never made: another takes its place."""
        self.optimizer.register_refusals([{ID_KEY: trial}])
        self._made.discard(trial)
        if self._stop_reason == "budget":
            self._stop_reason = ""

    def _refuse(self, trials: Iterable[str], reason: str) -> None:
        for trial in list(trials):
            self.operator.refuse(trial, NOBODY, reason)

    def _next_deadline_s(self) -> float:
        """Return the lab seconds until the next suggestion is refused, or until it is too quiet to be right."""
        due = [self._last_news_at() + _QUIET_LIMIT_S, *(each.until for each in self.approvals.pending.values())]
        return max(0.0, min(due) - self.lab.clock.monotonic())

    def _last_news_at(self) -> float:
        """Return when something last began or ended, or now while something is done [s of lab time]."""
        if any(driver.current is not None for driver in self.drivers.values()):
            self._news_at = self.lab.clock.monotonic()
        return self._news_at

    # Failures.

    def _break(self, error: Exception) -> None:
        self.floor.abandon(error)
        raise error

    def _give_up(self, error: BaseException) -> None:
        """Bring every station to its safe state, or leave it to those that go on."""
        if self.floor.is_alone(self.name):
            self.floor.abandon(error)
        else:
            self.dispatcher.leave(self.name, f"{type(error).__name__}: {error}")
            self.happened("stopping", f"{error}; its samples are carried home, other campaigns go on")

    def _finish(self) -> None:
        """Let nobody wait for an answer any more."""
        self._is_over = True
        self.floor.working.discard(self.name)
        while (call := self._inbox.get_at_once()) is not None:
            if isinstance(call, _Question):
                call()

    # Earlier campaigns.

    def _read_earlier(self) -> tuple[Earlier, AccessPolicy]:
        """Return what earlier campaigns found, as it was when this one began, and the policy that follows."""
        started = self.before.started
        own = self.checked.file.policy or self.lab.metadata.policy
        if started is not None:
            prior = tuple(started.get("prior", ()))
            return Earlier(tuple(started["earlier"]), prior=prior), AccessPolicy.model_validate(started["policy"])
        found, policies = read_beginning(self.checked)
        policy = AccessPolicy.strictest([own, *policies])
        more = {"prior": list(found.prior)} if found.prior else {}
        self.decisions.write(STARTED, earlier=list(found.points), **more, policy=policy.model_dump())
        return found, policy

    def _learn_durations(self) -> None:
        """Learn how long things take: from the stores of earlier campaigns, and from before an interruption."""
        earlier = read_durations(self.checked, simulated=self.lab.metadata.simulated)
        durations = self.dispatcher.durations
        for start, took_s in (*earlier, *self.before.took):
            station = self.lab.stations.get(start["station"])
            if station is not None:
                durations.learn_run(station, start, took_s)
            if start["station"] == self.lab.mover:
                durations.learn_move(took_s)

    # After an interruption.

    def _remember(self) -> None:
        """Be what the campaign was when it was interrupted; nothing is asked of the laboratory."""
        before = self.before
        self._gains += before.gains
        tell_earlier(self.optimizer, self._earlier.points, self._names)
        for step, trial in before.steps:
            if step == SUGGESTED:
                self.optimizer.register_suggestions([dict(before.points[trial])])
                if trial in before.refused:
                    self.approvals.refused[trial] = before.refused[trial]
                elif trial in before.asks:
                    self.approvals.wait_for(before.points[trial], before.asks[trial], self.lab.clock.monotonic())
                else:
                    self._made.add(trial)
            elif step == REFUSED:
                self.optimizer.register_refusals([{ID_KEY: trial}])
            else:
                traveller = before.travellers[before.samples[trial]]
                traveller.reason = before.ended[trial]
                traveller.status = "failed" if traveller.reason else "finished"
                self._learn(traveller)

    def _limit(self) -> str:
        """Return why no further trial is started, or an empty text."""
        file = self.checked.file
        if not self._stop_reason:
            if stopping := self.dispatcher.stopping(self.name):
                self._stop_reason = f"stopped: {stopping}"
            elif self.n_started >= file.budget.trials:
                self._stop_reason = "budget"
            elif file.budget.lab_time is not None and self.lab_s >= file.budget.lab_time * 3600:
                self._stop_reason = "lab time"
            elif file.stop.no_improvement is not None and self._results.n_since_best >= file.stop.no_improvement:
                self._stop_reason = "no improvement"
            elif self._little_to_gain():
                self._stop_reason = "little to gain"
            elif self.optimizer.should_stop():
                self._stop_reason = self.optimizer.stop_reason
            elif self._results.n_lost_in_a_row >= file.stop.lost:
                self._stop_reason = f"stopped: {self._results.n_lost_in_a_row} trials in a row were lost"
            elif self.lost and not self._can_go_on():
                self._stop_reason = "stopped: no station is left for an operation of the recipe"
        return self._stop_reason

    def _can_go_on(self) -> bool:
        kinds = {entry["operation"] for entry in self.checked.content["operations"]}
        able = [port for port in self.dispatcher.ports.values() if not port.reason]
        return all(any(kind in port.station.operations for port in able) for kind in kinds)

    def take(self, traveller: Traveller) -> None:
        """Write down that a sample ended, and learn from it."""
        self.decisions.write(ENDED, trial=traveller.trial, reason=traveller.reason)
        self._learn(traveller)
        lost = self.lost.get(traveller.trial, "")
        if not lost:
            self._foretell(traveller.trial)
        text = f"{traveller.trial} lost: {lost}" if lost else f"{traveller.trial} {self.outcomes[-1].status}"
        self.happened("trial", text, trial=traveller.trial, samples=(traveller.sample,))

    def _foretell(self, trial: str) -> None:
        """Write down what is left to gain after a trial, where the campaign may end because of it."""
        rule = self.checked.file.stop.gain
        outlook = self.optimizer.outlook() if rule is not None and isinstance(self.optimizer, Explains) else None
        if rule is None or outlook is None:
            return
        per_hour = self._results.n_ended / (self.lab_s / 3600.0)
        gain = outlook.next_gain if rule.per == "trial" else outlook.next_gain * per_hour
        self.decisions.write(FORETOLD, trial=trial, gain=gain)
        self._gains.append(gain)

    def _little_to_gain(self) -> bool:
        rule = self.checked.file.stop.gain
        last = self._gains[-rule.in_a_row :] if rule is not None else []
        return rule is not None and len(last) == rule.in_a_row and max(last) < rule.below

    def _learn(self, traveller: Traveller) -> None:
        """Read back what was recorded of a sample that ended, and tell the optimizer."""
        outcome = self._results.read(traveller)
        if outcome is not None:
            tell_outcome(self.optimizer, outcome)

    def _ending(self, reason: str) -> Ending:
        n_failed = self._results.n_failed
        stopping = self.dispatcher.stopping(self.name)
        if stopping and not reason.startswith("stopped"):  # when the last trials were under way
            reason = self._stop_reason = f"stopped: {stopping}"
        return Ending(
            reason,
            self.n_started,
            len(self.outcomes) - n_failed,
            n_failed,
            len(self.lost),
            self.lab_s,
            {
                sample: self.dispatcher.whereabouts[sample]
                for sample in map(self._sample, self.lost)
                if sample in self.dispatcher.whereabouts
            },
            {n: p.reason for n, p in self.dispatcher.ports.items() if p.reason},
        )
