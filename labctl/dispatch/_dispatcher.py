"""Samples on their way over the stations of a laboratory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labctl.clock import ClockQueue
from labctl.dispatch._failure import MOST_IN_A_ROW, RETRY, FailureRule, answers, default_rule
from labctl.dispatch._first_come import FirstCome
from labctl.dispatch._places import Places
from labctl.dispatch._port import Handled, Load, Move, Port
from labctl.dispatch._requests import Requests
from labctl.dispatch._traveller import Traveller
from labctl.engine import OperationResult, StationDriver
from labctl.errors import ClockClosed, LabError
from labctl.lab import Lab
from labctl.recipes import OperationSchema, Recipe
from labctl.samples import station_of

__all__ = ["OPERATOR", "Dispatcher"]

OPERATOR = "operator"
"""The holder that people are."""
_ASK_AGAIN_S = 60.0


class Dispatcher:
    """Decides on one thread of the lab clock; stations report to it through a queue.

    Which sample goes where is the business of `FirstCome`. What is done when an operation fails is said by a rule for
    each kind. When the mover fails, nothing new is started: where its sample is, only a person can say.

    Args:
        lab: stations, racks and mover.
        drivers: one per station.
        plans: plan of each operation kind.
        md: metadata of every run (campaign).
        rules: what is done when an operation fails, by kind; `default_rule` for others.
        on_ended: called on the dispatcher's thread for each sample that ends.
        on_loaded: called there with a station and its samples before the first of them is moved into it.
        on_handled: called there with what will be done about an operation that failed, before it is done.
        on_broken: called there when the dispatcher itself fails; it decides nothing any more then.
    """

    def __init__(
        self,
        lab: Lab,
        drivers: Mapping[str, StationDriver],
        plans: Mapping[str, Callable[..., Any]],
        md: Mapping[str, Any],
        *,
        on_ended: Callable[[Traveller], None],
        on_broken: Callable[[Exception], None],
        on_loaded: Callable[[str, list[str]], None] = lambda station, samples: None,
        on_handled: Callable[[Handled], None] = lambda handled: None,
        rules: Mapping[str, FailureRule] | None = None,
    ) -> None:
        self.lab, self.clock = lab, lab.clock
        self._on_ended, self._on_loaded, self._on_handled, self._on_broken = on_ended, on_loaded, on_handled, on_broken
        self._schemas: dict[str, OperationSchema] = {
            kind: plan.schema  # type: ignore[attr-defined]  # set by the decorator
            for kind, plan in plans.items()
        }
        self._rules = {kind: default_rule(schema) for kind, schema in self._schemas.items()} | dict(rules or {})
        self.ports = {name: Port(station, drivers[name]) for name, station in lab.stations.items() if name != lab.mover}
        self.mover = drivers[lab.mover] if lab.mover else None
        self._owners = {**lab.racks, **{name: s.places for name, s in lab.stations.items() if name != lab.mover}}
        self.places = Places(self._owners)
        self.travellers: list[Traveller] = []
        self.stopping = ""
        """Why nothing new is started ever again; empty while work goes on."""
        self.paused = ""
        """Why nothing new is started for now; empty while work goes on."""
        self.mover_held: dict[str, str] = {}
        """Who or what lets the mover carry nothing for now, and why."""
        self._policy = FirstCome(self.ports, self.travellers, self._schemas, self.clock)
        self._moves: list[Move] = []
        self._carrying: Move | None = None
        self._requests = Requests(lab, plans, self._schemas, md)
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._closed = False
        self._inbox: ClockQueue[Callable[[], None]] = ClockQueue(self.clock)
        self.thread = self.clock.spawn(self._run, "dispatch")

    # Called from any thread.

    def submit(self, sample: str, trial: str, recipe: Recipe, suggestion: Mapping[str, Any]) -> None:
        """Take a new sample; it lies in the first rack place that nobody has.

        Args:
            sample: its name.
            trial: that it is made for.
            recipe: what will be done to it.
            suggestion: the trial's parameter values, recorded with every run.
        """
        self._inbox.put(lambda: self._take(sample, trial, recipe, suggestion))

    def adopt(
        self,
        travellers: Sequence[Traveller],
        loads: Sequence[Load],
        n_operations: int,
        held: Mapping[str, str],
        out_of_service: Mapping[str, str],
    ) -> None:
        """Go on with samples of a campaign that was interrupted, before any other is submitted.

        Args:
            travellers: all of them, also those that ended, whose places stay theirs.
            loads: what is in the stations.
            n_operations: how many operations were begun already, for the numbers of the next.
            held: why stations are held, by name.
            out_of_service: why stations are used no more, by name.
        """
        self._inbox.put(lambda: self._adopt(travellers, loads, n_operations, held, out_of_service))

    def stop_starting(self, reason: str) -> None:
        """Start no further operation; what runs, ends."""
        self._inbox.put(lambda: self._stop_starting(reason))

    def ask(self, answer: Callable[[], None]) -> None:
        """Call `answer` from the dispatcher's loop: it shows that the loop goes round."""
        self._inbox.put(answer)

    def pause(self, reason: str) -> None:
        """Start nothing until `resume`; what runs, ends."""
        self._inbox.put(lambda: setattr(self, "paused", reason))

    def resume(self) -> None:
        """Start operations again."""
        self._inbox.put(lambda: setattr(self, "paused", ""))

    def hold(self, station: str, holder: str, reason: str) -> None:
        """Let a station, or the mover, begin nothing new until each holder has let it go; what it does, ends."""
        self._inbox.put(lambda: self._held(station).update({holder: reason}))

    def let_go(self, station: str, holder: str) -> None:
        """Hold a station no more."""
        self._inbox.put(lambda: self._let_go(station, holder))

    def restore(self, station: str) -> None:
        """Use a station again that is in quarantine; what ended in it was taken out. The mover never is."""
        if station in self.ports:
            self._inbox.put(lambda: self._restore(self.ports[station]))

    def answer(self, station: str, verdict: str) -> None:
        """Say what is to be done at a station that waits for a person: one of `answers`."""
        self._inbox.put(lambda: self._answer(self.ports[station], verdict))

    def close(self) -> None:
        """End the thread."""
        self._inbox.put(self._close)

    # On the dispatcher's thread.

    def _run(self) -> None:
        try:
            while not self._closed:
                message = self._inbox.get(timeout=self._next_deadline_s())
                if message is not None:
                    message()
                self._ring()
                self._decide()
        except ClockClosed:
            raise
        except Exception as error:  # noqa: BLE001  a campaign must not wait for ever for a thread that died
            self._on_broken(error)

    def _close(self) -> None:
        self._closed = True

    def _take(self, sample: str, trial: str, recipe: Recipe, suggestion: Mapping[str, Any]) -> None:
        rack = next(name for name in self.lab.racks if self.places.n_free(name))
        home = self.places.reserve(rack, sample)
        traveller = Traveller(sample, trial, recipe, dict(suggestion), home, home)
        traveller.waiting_since = self.clock.monotonic()
        self.travellers.append(traveller)

    def _adopt(
        self,
        travellers: Sequence[Traveller],
        loads: Sequence[Load],
        n_operations: int,
        held: Mapping[str, str],
        out_of_service: Mapping[str, str],
    ) -> None:
        self._requests.go_on_after(n_operations)
        for name, reason in held.items():
            self._held(name)[OPERATOR] = reason
        for name, reason in out_of_service.items():
            self.ports[name].reason, self.ports[name].state = reason, "quarantined"
        for traveller in travellers:
            if traveller.home:
                self.places.take(traveller.home, traveller.sample)
        for traveller in travellers:
            if not traveller.home:  # nothing was done to it
                rack = next(name for name in self.lab.racks if self.places.n_free(name))
                traveller.home = traveller.location = self.places.reserve(rack, traveller.sample)
            elif station_of(traveller.location) in self._owners:
                self.places.take(traveller.location, traveller.sample)
        self.travellers += travellers
        for load in loads:
            self._take_up(load)
        for traveller in travellers:
            if traveller.status == "waiting" and traveller.next_operation is None:
                if traveller.location == traveller.home:
                    self._end_at_home(traveller)
                else:
                    self._move(traveller, traveller.home)

    def _take_up(self, load: Load) -> None:
        port = self.ports[load.station]
        port.state, port.load = load.state, list(load.travellers)
        port.continues, port.attempt = load.continues, load.attempt
        port.failure, port.failed_run = load.reason, load.failed_run
        if load.state == "quarantined":
            port.reason = port.reason or load.reason
        for traveller in load.travellers if load.state in ("loading", "waiting", "closed") else ():
            if station_of(traveller.location) == load.station:
                traveller.status = "inside"
            else:
                self._move(traveller, self.places.reserve(load.station, traveller.sample))
        if load.state == "waiting":
            self._handle(port, "wait")
        elif load.state == "closed":
            self._open(port, load.why_closed)

    def _stop_starting(self, reason: str) -> None:
        self.stopping = self.stopping or reason

    def _decide(self) -> None:
        if not self.stopping and not self.paused:
            self._assign()
            for port in self.ports.values():
                if port.state == "loading" and not port.held and all(t.status == "inside" for t in port.load):
                    self._start(port)
            self._carry_next()
        self._give_up_the_hopeless()

    def _assign(self) -> None:
        for traveller in self._policy.waiting():
            if traveller.status != "waiting":
                continue  # taken into an earlier one's load
            port = self._policy.port_for(traveller)
            if port is not None:
                self._load(port, self._policy.load_of(port, traveller))
            elif traveller.location != traveller.home:
                self._move(traveller, traveller.home)

    def _later(self, delay_s: float, call: Callable[[], None]) -> None:
        self._timers.append((self.clock.monotonic() + delay_s, call))

    def _ring(self) -> None:
        """Make the calls whose time has come."""
        now = self.clock.monotonic()
        due = [call for time, call in self._timers if time <= now]
        self._timers = [(time, call) for time, call in self._timers if time > now]
        for call in due:
            call()

    def _next_deadline_s(self) -> float | None:
        """Return the lab seconds until something is due: a call, or a load that is started although it is not full."""
        due = [time for time, _ in self._timers]
        if not self.stopping and not self.paused and (load := self._policy.next_due()) is not None:
            due.append(load)
        return max(0.0, min(due) - self.clock.monotonic()) if due else None

    def _load(self, port: Port, travellers: Sequence[Traveller]) -> None:
        self._on_loaded(port.station.name, [traveller.sample for traveller in travellers])
        port.state, port.load = "loading", list(travellers)
        for traveller in travellers:
            self._move(traveller, self.places.reserve(port.station.name, traveller.sample))

    def _move(self, traveller: Traveller, destination: str) -> None:
        traveller.status = "moving"
        self._moves.append(Move(traveller, traveller.location, destination))
        if self.mover is None:
            self._arrived(self._moves.pop())

    def _carry_next(self) -> None:
        if not self._moves or self._carrying is not None or self.mover is None or self.mover_held:
            return
        move = self._moves.pop(0)
        self._carrying = move
        station = self.lab.stations[self.lab.mover]
        parameters = {"source": move.source, "destination": move.destination}
        request = self._requests.make(station, "transfer", [move.traveller], parameters)
        self.mover.submit(request, lambda result: self._inbox.put(lambda: self._carried(move, result)))

    def _carried(self, move: Move, result: OperationResult) -> None:
        self._carrying = None
        if result.status == "success":
            self._arrived(move)
            return
        move.traveller.location = f"{move.source} or {move.destination}?"
        self._end(move.traveller, "failed", f"not carried to {move.destination}: {result.reason}")
        self._stop_starting(f"the mover failed: {result.reason}")

    def _arrived(self, move: Move) -> None:
        traveller = move.traveller
        traveller.location = move.destination
        left = self.ports.get(move.source.rpartition(".")[0])
        if left is not None:
            self.places.free(move.source, traveller.sample)
            left.load = [t for t in left.load if t is not traveller]
            if not left.load and left.state == "unloading":
                left.state = "quarantined" if left.reason else "free"
        if move.destination != traveller.home:
            traveller.status = "inside"
        elif traveller.next_operation is None:
            self._end_at_home(traveller)
        else:
            traveller.status = "waiting"

    def _start(self, port: Port) -> None:
        port.state = "busy"
        operation = port.load[0].next_operation
        assert operation is not None
        continues, port.continues = port.continues, ""
        request = self._requests.make(port.station, operation.kind, port.load, operation.parameters, continues)
        port.driver.submit(request, lambda result: self._inbox.put(lambda: self._operated(port, result)))

    def _operated(self, port: Port, result: OperationResult) -> None:
        for traveller in port.load:
            if result.run_uid:
                traveller.runs.append(result.run_uid)
        if result.status != "success":
            self._failed(port, result)
            return
        port.n_failures = port.attempt = 0
        for traveller in port.load:
            traveller.index += 1
        self._unload(port)

    def _unload(self, port: Port) -> None:
        """Let the samples in a station go on to what comes next."""
        port.state = "unloading"
        for traveller in port.load:
            traveller.status, traveller.waiting_since = "waiting", self.clock.monotonic()
        for traveller in list(port.load):
            if traveller.next_operation is None:
                self._move(traveller, traveller.home)

    def _open(self, port: Port, why_closed: Callable[[], str]) -> None:
        """Unload a station as soon as its samples may be taken out."""
        if port.state != "closed":
            return
        try:
            closed = bool(why_closed())
        except LabError as error:
            port.state = "quarantined"
            port.reason = f"nobody knows whether samples may be taken out: {error}"
            for traveller in port.load:
                self._end(traveller, "failed", f"{traveller.aside}; {port.reason}")
            return
        if closed:
            self._later(_ASK_AGAIN_S, lambda: self._open(port, why_closed))
        else:
            self._unload(port)

    # When an operation failed.

    def _failed(self, port: Port, result: OperationResult) -> None:
        operation = port.load[0].next_operation
        assert operation is not None
        port.n_failures, port.attempt = port.n_failures + 1, port.attempt + 1
        port.failure, port.failed_run = result.reason, result.run_uid
        rule = self._rules[operation.kind]
        if result.status == "abort" or self.stopping:
            verdict = "quarantine"
        else:
            verdict = RETRY if port.attempt <= rule.retries else rule.then
        self._handle(port, verdict)

    def _handle(self, port: Port, verdict: str) -> None:
        """Do what was decided about the operation that failed last at a station."""
        operation, reason = port.load[0].next_operation, port.failure
        assert operation is not None
        if verdict == "elsewhere" and not any(
            other.offers(port.load[0], self._schemas) and not other.reason
            for other in self.ports.values()
            if other is not port
        ):
            verdict = "quarantine"
        if verdict in ("set aside", "go on") and port.n_failures >= MOST_IN_A_ROW:
            verdict, reason = "quarantine", f"{port.n_failures} failures in a row, the last: {reason}"
        name, rule = operation.name or operation.kind, self._rules[operation.kind]
        told = f"{name} on {port.station.name}: {reason}"
        self._on_handled(Handled(port.station.name, operation.kind, tuple(port.load), port.failed_run, told, verdict))
        if verdict == RETRY:
            port.state = "retrying"
            self._later(rule.after, lambda: self._retry(port))
        elif verdict == "wait":
            port.state = "waiting"
            port.n_waits += 1
            asked = port.n_waits
            self._later(rule.wait * 3600, lambda: self._answer(port, rule.otherwise, asked))
        elif verdict in ("quarantine", "stop"):
            port.state, port.reason, port.attempt = "quarantined", reason, 0
            for traveller in port.load:
                self._end(traveller, "failed", told)
            if verdict == "stop":
                self._stop_starting(told)
        else:
            self._go_on_without(port, verdict, reason, told)

    def _go_on_without(self, port: Port, verdict: str, reason: str, told: str) -> None:
        """Take the samples out of a station whose operation failed."""
        port.attempt = 0
        for traveller in port.load:
            if verdict == "set aside":
                traveller.aside = told
            elif verdict == "go on":
                traveller.leave_out()
        if verdict == "elsewhere":
            port.reason = reason
        self._unload(port)

    def _retry(self, port: Port) -> None:
        if port.state == "retrying":
            port.state = "loading"

    def _answer(self, port: Port, verdict: str, asked: int | None = None) -> None:
        """Do what a person said, or what the rule says when none did; `asked` is the question that it answers."""
        if port.state != "waiting" or asked not in (None, port.n_waits):
            return
        operation = port.load[0].next_operation
        assert operation is not None
        if verdict in answers(self._schemas[operation.kind]):
            self._handle(port, verdict)

    def _held(self, station: str) -> dict[str, str]:
        return self.ports[station].held if station in self.ports else self.mover_held

    def _let_go(self, station: str, holder: str) -> None:
        self._held(station).pop(holder, None)

    def _restore(self, port: Port) -> None:
        port.reason, port.n_failures = "", 0
        if port.state == "quarantined":
            for traveller in port.load:
                self.places.free(traveller.location, traveller.sample)
                traveller.location = f"taken out of {traveller.location}"
            port.load, port.state = [], "free"

    def _give_up_the_hopeless(self) -> None:
        """End samples that will not go on, so that the campaign can."""
        for traveller in [t for t in self.travellers if not t.ended]:
            operation = traveller.next_operation
            if self.stopping:
                if not self._being_handled(traveller):
                    done = operation is None
                    self._end(traveller, "finished" if done else "failed", "" if done else f"stopped: {self.stopping}")
            elif operation is not None and traveller.status == "waiting" and traveller.location == traveller.home:
                able = [port for port in self.ports.values() if port.offers(traveller, self._schemas)]
                if all(port.reason for port in able):
                    names = ", ".join(port.station.name for port in able)
                    self._end(traveller, "failed", f"no station left for {operation.kind}: {names} in quarantine")

    def _being_handled(self, traveller: Traveller) -> bool:
        carried = self._carrying is not None and self._carrying.traveller is traveller
        return carried or any(port.state == "busy" and traveller in port.load for port in self.ports.values())

    def _end_at_home(self, traveller: Traveller) -> None:
        self._end(traveller, "failed" if traveller.aside else "finished", traveller.aside)

    def _end(self, traveller: Traveller, status: str, reason: str) -> None:
        traveller.status, traveller.reason = status, reason  # its place stays its own: there it lies
        self._on_ended(traveller)
