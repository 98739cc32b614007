"""Interlocks and the order of the safe state, as a lab file writes them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from labctl.errors import LabError
from labctl.files import read_yaml
from labctl.interlocks import Range, Rate, SignalName, Stale, States, Unchanged
from labctl.lab import check_lab
from labctl.lab._interlocks import read_interlocks
from tests.laboratory import EXAMPLE, SCHEMAS, Laboratory, example_lab


def problems(**changes: Any) -> list[str]:
    content = read_yaml(EXAMPLE / "lab.yaml") | changes
    return [str(problem) for problem in check_lab(content, SCHEMAS, EXAMPLE)[1]]


def read(**entry: Any) -> Any:  # the one interlock
    wanted = {"signal": "furnace_a_control.temperature", "action": "warn"} | entry
    ((found,), wrong) = read_interlocks(example_lab(interlocks={"one": wanted}))
    assert wrong == []
    return found


def test_quantities_come_in_the_units_of_their_signals() -> None:
    assert read(above="923.15 K").condition == Range(-math.inf, 650.0, "degC")
    assert read(above="650 degC", hysteresis="10 K").condition == Range(-math.inf, 650.0, "degC", 10.0)
    assert read(rate_above="0.5 K/s", rate_over="2 min").condition == Rate(-math.inf, 30.0, "K/min", 0.0, 120.0)
    minus = read(minus="furnace_a_control.working_setpoint", above="20 K", below="-20 K", **{"for": "2 min"})
    assert (minus.condition, minus.minus, minus.hold_s) == (
        Range(-20.0, 20.0, "K"),
        SignalName("furnace_a_control", "working_setpoint"),
        120.0,
    )
    assert read(signal="magnetron.fault_code", is_not=[0]).condition == States((0.0,), wrong=False)
    assert read(signal="argon.gas", **{"is": ["O2"]}).condition == States(("O2",), wrong=True)
    assert read(unchanged="10 min").condition == Unchanged(600.0)
    assert (read(stale="30 s").condition, read(stale="30 s").stale_s) == (Stale(), 30.0)


def test_the_signals_own_station_is_concerned_unless_others_are_named() -> None:
    assert read(above="650 degC", action="abort").response.stations == ("furnace_a",)
    safe = read(above="650 degC", action="safe").response
    assert (safe.stations, safe.devices) == (("furnace_a",), ("furnace_a_control",))
    group = read(above="650 degC", action="safe", at=["furnace_b", "robot"]).response
    assert (group.stations, group.devices) == (("furnace_b", "mover"), ("furnace_b_control", "robot"))
    everything = read(above="650 degC", action="safe", at=["lab"]).response
    first = ("magnetron", "furnace_a_control", "furnace_b_control", "argon", "oxygen")
    rest = tuple(name for name in example_lab().devices if name not in first)
    assert (everything.stations, everything.devices) == (tuple(example_lab().stations), first + rest)
    assert read(signal="room.temperature", above="30 degC", action="safe").response.devices == ("room",)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"signal": "furnace"}, ".signal: 'furnace' must be DEVICE.SIGNAL"),
        ({"signal": "furnace_a.temperature"}, ".signal: unknown device 'furnace_a'; did you mean"),
        ({"signal": "argon.flw"}, ".signal: AlicatMC has no signal 'flw'; did you mean 'flow'?"),
        ({"above": "650"}, ".above: '650' has no unit; write '650 degC'"),
        ({"above": "10 sccm"}, ".above: 10 sccm cannot be given in degC"),
        ({}, "interlocks.one: has no condition: one of above, below, "),
        ({"above": "1 degC", "unchanged": "1 min"}, "interlocks.one: above and unchanged are different conditions"),
        ({"above": "1 degC", "rate_above": "1 K/min"}, "above and rate_above are different conditions"),
        ({"unchanged": "1 min", "hysteresis": "1 K"}, ".hysteresis: has no meaning with unchanged"),
        ({"above": "1 degC", "hysteresis": "-1 K"}, ".hysteresis: -1 K must not be negative"),
        ({"above": "1 degC", "below": "2 degC"}, "leave nothing that is right"),
        ({"above": "1 degC", "action": "stop"}, ".action: must be 'warn', 'hold', 'abort' or 'safe', not 'stop'"),
        ({"above": "1 degC", "action": "abort", "at": ["robot"]}, ".at[0]: unknown station 'robot'"),
        ({"above": "1 degC", "action": "safe", "at": ["robt"]}, ".at[0]: unknown station or device 'robt'"),
        ({"signal": "room.temperature", "above": "1 degC", "action": "hold"}, ".at: is required: room belongs to no"),
        ({"minus": "argon.flow", "above": "1 K"}, ".minus: argon.flow [sccm] cannot be taken from"),
        ({"signal": "argon.gas", "above": "1"}, ".above: argon.gas is text: only is, is_not, unchanged and stale"),
        ({"is": ["hot"]}, ".is[0]: 'hot' is no number, and furnace_a_control.temperature is one"),
        ({"abve": "1 degC"}, ".abve: unknown key; did you mean 'above'?"),
    ],
)
def test_a_wrong_interlock_is_refused_with_its_place(entry: dict[str, Any], told: str) -> None:
    wanted = {"signal": "furnace_a_control.temperature", "action": "warn"} | entry
    found = problems(interlocks={"one": wanted})
    assert any(told in problem and problem.startswith("interlocks.one") for problem in found), found


def test_an_interlock_cannot_take_the_name_of_a_watchdog() -> None:
    entry = {"signal": "argon.flow", "above": "1 sccm", "action": "warn"}
    assert problems(interlocks={"disk_filling": entry}) == [
        "interlocks.disk_filling: 'disk_filling' is the name of a watchdog"
    ]


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (["magnetrn"], "safe_order[0]: unknown device 'magnetrn'; did you mean 'magnetron'?"),
        (["magnetron", ["argon", "magnetron"]], "safe_order[1][1]: 'magnetron' is given twice"),
    ],
)
def test_a_wrong_safe_order_is_refused_with_its_place(order: list[Any], told: str) -> None:
    assert problems(safe_order=order) == [told]


class Watcher:
    """Notes in which order devices are made safe; some take time, some fail."""

    def __init__(self, laboratory: Laboratory, takes_s: float = 0.0, **wrong: Exception) -> None:
        self.order: list[tuple[str, float]] = []
        for name, device in laboratory.lab.devices.items():
            device.make_safe = lambda name=name: self._note(name, laboratory, takes_s, wrong.get(name))  # type: ignore[method-assign]  # ordinary instances

    def _note(self, name: str, laboratory: Laboratory, takes_s: float, error: Exception | None) -> None:
        self.order.append((name, laboratory.clock.monotonic()))
        laboratory.clock.sleep(takes_s)
        if error is not None:
            raise error


def test_devices_are_made_safe_in_the_order_of_the_lab_file_whatever_fails() -> None:
    order = ["furnace_b_control", ["furnace_a_control", "magnetron"]]
    with Laboratory(safe_order=order) as laboratory:
        watcher = Watcher(laboratory, 2.0, magnetron=LabError("mute"), argon=ValueError("a defect"))
        with laboratory.clock.held():
            failures = laboratory.lab.make_safe()
        assert failures == [
            "magnetron may NOT be safe: mute",
            "argon may NOT be safe: ValueError: a defect",
        ]
        assert watcher.order[:4] == [
            ("furnace_b_control", 0.0),
            ("furnace_a_control", 2.0),
            ("magnetron", 2.0),  # side by side
            ("argon", 4.0),
        ]
        assert sorted(name for name, _ in watcher.order) == sorted(laboratory.lab.devices)


def test_only_some_devices_are_made_safe_in_the_same_order() -> None:
    with Laboratory(safe_order=["magnetron"]) as laboratory:
        watcher = Watcher(laboratory)
        with laboratory.clock.held():
            assert laboratory.lab.make_safe(["argon", "magnetron"]) == []
            with pytest.raises(KeyError, match="robt"):
                laboratory.lab.make_safe(["robt"])
        assert [name for name, _ in watcher.order] == ["magnetron", "argon"]


def test_a_mute_device_keeps_no_other_from_being_safe() -> None:
    with Laboratory([{"device": "furnace_a_control", "kind": "lost"}]) as laboratory, laboratory.clock.held():
        laboratory.lab.devices["argon"].setpoint.put(20.0)
        (failure,) = laboratory.lab.make_safe()
        assert failure.startswith("furnace_a_control may NOT be safe: ")
        assert laboratory.lab.devices["argon"].setpoint.get() == 0.0
