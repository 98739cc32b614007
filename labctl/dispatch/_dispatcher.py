"""First come, first served, over stations with places."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labctl.clock import ClockQueue
from labctl.dispatch._places import Places
from labctl.dispatch._traveller import Traveller
from labctl.engine import OperationRequest, OperationResult, StationDriver
from labctl.lab import Lab, Station
from labctl.recipes import OperationSchema, Recipe

__all__ = ["Dispatcher"]


@dataclass
class Port:
    """A station as the dispatcher sees it."""

    station: Station
    driver: StationDriver
    state: str = "free"
    """free | loading | busy | unloading | quarantined."""
    reason: str = ""
    load: list[Traveller] = field(default_factory=list)
    continues: str = ""
    """Uid of the run with which the next one goes on; empty for a new operation."""


@dataclass(frozen=True)
class Load:
    """Samples that share a station when a campaign is taken up again."""

    station: str
    travellers: tuple[Traveller, ...]
    state: str
    """loading | unloading | quarantined."""
    reason: str = ""
    continues: str = ""
    """Uid of the run that the next operation goes on with."""


@dataclass(frozen=True)
class Move:
    """A sample that is to be carried."""

    traveller: Traveller
    source: str
    destination: str


class Dispatcher:
    """Decides on one thread of the lab clock; stations report to it through a queue.

    A waiting sample goes to the first free station that offers its next operation. Samples whose
    operations have equal parameters share a load when the station has several places; a load that
    is not full waits for samples that are on their way to the same operation, at most the station's
    ``load_wait_s``. A failed operation puts the station in quarantine with its samples inside;
    other stations go on. When the mover fails, nothing new is started: where its sample is, only a
    person can say.

    Args:
        lab: stations, racks and mover.
        drivers: one per station.
        md: metadata of every run (campaign).
        on_ended: called on the dispatcher's thread for each sample that ends.
        on_loaded: called there with a station and its samples before the first of them is moved into it.
        plans: plan of each operation kind.
    """

    def __init__(
        self,
        lab: Lab,
        drivers: Mapping[str, StationDriver],
        plans: Mapping[str, Callable[..., Any]],
        md: Mapping[str, Any],
        on_ended: Callable[[Traveller], None],
        on_loaded: Callable[[str, list[str]], None] = lambda station, samples: None,
    ) -> None:
        self.lab, self.clock, self._plans, self._md = lab, lab.clock, plans, dict(md)
        self._on_ended, self._on_loaded = on_ended, on_loaded
        self.ports = {name: Port(station, drivers[name]) for name, station in lab.stations.items() if name != lab.mover}
        self.mover = drivers[lab.mover] if lab.mover else None
        self.places = Places({**lab.racks, **{name: s.places for name, s in lab.stations.items() if name != lab.mover}})
        self.travellers: list[Traveller] = []
        self.stopping = ""
        """Why nothing new is started; empty while work goes on."""
        self._moves: list[Move] = []
        self._carrying: Move | None = None
        self._numbers = itertools.count(1)
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

    def adopt(self, travellers: Sequence[Traveller], loads: Sequence[Load], n_operations: int) -> None:
        """Go on with samples of a campaign that was interrupted, before any other is submitted.

        Args:
            travellers: all of them, also those that ended, whose places stay theirs.
            loads: what is in the stations.
            n_operations: how many operations were begun already, for the numbers of the next.
        """
        self._inbox.put(lambda: self._adopt(travellers, loads, n_operations))

    def stop_starting(self, reason: str) -> None:
        """Start no further operation; what runs, ends."""
        self._inbox.put(lambda: self._stop_starting(reason))

    def ask(self, answer: Callable[[], None]) -> None:
        """Call `answer` from the dispatcher's loop: it shows that the loop goes round."""
        self._inbox.put(answer)

    def close(self) -> None:
        """End the thread."""
        self._inbox.put(self._close)

    # On the dispatcher's thread.

    def _run(self) -> None:
        while not self._closed:
            message = self._inbox.get(timeout=self._next_deadline_s())
            if message is not None:
                message()
            self._decide()

    def _close(self) -> None:
        self._closed = True

    def _take(self, sample: str, trial: str, recipe: Recipe, suggestion: Mapping[str, Any]) -> None:
        rack = next(name for name in self.lab.racks if self.places.n_free(name))
        home = self.places.reserve(rack, sample)
        traveller = Traveller(sample, trial, recipe, dict(suggestion), home, home)
        traveller.waiting_since = self.clock.monotonic()
        self.travellers.append(traveller)

    def _adopt(self, travellers: Sequence[Traveller], loads: Sequence[Load], n_operations: int) -> None:
        self._numbers = itertools.count(n_operations + 1)
        for traveller in travellers:
            if traveller.home:
                self.places.take(traveller.home, traveller.sample)
        for traveller in travellers:
            if not traveller.home:  # nothing was done to it
                rack = next(name for name in self.lab.racks if self.places.n_free(name))
                traveller.home = traveller.location = self.places.reserve(rack, traveller.sample)
            elif not traveller.location.endswith("?"):
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
        port.state, port.reason, port.load = load.state, load.reason, list(load.travellers)
        port.continues = load.continues
        for traveller in load.travellers if load.state == "loading" else ():
            if traveller.location.rpartition(".")[0] == load.station:
                traveller.status = "inside"
            else:
                self._move(traveller, self.places.reserve(load.station, traveller.sample))

    def _stop_starting(self, reason: str) -> None:
        self.stopping = self.stopping or reason

    def _decide(self) -> None:
        if not self.stopping:
            self._assign()
            for port in self.ports.values():
                if port.state == "loading" and all(t.status == "inside" for t in port.load):
                    self._start(port)
            self._carry_next()
        self._give_up_the_hopeless()

    def _assign(self) -> None:
        for traveller in self._waiting():
            if traveller.status != "waiting":
                continue  # taken into an earlier one's load
            port = self._port_for(traveller)
            if port is not None:
                self._load(port, self._load_of(port, traveller))
            elif traveller.location != traveller.home:
                self._move(traveller, traveller.home)

    def _waiting(self) -> list[Traveller]:
        waiting = [t for t in self.travellers if t.status == "waiting"]
        return sorted(waiting, key=lambda t: (t.waiting_since, t.sample))

    def _offers(self, port: Port, traveller: Traveller) -> bool:
        operation = traveller.next_operation
        if operation is None or operation.kind not in port.station.operations:
            return False
        return not port.station.refusals(self._schema(operation.kind), operation.parameters)

    def _schema(self, kind: str) -> OperationSchema:
        schema: OperationSchema = self._plans[kind].schema  # type: ignore[attr-defined]  # set by the decorator
        return schema

    def _port_for(self, traveller: Traveller) -> Port | None:
        for port in self.ports.values():
            if port.state == "free" and self._offers(port, traveller) and self._may_load(port, traveller):
                return port
        return None

    def _load_of(self, port: Port, first: Traveller) -> list[Traveller]:
        alike = [t for t in self._waiting() if t.fits_with(first)]
        return alike[: port.station.places]

    def _may_load(self, port: Port, first: Traveller) -> bool:
        """Return whether to load now, or to wait for samples on their way to the same operation."""
        if len(self._load_of(port, first)) >= port.station.places or self._due(port, first) <= self.clock.monotonic():
            return True
        return not any(self._will_fit(t, first) for t in self.travellers)

    def _due(self, port: Port, first: Traveller) -> float:
        return first.waiting_since + port.station.load_wait_s

    def _will_fit(self, other: Traveller, first: Traveller) -> bool:
        """Return whether a sample that is still on its way will come to the same operation."""
        if other.ended or other.status == "waiting":
            return False
        wanted = first.next_operation
        ahead = other.recipe.operations[other.index + (other.status == "inside") :]
        return wanted is not None and any(o.kind == wanted.kind and o.parameters == wanted.parameters for o in ahead)

    def _next_due(self, port: Port) -> float | None:
        if port.state != "free" or self.stopping:
            return None
        return min((self._due(port, t) for t in self._waiting() if self._offers(port, t)), default=None)

    def _next_deadline_s(self) -> float | None:
        """Return the lab seconds until a load is started although it is not full."""
        due = [time for port in self.ports.values() if (time := self._next_due(port)) is not None]
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
        if not self._moves or self._carrying is not None or self.mover is None or self.lab.mover is None:
            return
        move = self._moves.pop(0)
        self._carrying = move
        station = self.lab.stations[self.lab.mover]
        parameters = {"source": move.source, "destination": move.destination}
        request = self._request(station, "transfer", [move.traveller], parameters)
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
                left.state = "free"
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
        request = self._request(port.station, operation.kind, port.load, operation.parameters, continues)
        port.driver.submit(request, lambda result: self._inbox.put(lambda: self._operated(port, result)))

    def _operated(self, port: Port, result: OperationResult) -> None:
        for traveller in port.load:
            if result.run_uid:
                traveller.runs.append(result.run_uid)
        if result.status != "success":
            port.state, port.reason = "quarantined", result.reason
            for traveller in port.load:
                operation = traveller.next_operation
                name = operation.name if operation else ""
                self._end(traveller, "failed", f"{name} on {port.station.name}: {result.reason}")
            return
        port.state = "unloading"
        for traveller in port.load:
            traveller.index += 1
            traveller.status, traveller.waiting_since = "waiting", self.clock.monotonic()
        for traveller in list(port.load):
            if traveller.next_operation is None:
                self._move(traveller, traveller.home)

    def _give_up_the_hopeless(self) -> None:
        """End samples that will not go on, so that the campaign can."""
        for traveller in [t for t in self.travellers if not t.ended]:
            operation = traveller.next_operation
            if self.stopping:
                if not self._being_handled(traveller):
                    done = operation is None
                    self._end(traveller, "finished" if done else "failed", "" if done else f"stopped: {self.stopping}")
            elif operation is not None and traveller.status == "waiting" and traveller.location == traveller.home:
                able = [port for port in self.ports.values() if self._offers(port, traveller)]
                if all(port.state == "quarantined" for port in able):
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

    def _request(
        self,
        station: Station,
        kind: str,
        load: Sequence[Traveller],
        parameters: Mapping[str, Any],
        continues: str = "",
    ) -> OperationRequest:
        md = {
            **self._md,
            "operation_id": f"op{next(self._numbers):05d}",
            "trials": [t.trial for t in load],
            "recipe_digests": [t.recipe.digest for t in load],
            "recipes": {t.recipe.digest: t.recipe.content() for t in load},
            "operation_names": [t.next_operation.name if t.next_operation and kind != "transfer" else "" for t in load],
            "locations": [t.location for t in load],
            "suggestions": {t.trial: t.suggestion for t in load},
            "substrates": {t.sample: dict(self.lab.substrates.get(t.home, {})) for t in load},
        }
        samples = tuple(t.sample for t in load)
        devices, baseline = station.operations[kind], self.lab.ambient
        units = self._schema(kind).units()

        def make_plan() -> Any:
            texts = {k: f"{v!r} {units[k]}" if k in units else v for k, v in parameters.items()}
            return self._plans[kind](
                *devices, list(samples), md=md, baseline=baseline, events=station.events, continues=continues, **texts
            )

        return OperationRequest(str(md["operation_id"]), kind, samples, make_plan)
