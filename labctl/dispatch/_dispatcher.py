"""Samples on their way over the stations of a laboratory."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import override

from labctl.clock import ClockQueue
from labctl.dispatch import _failing, _leaving
from labctl.dispatch._adoption import Interrupted, adopt
from labctl.dispatch._advised import Advised
from labctl.dispatch._advising import Advising
from labctl.dispatch._durations import Durations
from labctl.dispatch._failure import default_rule
from labctl.dispatch._greedy import Greedy
from labctl.dispatch._hands import Hands
from labctl.dispatch._line import Line
from labctl.dispatch._policy import Policy
from labctl.dispatch._port import Handled, Move, Port
from labctl.dispatch._requests import Requests
from labctl.dispatch._share import Share
from labctl.dispatch._taking_back import take_back
from labctl.dispatch._traveller import Traveller
from labctl.engine import OperationResult, StationDriver
from labctl.errors import ClockClosed
from labctl.lab import Lab, Station
from labctl.recipes import Operation, OperationSchema, Recipe

__all__ = ["Dispatcher"]

_N_OPERATIONS_KNOWN = 8192


class Dispatcher(Hands):
    """Drives a `Line` on one thread of the lab clock; stations report to it through a queue.

    Which sample goes where is the business of a policy. What is done when an operation fails is said by a rule for
    each kind. When the mover fails, nothing new is started: where its sample is, only a person can say.

    Args:
        lab: stations, racks and mover.
        drivers: one per station.
        plans: plan of each operation kind.
        policy: which sample goes where; `Greedy` when omitted.
        on_ended: called on the dispatcher's thread for each sample that ends.
        on_loaded: called there with a station and its load before the first sample is moved into it.
        on_handled: called there with what will be done about an operation that failed, before it is done.
        on_broken: called there when the dispatcher itself fails; it decides nothing any more then.
        on_room: called there when more samples could be begun than before; see `room`.
    """

    def __init__(
        self,
        lab: Lab,
        drivers: Mapping[str, StationDriver],
        plans: Mapping[str, Callable[..., Any]],
        *,
        on_ended: Callable[[Traveller], None],
        on_broken: Callable[[Exception], None],
        on_loaded: Callable[[str, Sequence[Traveller]], None] = lambda station, load: None,
        on_handled: Callable[[Handled], None] = lambda handled: None,
        policy: Policy | None = None,
        on_room: Callable[[], None] = lambda: None,
    ) -> None:
        self.lab, self.clock, self._drivers = lab, lab.clock, drivers
        self._on_ended, self._on_loaded, self._on_handled, self._on_broken = on_ended, on_loaded, on_handled, on_broken
        schemas: dict[str, OperationSchema] = {
            kind: plan.schema  # type: ignore[attr-defined]  # set by the decorator
            for kind, plan in plans.items()
        }
        self.durations = Durations(schemas)
        self._stations = {name: station for name, station in lab.stations.items() if name != lab.mover}
        self._abilities: dict[Any, tuple[str, ...]] = {}
        self.line = Line(
            self._stations,
            lab.racks,
            has_mover=bool(lab.mover),
            able=functools.partial(_able, self._stations, schemas, self._abilities),
            durations=self.durations,
            policy=policy or Greedy(),
            schemas=schemas,
            rules={kind: default_rule(schema) for kind, schema in schemas.items()},
            hands=self,
            time_of_day=lab.clock.time() - lab.clock.monotonic(),
        )
        self._advising = Advising(self.clock, policy, self._tell) if isinstance(policy, Advised) else None
        self._on_room = on_room
        self._n_submitted, self._n_seen = Counter[str](), Counter[str]()
        self._room: dict[tuple[str, str], int] = {}
        self._requests = Requests(lab, plans, schemas)
        self._closed = False
        self._inbox: ClockQueue[Callable[[], None]] = ClockQueue(self.clock)
        self.thread = self.clock.spawn(self._run, "dispatch")

    @property
    def ports(self) -> Mapping[str, Port]:
        """Stations as dispatch sees them, without the mover; only to be looked at."""
        return self.line.ports

    def stopping(self, share: str) -> str:
        """Return why nothing new is started for a campaign ever again; empty while work goes on."""
        return self.line.stopping or self.line.share(share).leaving

    def paused(self, share: str) -> str:
        """Return why nothing new is started for a campaign for now; empty while work goes on."""
        return self.line.share(share).paused

    @property
    def n_under_way(self) -> int:
        """How many samples are under way."""
        return len(self.line.travellers)

    @property
    def n_taken(self) -> int:
        """How many samples were ever taken."""
        return len(self.line.travellers) + len(self.line.left)

    @property
    def whereabouts(self) -> Mapping[str, str]:
        """Where each sample lies to which nothing more will be done."""
        return self.line.left

    def unbegun(self, share: str) -> list[Traveller]:
        """Return the samples of a campaign to which nothing was done yet; only to be looked at."""
        return [each for each in list(self.line.travellers) if each.share == share and not each.begun]

    def room(self, kind: str, share: str) -> int:
        """Return how many samples a campaign could begin now with an operation of a kind: more only lie in the rack.

        These are the places of stations that are empty, or about to be, less those of its samples that wait for them
        already: below zero where more wait than there are places. Samples of other campaigns are not counted: whose
        turn it is, is decided when a station is free.
        """
        return self._room.get((share, kind), 0) - (self._n_submitted[share] - self._n_seen[share])

    # Called from any thread.

    def join(self, name: str, share: Share, md: Mapping[str, Any]) -> None:
        """Let a campaign have samples here; before any is submitted.

        Args:
            name: of the campaign, and of its share.
            share: its part of the line.
            md: metadata of every run of its samples.
        """
        self.line.shares[name], self._requests.md[name] = share, md
        self._look_for_room()

    def leave(self, name: str, reason: str) -> None:
        """Begin nothing more for one campaign: what runs for it ends, and its samples are carried home."""
        self._inbox.put(lambda: _leaving.leave(self.line, name, reason))

    def submit(
        self,
        sample: str,
        trial: str,
        recipe: Recipe,
        suggestion: Mapping[str, Any],
        *,
        share: str = "",
        priority: int = 0,
        deadline: float = math.inf,
    ) -> None:
        """Take a new sample; it lies in the first rack place that nobody has.

        Args:
            sample: its name.
            trial: that it is made for.
            recipe: what will be done to it.
            suggestion: the trial's parameter values, recorded with every run.
            share: whose part of the line it takes.
            priority: samples of a higher one go first.
            deadline: lab time [s] at which it should be finished.
        """
        traveller = Traveller(sample, trial, recipe, dict(suggestion), "", "")
        traveller.share, traveller.priority, traveller.deadline = share, priority, deadline
        self._n_submitted[share] += 1
        self._inbox.put(lambda: self._take(traveller))

    def take_back(self, sample: str, answer: Callable[[Mapping[str, str] | None], None]) -> None:
        """Forget a sample to which nothing was done yet, with all that is kept for it.

        Args:
            sample: that was submitted.
            answer: called on the dispatcher's thread with the rack places of its campaign's other samples to which
                nothing was done, or with None where it was begun or has ended.
        """
        self._inbox.put(lambda: answer(take_back(self.line, sample)))

    def adopt(self, before: Sequence[Interrupted]) -> None:
        """Go on with the samples of campaigns that were interrupted, before any other is submitted."""
        n_taken = Counter(each.share for one in before for each in one.travellers if not each.ended)
        self._n_submitted += n_taken
        self._inbox.put(lambda: self._adopt(before, n_taken))

    def stop_starting(self, reason: str) -> None:
        """Start no further operation; what runs, ends."""
        self._inbox.put(lambda: self.line.stop_starting(reason))

    def ask(self, answer: Callable[[], None]) -> None:
        """Call `answer` from the dispatcher's loop: it shows that the loop goes round."""
        self._inbox.put(answer)

    def pause(self, share: str, reason: str) -> None:
        """Start nothing for a campaign until `resume`; what runs, ends."""
        self._inbox.put(lambda: setattr(self.line.share(share), "paused", reason))

    def resume(self, share: str) -> None:
        """Start a campaign's operations again."""
        self._inbox.put(lambda: setattr(self.line.share(share), "paused", ""))

    def hold(self, station: str, holder: str, reason: str) -> None:
        """Let a station, or the mover, begin nothing new until each holder has let it go; what it does, ends."""
        self._inbox.put(lambda: self._held(station).update({holder: reason}))

    def let_go(self, station: str, holder: str) -> None:
        """Hold a station no more."""
        self._inbox.put(lambda: self._let_go(station, holder))

    def retire(self, station: str, reason: str) -> None:
        """Use a station no more until `restore`; what is in it is finished, other samples go elsewhere."""
        self._inbox.put(lambda: self.line.retire(self.ports[station], reason))

    def restore(self, station: str) -> None:
        """Use a station again that is in quarantine or retired; what ended in it was taken out. The mover never is."""
        if station in self.ports:
            self._inbox.put(lambda: _failing.restore(self.line, self.ports[station]))

    def add(self, station: Station, driver: StationDriver) -> None:
        """Use a station that there was not before."""
        self._inbox.put(lambda: self._add(station, driver))

    def answer(self, station: str, verdict: str) -> None:
        """Say what is to be done at a station that waits for a person: one of `answers`."""
        self._inbox.put(lambda: _failing.answer(self.line, self.ports[station], verdict))

    def close(self) -> None:
        """End the thread."""
        self._inbox.put(lambda: setattr(self, "_closed", True))

    # On the dispatcher's thread.

    def _run(self) -> None:
        try:
            while not self._closed:
                due = self.line.next_due()
                message = self._inbox.get(timeout=None if due == math.inf else max(0.0, due - self.clock.monotonic()))
                self.line.now = self.clock.monotonic()
                while message is not None:  # what comes in one instant is decided about together
                    message()
                    message = self._inbox.get_at_once()
                self.line.decide()
                if self._look_for_room():
                    self._on_room()
                if self._advising is not None:
                    self._advising.look(self.line)
        except ClockClosed:
            raise
        except Exception as error:  # noqa: BLE001  a campaign must not wait for ever for a thread that died
            self._on_broken(error)

    def _tell(self, call: Callable[[], None]) -> None:
        self._inbox.put(call)

    def _take(self, traveller: Traveller) -> None:
        self._n_seen[traveller.share] += 1
        self.line.take(traveller)
        if reason := self.line.share(traveller.share).leaving:  # which it did not know when it submitted the sample
            _leaving.leave(self.line, traveller.share, reason)

    def _look_for_room(self) -> bool:
        """Count the places in which samples could be begun; return whether there are more for anyone than before."""
        places, waiting, line = Counter[str](), Counter[tuple[str, str]](), self.line
        kinds = {kind for port in line.ports.values() for kind in port.station.operations}
        for port in line.ports.values():
            if port.state in ("free", "unloading") and not port.held and not port.reason:
                for kind in port.station.operations:
                    places[kind] += port.station.places
        for traveller in line.travellers:
            operation = traveller.next_operation
            if operation is not None and traveller.status == "waiting":
                waiting[traveller.share, operation.kind] += 1
        before = self._room
        self._room = {(name, kind): places[kind] - waiting[name, kind] for name in line.shares for kind in kinds}
        return any(room > before.get(key, 0) for key, room in self._room.items())

    def _add(self, station: Station, driver: StationDriver) -> None:
        self._drivers = {**self._drivers, station.name: driver}
        self._stations[station.name] = station
        self._abilities.clear()
        self.line.add(station)

    def _adopt(self, before: Sequence[Interrupted], n_taken: Counter[str]) -> None:
        self._requests.go_on_after(max(each.n_operations for each in before))
        self._n_seen += n_taken
        self._room = {}  # that was counted without them
        adopt(self.line, before)

    def _held(self, station: str) -> dict[str, str]:
        return self.line.ports[station].held if station in self.line.ports else self.line.mover_held

    def _let_go(self, station: str, holder: str) -> None:
        self._held(station).pop(holder, None)

    # What the line has done.

    @override
    def carry(self, move: Move) -> None:
        """Let the mover carry a sample."""
        began = self.clock.monotonic()
        parameters = {"source": move.source, "destination": move.destination}
        request = self._requests.make(self.lab.stations[self.lab.mover], "transfer", [move.traveller], parameters)

        def carried(result: OperationResult) -> None:
            if result.status == "success":
                self.durations.learn_move(self.line.now - began)
            self.line.carried(move, result)

        self._drivers[self.lab.mover].submit(request, lambda result: self._inbox.put(lambda: carried(result)))

    @override
    def begin(self, port: Port) -> None:
        """Let a station do the next operation of its load."""
        operation = port.load[0].next_operation
        assert operation is not None  # it was brought for one
        request = self._requests.make(port.station, operation.kind, port.load, operation.parameters, port.continues)
        self._drivers[port.station.name].submit(
            request, lambda result: self._inbox.put(lambda: self.line.operated(port, result))
        )

    @override
    def loaded(self, station: str, load: Sequence[Traveller]) -> None:
        """Tell of a load."""
        self._on_loaded(station, load)

    @override
    def handled(self, handled: Handled) -> None:
        """Tell what will be done about an operation that failed."""
        self._on_handled(handled)

    @override
    def ended(self, traveller: Traveller) -> None:
        """Tell of a sample that ended."""
        self._on_ended(traveller)


def _able(
    stations: Mapping[str, Any],
    schemas: Mapping[str, OperationSchema],
    known: dict[Any, tuple[str, ...]],
    operation: Operation,
) -> tuple[str, ...]:
    """Return the stations that can do an operation within their devices' limits; `known` remembers."""
    found = known.get(operation.programme)
    if found is None:
        if len(known) >= _N_OPERATIONS_KNOWN:
            known.clear()
        found = known[operation.programme] = tuple(
            name
            for name, station in stations.items()
            if operation.kind in station.operations
            and not station.refusals(schemas[operation.kind], operation.parameters)
        )
    return found
