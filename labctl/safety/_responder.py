"""What is done when something is wrong."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from labctl.clock import together
from labctl.errors import LabError
from labctl.interlocks import Response
from labctl.lab import Lab
from labctl.safety._alarms import ACKNOWLEDGED, EXPIRED, OVERRIDDEN, Alarm
from labctl.safety._board import AlarmBoard
from labctl.safety._state import State

logger = logging.getLogger("labctl.safety")


def _nothing(*_: object) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Actions:
    """What can be done about it; each is called on a thread of its own and may wait on the lab's clock."""

    warn: Callable[[Alarm], object] = _nothing
    """Tell people; for every alarm, whatever else is done."""
    hold: Callable[[str, str], object] = _nothing
    """Start no new operation on a station, for a reason; may be called again."""
    release: Callable[[str], object] = _nothing
    """Nothing holds a station any more."""
    abort: Callable[[str, str], object] = _nothing
    """End what runs on a station, for a reason; returns when it is safe."""
    safe: Callable[[tuple[str, ...], str], Sequence[str]] | None = None
    """Make devices safe in this order, for a reason; returns what failed. The laboratory's own when None."""


@dataclass
class Responder:
    """Turns a change of state into lines on the board, events in the runs, and actions.

    An alarm is on the disk before anything is done; when it cannot be written, the action is taken all the same.

    Args:
        lab: whose stations and devices are concerned.
        board: where it is written.
        actions: how it is done.
    """

    lab: Lab
    board: AlarmBoard
    actions: Actions
    holding: dict[str, set[str]] = field(default_factory=dict)
    """By station, what holds it."""
    responses: dict[str, Response] = field(default_factory=dict)
    """By name, of everything that is watched."""
    unwritten: dict[str, tuple[str, Response]] = field(default_factory=dict)
    """Alarms that could not be written yet."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open(self, responses: Mapping[str, Response]) -> dict[str, State]:
        """Begin to watch more; return the state that each has from before.

        Args:
            responses: what is to be done, by name.

        Raises:
            StoreError: the board cannot be written.
        """
        self.responses |= responses
        self.board.opened(list(self.responses), virtual=self.lab.clock.virtual)
        alarms, states = self.board.alarms, dict[str, State]()
        for name in responses:
            waits = name in alarms and not alarms[name].acknowledged_by
            states[name] = State("latched") if waits else State()
            self.keep(name, states[name])
        return states

    def look(self) -> None:
        """Take in what people did, and end what has expired."""
        try:
            self.board.refresh()
            self.board.expire()
            for name, (message, response) in list(self.unwritten.items()):
                self.board.raised(name, message, response)
                self.unwritten.pop(name, None)
        except LabError as error:
            logger.error("alarms cannot be read or written: %s", error)
        for line in self.board.news():
            name, by = str(line["name"]), str(line["by"])
            words = {
                ACKNOWLEDGED: f"{name} acknowledged by {by}: {line.get('note', '')}".rstrip(": "),
                OVERRIDDEN: f"{name} overridden by {by}: {line.get('reason', '')}",
                EXPIRED: f"{name} armed again: its override has expired",
            }
            if name in self.responses:
                self._tell(name, words.get(line["event"], f"{name} armed again by {by}"), "info")

    def armed(self, name: str) -> bool:
        """Return whether something is not overridden."""
        return name not in self.board.overrides

    def settle(self, name: str, state: State) -> State:
        """Return a state after what people did: acknowledged, when the board says so."""
        if not state.raised or state.acknowledged or name in self.unwritten:
            return state
        alarm = self.board.alarms.get(name)
        return state.acknowledge() if alarm is None or alarm.acknowledged_by else state

    def follow(self, name: str, before: State, after: State, message: str) -> None:
        """Do what a change of state asks for.

        Args:
            name: of the interlock or watchdog.
            before: the state.
            after: the state.
            message: what is wrong.
        """
        response = self.responses[name]
        if after.phase == "tripped" and before.phase != "tripped":
            alarm = self._raise(name, message, response)
            self._hold(name, response, alarm.message)
            self.lab.clock.spawn(functools.partial(self._act, alarm, response), f"alarm-{name}")
        elif before.phase == "tripped" and after.phase != "tripped":
            self._write(functools.partial(self.board.cleared, name))
            self._tell(name, f"{name}: over", "info")
        self.keep(name, after)

    def keep(self, name: str, state: State) -> None:
        """Hold the stations of what is raised and not overridden; release those that nothing holds any more."""
        if state.raised and self.armed(name):
            self._hold(name, self.responses[name], f"{name} is not acknowledged")
            return
        with self._lock:
            free = [station for station, names in self.holding.items() if names == {name}]
            for names in self.holding.values():
                names.discard(name)
        for station in free:
            self.actions.release(station)

    def _hold(self, name: str, response: Response, reason: str) -> None:
        with self._lock:
            stations = response.stations if response.action != "warn" else ()
            new = [station for station in stations if name not in self.holding.setdefault(station, set())]
            for station in new:
                self.holding[station].add(name)
        for station in new:
            self.actions.hold(station, reason)

    def _raise(self, name: str, message: str, response: Response) -> Alarm:
        self._tell(name, f"{name}: {message}", response.severity)
        try:
            return self.board.raised(name, message, response)
        except LabError as error:
            logger.error("alarm %s (%s) cannot be written: %s", name, message, error)
            self.unwritten[name] = (message, response)
            return Alarm(name, message, response.severity, response.action, self.lab.clock.time(), response.stations)

    def _act(self, alarm: Alarm, response: Response) -> None:
        reason = f"{alarm.name}: {alarm.message}"
        calls: list[tuple[str, Callable[[], object]]] = [
            ("warn", functools.partial(self._call, self.actions.warn, alarm))
        ]
        if response.action in ("abort", "safe"):
            calls += [
                (f"abort {station}", functools.partial(self._call, self.actions.abort, station, reason))
                for station in response.stations
            ]
        failures = list[str]()
        if response.action == "safe":
            calls.append(("safe", functools.partial(self._make_safe, response.devices, reason, failures)))
        with self.lab.clock.flow():
            outcomes = together(self.lab.clock, [call for _, call in calls], f"alarm-{alarm.name}")
        for (what, _), outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, Exception):
                failures.append(f"{what}: {type(outcome).__name__}: {outcome}")
        for text in failures:
            logger.error("%s: %s", alarm.name, text)
        self._write(functools.partial(self.board.acted, alarm.name, _done(response), failures))

    def _call(self, action: Callable[..., object], *arguments: object) -> object:
        return action(*arguments)

    def _make_safe(self, devices: tuple[str, ...], reason: str, failures: list[str]) -> None:
        safe = self.actions.safe
        failures += self.lab.make_safe(devices) if safe is None else safe(devices, reason)

    def _tell(self, name: str, message: str, severity: str) -> None:
        """Record an event in the runs of the stations that something concerns."""
        kind = "interlock" if any(interlock.name == name for interlock in self.lab.interlocks) else "alarm"
        for station in self.responses[name].stations:
            events = self.lab.stations[station].events
            if events is not None:
                self._write(functools.partial(events.tell, kind, message, source="labctl", severity=severity))

    def _write(self, write: Callable[[], object]) -> None:
        try:
            write()
        except LabError as error:
            logger.error("cannot be written: %s", error)


def _done(response: Response) -> str:
    where = ", ".join(response.stations)
    words = {
        "warn": "told",
        "hold": f"held {where}",
        "abort": f"held and aborted {where}",
        "safe": f"held and aborted {where}; made safe {', '.join(response.devices)}",
    }
    return words[response.action]
