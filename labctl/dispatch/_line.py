"""The line: stations, samples and places, and what happens to them; no thread, no clock, no instrument."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Mapping, Sequence

from labctl.dispatch import _carrying, _failing, _giving_up, _leaving, _loading
from labctl.dispatch._durations import Durations
from labctl.dispatch._failure import FailureRule
from labctl.dispatch._hands import Hands
from labctl.dispatch._places import Places
from labctl.dispatch._policy import Policy
from labctl.dispatch._port import Move, Port
from labctl.dispatch._share import Share
from labctl.dispatch._timers import Timer
from labctl.dispatch._traveller import Traveller
from labctl.engine import OperationResult
from labctl.lab import Station
from labctl.recipes import Operation, OperationSchema

_JUST_AFTER_S = 0.001
_ROUNDS = 1000
"""So often at most is decided at one time; where nothing has to be carried, one decision makes way for the next."""


class Line:
    """What dispatch knows, and how it changes.

    Whoever drives it sets `now`, calls what happened (`take`, `carried`, `operated` ...) and then `decide`. Each
    sample keeps its rack place all the time, so every station can always be emptied: nothing can wait in a circle.

    Args:
        stations: without the mover, by name.
        racks: number of places of each.
        has_mover: whether samples have to be carried; otherwise they are there at once.
        able: names of the stations that can do an operation, of all there are.
        durations: how long operations and moves take.
        policy: which sample goes where.
        schemas: of each kind of operation.
        rules: what is done when an operation fails, by kind.
        hands: do what is decided.
        time_of_day: the time of day at a lab time of zero [s since 1970-01-01 UTC].
    """

    def __init__(
        self,
        stations: Mapping[str, Station],
        racks: Mapping[str, int],
        *,
        has_mover: bool,
        able: Callable[[Operation], Sequence[str]],
        durations: Durations,
        policy: Policy,
        schemas: Mapping[str, OperationSchema],
        rules: Mapping[str, FailureRule],
        hands: Hands,
        time_of_day: float = 0.0,
    ) -> None:
        self.ports = {name: Port(station) for name, station in stations.items()}
        self.racks, self.has_mover = dict(racks), has_mover
        self.places = Places({**racks, **{name: station.places for name, station in stations.items()}})
        self.able, self.durations, self.policy = able, durations, policy
        self.schemas, self.rules, self.hands, self.time_of_day = schemas, rules, hands, time_of_day
        self.now = 0.0
        self.travellers: list[Traveller] = []
        """Those to which something more will be done."""
        self.left: dict[str, str] = {}
        """Where each sample lies to which nothing more will be done."""
        self.moves: list[Move] = []
        """That are to be made, in the order in which they were wanted."""
        self.carrying: Move | None = None
        self.carried_at = 0.0
        """Lab time [s] at which the move in progress should be made."""
        self.timers: list[Timer] = []
        self.n_arrived = 0
        """How often a sample came to another place."""
        self.n_missed = 0
        """How often an operation could not begin within the time after the one before."""
        self.look_again = math.inf
        self.work: Mapping[str, float] = {}
        """How long each station had to work for all samples [s] when its policy last began something new."""
        self.stopping = ""
        """Why nothing new is started ever again; empty while work goes on."""
        self.mover_held: dict[str, str] = {}
        """Who or what lets the mover carry nothing for now, and why."""
        self.shares: dict[str, Share] = {}
        """Of the campaigns that have, or had, samples on the line."""

    # What a policy looks at.

    @property
    def move_s(self) -> float:
        """How long carrying a sample takes [s]."""
        return self.durations.move_s if self.has_mover else 0.0

    def share(self, name: str) -> Share:
        """Return a campaign's part of the line."""
        return self.shares.get(name) or self.shares.setdefault(name, Share())

    @property
    def paused(self) -> set[str]:
        """The shares for which nothing new is started for now."""
        return {name for name, share in self.shares.items() if share.paused}

    def is_paused(self, traveller: Traveller) -> bool:
        """Return whether nothing new is started for a sample for now."""
        return bool(self.share(traveller.share).paused)

    def rule(self, port: Port) -> FailureRule:
        """Return what is done when the operation of a station's load fails."""
        operation = port.load[0].next_operation
        assert operation is not None  # it was brought for one
        return self.share(port.load[0].share).rules.get(operation.kind) or self.rules[operation.kind]

    def waiting(self) -> list[Traveller]:
        """Return the samples whose next operation may begin, in the order of their numbers."""
        soon = self.now + self.move_s
        paused = self.paused
        return [t for t in self.travellers if t.status == "waiting" and t.ready_at <= soon and t.share not in paused]

    def free_ports(self) -> list[Port]:
        """Return the stations to which a load may come."""
        return [port for port in self.ports.values() if port.accepts]

    def offers(self, port: Port, traveller: Traveller) -> bool:
        """Return whether a station can do a sample's next operation, within its devices' limits."""
        operation = traveller.next_operation
        return operation is not None and port.station.name in self.able(operation)

    def opens(self, station: Station, at: float, length_s: float) -> float:
        """Return the earliest lab time [s], not before `at`, at which a station may work for so long [s].

        It is infinite where the station's calendar has no such time.
        """
        asked = self.time_of_day + at
        opens = station.calendar.opens(asked, length_s)
        if opens is None:
            return math.inf
        return at if opens <= asked else at + (opens - asked)  # exactly the time that was asked, where it is open

    # What happens.

    def take(self, traveller: Traveller) -> None:
        """Take a new sample; it lies in the first rack place that nobody has.

        Raises:
            LookupError: every rack place is taken.
        """
        rack = next((name for name in self.racks if self.places.n_free(name)), next(iter(self.racks)))
        traveller.home = traveller.location = self.places.reserve(rack, traveller.sample)
        traveller.waiting_since = self.now
        self.travellers.append(traveller)

    def carried(self, move: Move, result: OperationResult) -> None:
        """Go on after a move was made or failed."""
        self.carrying = None
        if result.status == "success":
            _carrying.arrived(self, move)
            return
        move.traveller.location = f"{move.source} or {move.destination}?"
        self.end(move.traveller, "failed", f"not carried to {move.destination}: {result.reason}")
        self.stop_starting(f"the mover failed: {result.reason}")

    def operated(self, port: Port, result: OperationResult) -> None:
        """Go on after an operation ended."""
        operation = port.load[0].next_operation
        assert operation is not None  # something was begun
        port.last_kind = operation.kind
        share = self.share(port.load[0].share)
        share.used_s += self.now - port.began
        for traveller in port.load:
            if result.run_uid:
                traveller.runs.append(result.run_uid)
        if result.status != "success":
            _failing.failed(self, port, result)
            return
        self.durations.learn(port.station, operation, self.now - port.began)
        port.n_failures = port.attempt = 0
        for traveller in port.load:
            traveller.index += 1
            traveller.done_at = self.now
            if share.leaving and traveller.next_operation is not None:
                traveller.aside = share.leaving
        _loading.unload(self, port)

    def stop_starting(self, reason: str) -> None:
        """Start nothing any more; what runs, ends."""
        self.stopping = self.stopping or reason

    def stop_share(self, name: str, reason: str) -> None:
        """Start nothing any more for one share; where it is the only one, for nobody."""
        if len(self.shares) > 1:
            _leaving.leave(self, name, reason)
        else:
            self.stop_starting(reason)

    def retire(self, port: Port, reason: str) -> None:
        """Use a station no more; what is in it is finished, what was called goes elsewhere."""
        port.reason = reason
        _loading.call_off(self, port)
        if port.state == "free":
            port.state = "quarantined"

    def add(self, station: Station) -> Port:
        """Use a station that there was not before."""
        port = Port(station)
        self.ports = {**self.ports, station.name: port}  # others may look at the stations meanwhile
        self.places.add(station.name, station.places)
        return port

    # What is done.

    def decide(self) -> None:
        """Do what there is to do now."""
        self._ring()
        for _ in range(_ROUNDS):
            again = not self.stopping and self._decide_once()
            if not _giving_up.give_up_the_hopeless(self) and not again:
                break
        if self.travellers and _giving_up.stands_still(self):
            for traveller in list(self.travellers):
                self.end(traveller, "failed", "nothing that is under way lets it go on")

    def next_due(self) -> float:
        """Return the lab time [s] at which to decide anew although nothing happened; infinite when never."""
        due = min((timer.time for timer in self.timers), default=math.inf)
        if self.stopping:
            return due
        soon = self.now + self.move_s
        paused = self.paused
        for traveller in self.travellers:
            if traveller.status == "waiting" and traveller.share not in paused:
                due = min(due, traveller.due + _JUST_AFTER_S)
                if traveller.ready_at > soon:
                    due = min(due, traveller.ready_at - self.move_s)
        for port in [port for port in self.ports.values() if port.state == "loading"]:
            for traveller in port.load:
                if traveller.status == "inside" and self.now < traveller.ready_at and traveller.share not in paused:
                    due = min(due, traveller.ready_at)
        return min(due, self.look_again)

    def later(self, delay_s: float, port: Port, what: str, number: int = 0) -> None:
        """Do something with a station after a time [s]."""
        self.timers.append(Timer(self.now + delay_s, port.station.name, what, number))

    def _decide_once(self) -> bool:
        """Decide; return whether to decide again at once, because samples that need no mover are elsewhere now."""
        n_before = self.n_arrived
        _giving_up.set_late_aside(self)
        decision = self.policy.decide(self)
        self.look_again, self.work = decision.look_again, decision.work or self.work
        for choice in decision.choices:
            _loading.load(self, choice.port, choice.travellers)
        for traveller in list(self.travellers):
            is_away = traveller.status == "waiting" and traveller.location != traveller.home
            if is_away and not self.is_paused(traveller):
                _carrying.carry(self, traveller, traveller.home)
        for port in self.ports.values():
            if port.state == "loading" and not port.held and all(t.status == "inside" for t in port.load):
                if port.load and self.is_paused(port.load[0]):
                    continue
                _loading.begin(self, port)
        _carrying.carry_next(self)
        return self.n_arrived != n_before

    def _ring(self) -> None:
        """Do what was put off until now."""
        due = [timer for timer in self.timers if timer.time <= self.now]
        self.timers = [timer for timer in self.timers if timer.time > self.now]
        for timer in due:
            if timer.what == "changed":
                _loading.changed(self, self.ports[timer.station])
            else:
                _failing.rung(self, timer)

    # When a sample ends.

    def end_at_home(self, traveller: Traveller) -> None:
        """End a sample that lies in its rack place."""
        self.end(traveller, "failed" if traveller.aside else "finished", traveller.aside)

    def end(self, traveller: Traveller, status: str, reason: str) -> None:
        """Do nothing more to a sample; its place stays its own: there it lies."""
        traveller.status, traveller.reason = status, reason
        self.travellers.remove(traveller)
        self.moves = [move for move in self.moves if move.traveller is not traveller]
        self.left[traveller.sample] = traveller.location
        self.hands.ended(traveller)

    # Copies.

    def copy(self, hands: Hands, policy: Policy | None = None, only: Collection[Traveller] | None = None) -> Line:
        """Return another line in the same state that goes its own way.

        Args:
            hands: its own.
            policy: in place of this line's.
            only: leave out all other samples; none of these may be in a station, nor on its way.
        """
        taken = self.travellers if only is None else [t for t in self.travellers if t in only]
        twins = {t.sample: t.copy() for t in taken}
        for port in self.ports.values():  # what ended in a station lies in it
            twins |= {t.sample: t.copy() for t in port.load if t.sample not in twins}

        def twin(move: Move) -> Move:
            return Move(twins[move.traveller.sample], move.source, move.destination)

        copied = copy.copy(self)
        copied.hands, copied.policy, copied.durations = hands, policy or self.policy.twin(), self.durations.frozen()
        copied.ports = {name: port.copy(twins) for name, port in self.ports.items()}
        copied.travellers = [twins[t.sample] for t in taken]
        copied.moves = [twin(move) for move in self.moves]
        copied.carrying = None if self.carrying is None else twin(self.carrying)
        copied.places, copied.left, copied.timers = self.places.copy(), {}, list(self.timers)
        copied.mover_held, copied.shares = dict(self.mover_held), {k: copy.copy(v) for k, v in self.shares.items()}
        return copied
