"""What no signal tells: mute instruments, plans that hang, the computer's own clock, disk and memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from typing_extensions import override

from labctl.clock import RealClock
from labctl.lab import check_lab
from labctl.safety import Actions, AlarmBoard, Progress, Responder, Watchdogs
from tests.laboratory import EXAMPLE, SCHEMAS, Laboratory


class Guarded:
    """The laboratory with its watchdogs; `told` is what was asked of whom."""

    def __init__(self, laboratory: Laboratory, folder: Path, **options: Any) -> None:
        self.laboratory, self.told = laboratory, list[tuple[str, str]]()
        actions = Actions(
            warn=lambda alarm: self.told.append(("warn", alarm.message)),
            hold=lambda station, reason: self.told.append(("hold", station)),
            abort=lambda station, reason: self.told.append(("abort", station)),
        )
        self.board = AlarmBoard(folder, laboratory.clock.time)
        self.dogs = Watchdogs(Responder(laboratory.lab, self.board, actions), folder, **options)
        self.dogs.start()

    def look(self) -> dict[str, str]:
        """Let those of the computer look; return the alarms."""
        self.dogs.look(self.dogs.of_computer)
        return {name: alarm.message for name, alarm in self.board.alarms.items()}


@contextmanager
def guarded(folder: Path, limits: dict[str, Any], faults: Any = (), **options: Any) -> Iterator[Guarded]:
    with Laboratory(faults, watchdogs=limits) as laboratory:
        made = Guarded(laboratory, folder, **options)
        yield made
        made.dogs.stop()


def test_an_instrument_that_does_not_answer_is_told_and_its_station_aborted(tmp_path: Path) -> None:
    fault = [{"device": "furnace_a_control", "kind": "lost", "start": 60.0, "duration": 200.0}]
    limits = {"hung_instrument": {"limit": "1 min", "action": "abort"}}
    with guarded(tmp_path, limits, fault) as made:
        device, clock = made.laboratory.lab.devices["furnace_a_control"], made.laboratory.clock
        device.link.every(5.0, device.temperature.get)
        with clock.held():
            clock.sleep(110.0)
            assert made.told == []
            clock.sleep(60.0)
            assert sorted(kind for kind, _ in made.told) == ["abort", "hold", "warn"]
            assert ("abort", "furnace_a") in made.told
            assert device.link.failing_since is not None
            clock.sleep(120.0)
        assert device.link.failing_since is None
        state = made.dogs.states["hung_instrument_furnace_a_control"]
        assert (state.phase, list(made.board.alarms)) == ("latched", ["hung_instrument_furnace_a_control"])


def slow() -> Any:  # a Bluesky plan
    yield from bps.open_run({"plan_name": "wait"})
    yield from bps.sleep(1500)
    yield from bps.close_run()


@pytest.mark.parametrize(
    ("limits", "estimate_s", "told"),
    [
        ({"silent_plan": {"limit": "20 min"}}, None, ["wait has recorded nothing for 12"]),
        ({"silent_plan": {"limit": "30 min"}}, None, []),
        ({"overdue_plan": {"limit": 2.0}}, 600.0, ["wait runs for 12"]),
        ({"overdue_plan": {"limit": 2.0}}, None, []),
    ],
)
def test_a_plan_that_hangs_is_told(
    limits: dict[str, Any], estimate_s: float | None, told: list[str], tmp_path: Path
) -> None:
    with Laboratory(watchdogs=limits) as laboratory:
        progress = Progress(laboratory.clock, lambda start: estimate_s)
        laboratory.engine.subscribe(progress)
        made = Guarded(laboratory, tmp_path, progress={"furnace_a": progress})
        laboratory.engine(slow())
        assert [message[: len(text)] for (_, message), text in zip(made.told, told, strict=True)] == told
        with laboratory.clock.held():
            laboratory.clock.sleep(20.0)
        assert all(not alarm.active for alarm in made.board.alarms.values())  # it ended
        made.dogs.stop()


def test_a_disk_that_fills_holds_every_station(tmp_path: Path) -> None:
    with guarded(tmp_path, {"disk_filling": {"limit": "1e12 MB"}}) as made:
        told = made.look()["disk_filling"]
        assert told.endswith("MB are free for " + str(tmp_path) + ", less than 1e+12 MB")
        assert {station for kind, station in made.told if kind == "hold"} == set(made.laboratory.lab.stations)


def test_a_process_that_grows_is_told(tmp_path: Path) -> None:
    with guarded(tmp_path, {"memory_growth": {"limit": "50 MB"}}) as made:
        assert made.look() == {}
        ballast = bytearray(b"x" * 100_000_000)
        assert made.look()["memory_growth"].startswith("the process has grown by ")
        assert len(ballast) == 100_000_000


def test_a_store_that_lags_is_told(tmp_path: Path) -> None:
    waiting = [10, 11]
    with guarded(tmp_path, {"store_lag": {"limit": 10}}, store_lag=lambda: waiting.pop(0)) as made:
        assert made.look() == {}
        assert made.look() == {"store_lag": "11 runs wait for the catalog"}


class Wall(RealClock):
    """A clock that somebody sets."""

    offset = 0.0

    @override
    def time(self) -> float:
        return super().time() + self.offset


def test_a_clock_that_was_set_is_told_once(tmp_path: Path) -> None:
    wall = Wall()
    with guarded(tmp_path, {}, wall=wall) as made:
        wall.offset = -3600.0
        assert made.look() == {"clock_jump": "the time of day was set by -3600.0 s"}
        made.look()
        assert not made.board.alarms["clock_jump"].active
        made.board.acknowledge("clock_jump", "K. Sato", "summer time")
        assert made.look() == {}


def test_watchdogs_can_be_overridden_and_never_left_out(tmp_path: Path) -> None:
    with guarded(tmp_path, {"disk_filling": {"limit": "1e12 MB"}}) as made:
        made.board.override("disk_filling", "K. Sato", "the disk is being changed", 3600.0)
        assert made.look() == {}
        assert made.told == []
        made.board.rearm("disk_filling", "K. Sato")
        assert set(made.look()) == {"disk_filling"}
    from labctl.files import read_yaml

    content = read_yaml(EXAMPLE / "lab.yaml") | {"watchdogs": {"disk_filling": {"limit": "5"}, "disc": {}}}
    assert [str(problem) for problem in check_lab(content, SCHEMAS, EXAMPLE)[1]] == [
        "watchdogs.disk_filling.limit: '5' has no unit; write '5 MB'",
        "watchdogs.disc: unknown key; known: clock_jump, disk_filling, hung_instrument, memory_growth, overdue_plan, "
        "silent_plan, store_lag",
    ]
