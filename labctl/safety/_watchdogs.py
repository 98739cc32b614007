"""What goes wrong without any signal telling it: instruments, plans, the computer itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from labctl.clock import Clock, RealClock
from labctl.interlocks import Action, Response, Severity
from labctl.link import Link, Poller
from labctl.safety._computer import clock_jump, free_space, memory_growth
from labctl.safety._progress import Progress
from labctl.safety._responder import Responder
from labctl.safety._state import State

PERIOD_S = 10.0
"""How often is looked [s]."""


class _Limit(Protocol):
    @property
    def severity(self) -> Severity: ...

    @property
    def action(self) -> Action: ...


@dataclass(frozen=True)
class Watchdog:
    """One thing that may hang, fill or run away."""

    name: str
    look: Callable[[], str]
    """Returns what is wrong, in words; empty when nothing is."""
    response: Response


class Watchdogs:
    """Looks after instruments and plans on the lab's clock, and after the computer on the real one.

    Limits and actions are those of the lab file. Alarms are on the same board as those of interlocks.

    Args:
        responder: does what is to be done.
        folder: of the store.
        progress: by station, what its documents tell.
        store_lag: returns how many runs wait for the catalog.
        wall: the computer's clock.
    """

    def __init__(
        self,
        responder: Responder,
        folder: Path,
        progress: Mapping[str, Progress] | None = None,
        store_lag: Callable[[], int] = lambda: 0,
        wall: Clock | None = None,
    ) -> None:
        self.responder, self._wall = responder, RealClock() if wall is None else wall
        self._lab, self._limits = responder.lab, responder.lab.watchdogs
        self.of_laboratory = (*self._instruments(), *self._plans(progress or {}))
        self.of_computer = self._computer(folder, store_lag)
        self._states: dict[str, State] = {}
        self._pollers: list[Poller] = []

    @property
    def states(self) -> Mapping[str, State]:
        """How it stands with each, by name."""
        return self._states

    def start(self) -> None:
        """Begin; what was not acknowledged before holds its stations again; raises StoreError."""
        if self._pollers:
            return
        every = (*self.of_laboratory, *self.of_computer)
        self._states = self.responder.open({dog.name: dog.response for dog in every})
        for clock, dogs in ((self._lab.clock, self.of_laboratory), (self._wall, self.of_computer)):
            poller = Poller(clock, "watchdogs")
            poller.every(PERIOD_S, functools.partial(self.look, dogs))
            self._pollers.append(poller)

    def stop(self) -> None:
        """Look no more."""
        for poller in self._pollers:
            poller.close()
        self._pollers.clear()

    def look(self, dogs: Sequence[Watchdog]) -> None:
        """Let some of them look, and do what is to be done."""
        self.responder.look()
        for dog in dogs:
            before = self.responder.settle(dog.name, self._states[dog.name])
            wrong = dog.look()
            now, armed = self._lab.clock.monotonic(), self.responder.armed(dog.name)
            self._states[dog.name] = after = before.advance(bool(wrong), now, armed=armed)
            self.responder.follow(dog.name, before, after, wrong)

    def _response(self, limit: _Limit, stations: Sequence[str], devices: Sequence[str]) -> Response:
        ordered = [name for group in self._lab.safe_order for name in group if name in devices]
        return Response(limit.action, limit.severity, tuple(stations), tuple(ordered) if limit.action == "safe" else ())

    def _instruments(self) -> list[Watchdog]:
        limit, dogs = self._limits.hung_instrument, []
        for name, device in self._lab.devices.items():
            stations = [station.name for station in self._lab.stations.values() if device in station.devices]
            look = functools.partial(self._mute, name, device.link, limit.limit)
            dogs.append(Watchdog(f"hung_instrument_{name}", look, self._response(limit, stations, [name])))
        return dogs

    def _mute(self, name: str, link: Link, limit_s: float) -> str:
        since, now = link.failing_since, self._lab.clock.monotonic()
        if since is None or now - since <= limit_s:
            return ""
        return f"{name} ({link.address}) has not answered for {now - since:.0f} s"

    def _plans(self, progress: Mapping[str, Progress]) -> list[Watchdog]:
        dogs, silent, overdue = [], self._limits.silent_plan, self._limits.overdue_plan
        for station, of_station in progress.items():
            devices = [device.name for device in self._lab.stations[station].devices]
            for name, limit, look in (
                ("silent_plan", silent, functools.partial(of_station.silent, silent.limit)),
                ("overdue_plan", overdue, functools.partial(of_station.overdue, overdue.limit)),
            ):
                dogs.append(Watchdog(f"{name}_{station}", look, self._response(limit, [station], devices)))
        return dogs

    def _computer(self, folder: Path, store_lag: Callable[[], int]) -> list[Watchdog]:
        limits = self._limits

        def lag() -> str:
            n = store_lag()
            return f"{n} runs wait for the catalog" if n > limits.store_lag.limit else ""

        looks: dict[str, tuple[_Limit, Callable[[], str]]] = {
            "clock_jump": (limits.clock_jump, clock_jump(self._wall, limits.clock_jump.limit)),
            "disk_filling": (
                limits.disk_filling,
                functools.partial(free_space, folder, limits.disk_filling.limit),
            ),
            "store_lag": (limits.store_lag, lag),
            "memory_growth": (limits.memory_growth, memory_growth(limits.memory_growth.limit)),
        }
        everything = list(self._lab.stations), list(self._lab.devices)
        return [Watchdog(name, look, self._response(limit, *everything)) for name, (limit, look) in looks.items()]
