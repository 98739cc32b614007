"""A simulated laboratory that is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from labctl.engine import OperationRequest, OperationResult, StationDriver
from labctl.safety import Actions, Alarm, AlarmBoard, Responder, Watch
from plans import OPERATIONS
from tests.laboratory import Laboratory


class Watched:
    """The laboratory with its watch; `told` is what was asked of whom, in order, with the lab time."""

    def __init__(self, laboratory: Laboratory, folder: Path, **actions: Any) -> None:
        self.laboratory, self.lab, self.clock = laboratory, laboratory.lab, laboratory.clock
        self.told: list[tuple[str, str, float]] = []
        self.board = AlarmBoard(folder, self.clock.time)
        self.driver = StationDriver("furnace_a", self.clock, laboratory.engine)
        defaults = {
            "warn": lambda alarm: self._say("warn", alarm.name),
            "hold": lambda station, reason: self._say("hold", station),
            "release": lambda station: self._say("release", station),
            "abort": self._abort,
            "safe": self._safe,
        }
        self.responder = Responder(self.lab, self.board, Actions(**(defaults | actions)))
        self.watch = Watch(self.lab, self.responder)

    def _say(self, what: str, about: str) -> None:
        self.told.append((what, about, self.clock.monotonic()))

    def _abort(self, station: str, reason: str) -> None:
        self._say("abort", station)
        self.driver.abort(reason)

    def _safe(self, devices: tuple[str, ...], reason: str) -> Sequence[str]:
        self._say("safe", ",".join(devices))
        return self.lab.make_safe(devices)

    @property
    def asked(self) -> list[tuple[str, str]]:
        return sorted({(what, about) for what, about, _ in self.told})

    @property
    def alarm(self) -> Alarm:
        (alarm,) = self.board.alarms.values()
        return alarm

    def sleep(self, duration_s: float) -> None:
        with self.clock.held():
            self.clock.sleep(duration_s)

    def do(self, kind: str, station: str, **parameters: Any) -> OperationResult:
        """Do an operation as a campaign would."""
        results, done, about = list[OperationResult](), self.clock.make_event(), self.lab.stations[station]

        def plan() -> Any:  # a Bluesky plan
            return OPERATIONS[kind](*about.operations[kind], ["S-1"], events=about.events, **parameters)

        def ended(result: OperationResult) -> None:
            results.append(result)
            done.set()

        with self.clock.held():
            self.driver.submit(OperationRequest("op", kind, ("S-1",), plan), ended)
            done.wait()
        return results[0]

    def events(self) -> list[str]:
        return [str(row["event_message"]) for row in self.laboratory.rows("events")]

    def close(self) -> None:
        self.watch.stop()
        self.driver.close()
        self.driver.join(5)


Watching = Callable[..., Watched]


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    """Return what starts a watch of a laboratory with these interlocks and faults."""
    with ExitStack() as stack:

        def start(
            interlocks: Mapping[str, Mapping[str, Any]],
            faults: Sequence[Mapping[str, Any]] = (),
            actions: Mapping[str, Any] | None = None,
            folder: Path = tmp_path,
            **changes: Any,
        ) -> Watched:
            laboratory = stack.enter_context(Laboratory(faults, interlocks=interlocks, **changes))
            watched = Watched(laboratory, folder, **(actions or {}))
            stack.callback(watched.close)
            watched.watch.start()
            return watched

        yield start
