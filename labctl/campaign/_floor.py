"""Stations at work, for one campaign or for several side by side."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from labctl.campaign._awaiting import Awaiting
from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._completion import ToCome
from labctl.campaign._decisions import Decisions
from labctl.dispatch import Dispatcher, Handled, Share, Traveller
from labctl.engine import LabRunEngine, OperationRequest, OperationResult, ScanIds, StationDriver
from labctl.lab import Lab, LabFile, Station
from labctl.safety import Actions, Alarm, AlarmBoard, Responder, Watch
from labctl.store import Store

_JOIN_LIMIT_S = 5.0
_ASK_AGAIN_S = 0.1
_INTERLOCK = "interlock"
"""The holder of a station that interlocks and watchdogs are."""
_SAFE_LIMIT_S = 120.0
"""How long a campaign that cannot go on waits until every station is safe, in lab seconds."""


class Member(Protocol):
    """What a floor needs of a campaign; everything may be called from any thread."""

    name: str
    store: Store
    decisions: Decisions
    scan_ids: ScanIds

    @property
    def to_come(self) -> ToCome:
        """What it will still begin."""
        ...

    def ended(self, traveller: Traveller) -> None:
        """Take back a sample to which nothing more is done."""
        ...

    def loaded(self, station: str, load: Sequence[Traveller]) -> None:
        """Write down a load before the first of its samples is moved."""
        ...

    def handled(self, handled: Handled) -> None:
        """Write down what will be done about an operation that failed."""
        ...

    def broken(self, error: Exception) -> None:
        """Give up: nothing is decided any more."""
        ...

    def look(self) -> None:
        """See whether there is room for another sample."""
        ...

    def end(self, reason: str) -> None:
        """Start no further trial."""
        ...

    def happened(self, kind: Any, text: str, **about: Any) -> None:
        """Tell people."""
        ...

    def failed(self, station: str, request: OperationRequest, result: OperationResult) -> None:
        """Keep what is to be kept of an operation that failed."""
        ...


class Floor:
    """The stations of a laboratory at work: their engines, the dispatcher, interlocks and alarms.

    Campaigns join it. Each has records, decisions and an optimizer of its own; what is done to a station is written
    down by all of them.

    Args:
        checked: a campaign that will join, of which others have the same laboratory and policy.
        lab: built from the lab file.
        plans: plan of each operation kind.
        directory: where alarms are written down.
    """

    def __init__(
        self, checked: CheckedCampaign, lab: Lab, plans: Mapping[str, Callable[..., Any]], directory: Path
    ) -> None:
        self.lab, self.plans, self.directory = lab, plans, directory
        self.file, self.schemas = checked.lab, checked.schemas
        self.members: dict[str, Member] = {}
        self.working: set[str] = set()
        """Names of the members that have not ended."""
        self._is_abandoned = False
        self.on_taken_in: list[Callable[[], None]] = []
        """Called when there are more stations than before."""
        self.drivers = {name: self._driver(name) for name in lab.stations}
        self.dispatcher = Dispatcher(
            lab,
            self.drivers,
            plans,
            on_ended=lambda traveller: self.members[traveller.share].ended(traveller),
            on_broken=self._broken,
            on_loaded=lambda station, load: self.members[load[0].share].loaded(station, load),
            on_handled=lambda handled: self.members[handled.travellers[0].share].handled(handled),
            policy=checked.file.dispatch.make_policy(),
            on_room=lambda: self._each(lambda member: member.look()),
        )
        self.awaiting = Awaiting(lab, self.dispatcher, self._answering, self.silent)
        self.board = AlarmBoard(directory, lab.clock.time)
        """Alarms of the laboratory, also from before."""
        self.responder = Responder(lab, self.board, self._actions())
        self._watch = Watch(lab, self.responder)

    def join(self, member: Member, share: Share, md: Mapping[str, Any]) -> None:
        """Let a campaign have samples here.

        Args:
            member: the campaign.
            share: its part of the line.
            md: metadata of every run of its samples.
        """
        self.members[member.name] = member
        self.working.add(member.name)
        self.dispatcher.join(member.name, share, md)

    @property
    def to_come(self) -> Mapping[str, ToCome]:
        """What the campaigns at work will still begin, by name."""
        return {name: self.members[name].to_come for name in sorted(self.working)}

    def watch(self) -> None:
        """Begin to look after interlocks."""
        self._watch.start()

    def is_alone(self, name: str) -> bool:
        """Return whether no other campaign is at work."""
        return not self.working - {name}

    def decide(self, kind: str, **about: Any) -> None:
        """Write down what is done to a station, with every campaign; raises StoreError."""
        self._each(lambda member: member.decisions.write(kind, **about))

    def happened(self, kind: Any, text: str, **about: Any) -> None:
        """Have one campaign tell people what concerns the laboratory."""
        name = next((name for name in self.members if name in self.working), next(iter(self.members)))
        self.members[name].happened(kind, text, **about)

    def silent(self, station: str, reason: str) -> None:
        """Tell that a station is given up which does not answer."""
        self.happened("quarantine", f"{station} does not answer after the restart: {reason}", station=station)

    def take_in(self, stations: Sequence[Station], file: LabFile) -> None:
        """Use stations that the laboratory was extended by, as a lab file has it, and watch all its interlocks anew."""
        self.file = file
        for station in stations:
            with self.lab.clock.outside():  # an engine's loop is a participant of the clock, too
                driver = self._driver(station.name)
            self.drivers = {**self.drivers, station.name: driver}  # others may look at them meanwhile
            self.dispatcher.add(station, driver)
        self._watch.stop()
        self._watch = Watch(self.lab, self.responder)
        self._watch.start()
        for call in self.on_taken_in:
            call()

    def stop(self, reason: str) -> None:
        """Start nothing more, and abort what runs, each station to its safe state; any thread may call this."""
        for name in sorted(self.working):
            self.members[name].end(reason)
        self.dispatcher.stop_starting(reason)
        for station in self.drivers:
            self.abort(station, reason)

    def abort(self, station: str, reason: str) -> None:
        """Abort what a station does, to its safe state; any thread may call this, it does not wait."""
        driver = self.drivers[station]  # side by side: one mute instrument delays no other station
        self.lab.clock.spawn(functools.partial(driver.abort, reason), f"abort-{station}")

    def abandon(self, error: BaseException) -> None:
        """Bring every station to its safe state: the work cannot go on."""
        if self._is_abandoned:
            return
        self._is_abandoned = True
        self.stop(f"{type(error).__name__}: {error}")
        limit = self.lab.clock.monotonic() + _SAFE_LIMIT_S
        while any(driver.current for driver in self.drivers.values()) and self.lab.clock.monotonic() < limit:
            self.lab.clock.sleep(_ASK_AGAIN_S)
        failures = self.lab.make_safe()
        self.happened("stopping", f"{error}; {'; '.join(failures) or 'every device is safe'}")

    def close(self) -> None:
        """End all threads."""
        self.awaiting.end()
        self._watch.stop()
        self.dispatcher.close()
        for driver in self.drivers.values():
            driver.close()
        for driver in self.drivers.values():
            driver.join(_JOIN_LIMIT_S)

    def _driver(self, name: str) -> StationDriver:
        """Return what drives a station; each run goes to the records of the campaign whose samples it treats."""
        station, clock = self.lab.stations[name], self.lab.clock
        md = {**self.lab.metadata.model_dump(), "station": name, "fittings": dict(station.fittings)}
        engine = LabRunEngine(clock, md, lambda md: self.members[md["campaign"]].scan_ids(md), _Recorder(self.members))
        driver = StationDriver(name, clock, engine)
        driver.on_failed = functools.partial(self._failed, name)
        return driver

    def _failed(self, station: str, request: OperationRequest, result: OperationResult) -> None:
        self.members[request.md["campaign"]].failed(station, request, result)

    def _each(self, call: Callable[[Member], None]) -> None:
        for member in self.members.values():
            call(member)

    def _broken(self, error: Exception) -> None:
        self._each(lambda member: member.broken(error))

    def _answering(self, station: str) -> None:
        self.happened("intervention", f"{station} answers again", station=station)

    def _actions(self) -> Actions:
        return Actions(
            warn=self._warn,
            hold=lambda station, reason: self.dispatcher.hold(station, _INTERLOCK, reason),
            release=lambda station: self.dispatcher.let_go(station, _INTERLOCK),
            abort=lambda station, reason: self.drivers[station].abort(reason),
        )

    def _warn(self, alarm: Alarm) -> None:
        station = alarm.stations[0] if len(alarm.stations) == 1 else ""
        text = f"{alarm.name}: {alarm.message} ({alarm.action})"
        self.happened("alarm", text, station=station, severity=alarm.severity, alarm=alarm.name)


class _Recorder:
    """Writes what one engine emits into the journal of the campaign that the run belongs to."""

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members
        self._journal: Callable[[str, dict[str, Any]], None] = lambda name, document: None

    def __call__(self, name: str, document: dict[str, Any]) -> None:
        if name == "start":
            self._journal = self._members[document["campaign"]].store.journal
        self._journal(name, document)
