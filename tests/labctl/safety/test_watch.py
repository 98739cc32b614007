"""Faults of the simulated plant, seen by the real drivers, end in what the lab file asks for."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from labctl.clock import RealClock
from labctl.errors import StoreError
from labctl.lab import build_lab
from labctl.safety import Actions, AlarmBoard, Responder, Watch
from tests.labctl.safety.conftest import Watching
from tests.laboratory import SCHEMAS, example_lab

ANNEAL = {"temperature": "300 degC", "ramp_rate": "10 K/min", "dwell": "10 min"}
SPUTTER = {"power": "100 W", "thickness": "150 nm", "argon_flow": "20 sccm"}
COLD = {
    "signal": "furnace_a_control.temperature",
    "minus": "furnace_a_control.working_setpoint",
    "below": "-20 K",
    "for": "1 min",
    "action": "abort",
}
DEAD = [{"device": "furnace_a_control", "kind": "dead_heater", "start": 900.0}]

HOT = {"signal": "furnace_a_control.temperature", "above": "10 degC", "action": "hold"}
"""The room is warmer: it trips at once."""


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "alarms.jsonl").read_text().splitlines()]


def test_a_dead_heater_aborts_its_station_and_the_run_says_why(watching: Watching, tmp_path: Path) -> None:
    watched = watching({"no_heat": COLD}, DEAD)
    watched.laboratory.put("furnace_a.1")
    result = watched.do("anneal", "furnace_a", **ANNEAL)
    assert result.status == "abort"
    assert result.reason.startswith("no_heat: furnace_a_control.temperature - ")
    assert watched.asked == [("abort", "furnace_a"), ("hold", "furnace_a"), ("warn", "no_heat")]
    assert 900.0 < watched.told[0][2] < 1200.0
    assert watched.events()[0].startswith("no_heat: ")
    assert watched.lab.devices["furnace_a_control"].mode.get() == 2  # off
    watched.sleep(10.0)
    assert [line["event"] for line in lines(tmp_path)] == ["opened", "raised", "acted", "cleared"]
    assert (watched.alarm.done, watched.alarm.failures) == ("held and aborted furnace_a", ())


def test_a_good_operation_trips_nothing_and_costs_few_readings(watching: Watching, tmp_path: Path) -> None:
    watched = watching({"no_heat": COLD})
    watched.laboratory.put("furnace_a.1")
    brief = {"temperature": "100 degC", "ramp_rate": "10 K/min", "dwell": "1 min", "monitor_period": "2 s"}
    assert watched.do("anneal", "furnace_a", **brief).status == "success"
    assert watched.told == []
    n_periods = watched.clock.monotonic() / 5.0
    wanted = b"\x01\x03\x00\x05\x00\x01"  # the working set point alone: the operation reads it in a block
    exchanges = watched.lab.devices["furnace_a_control"].link.log
    assert sum(entry.sent.startswith(wanted) for entry in exchanges) < 0.1 * n_periods


def test_a_stuck_readback_is_seen_while_the_heater_is_on(watching: Watching) -> None:
    stuck = {
        "signal": "furnace_a_control.temperature",
        "unchanged": "5 min",
        "gate": "furnace_a_control.heater_power",
        "action": "abort",
    }
    watched = watching({"stuck": stuck}, [{"device": "furnace_a_control", "kind": "stuck_readback", "start": 600.0}])
    watched.laboratory.put("furnace_a.1")
    result = watched.do("anneal", "furnace_a", **ANNEAL)
    assert result.status == "abort"
    assert "it is stuck" in result.reason
    assert 890.0 <= watched.told[0][2] <= 910.0


def test_a_gas_that_stops_makes_a_group_safe_in_its_order(watching: Watching) -> None:
    no_gas = {
        "signal": "argon.flow",
        "minus": "argon.setpoint",
        "below": "-2 sccm",
        "gate": "argon.setpoint",
        "for": "10 s",
        "action": "safe",
        "at": ["sputter", "furnace_b"],
    }
    watched = watching(
        {"no_gas": no_gas},
        [{"device": "argon", "kind": "no_flow", "start": 120.0}],
        safe_order=["furnace_b_control", "magnetron"],
    )
    watched.laboratory.put("sputter.1")
    watched.do("sputter", "sputter", **SPUTTER)
    devices = "furnace_b_control,magnetron,argon,oxygen,chamber_gauge,quartz"
    assert [entry for entry in watched.asked if entry[0] in ("abort", "safe")] == [
        ("abort", "furnace_b"),
        ("abort", "sputter"),
        ("safe", devices),
    ]
    assert watched.lab.devices["magnetron"].output.get() == 0
    assert watched.lab.devices["argon"].setpoint.get() == 0.0


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (
            {"signal": "furnace_a_control.temperature", "rate_above": "15 K/min", "rate_over": "1 min"},
            "furnace_a_control.temperature changes by ",
        ),
        (
            {"signal": "furnace_a_control.summary_status", "is_not": [0]},
            "furnace_a_control.summary_status is 32",  # sensor break
        ),
        (
            {"signal": "furnace_a_control.temperature", "above": "200 degC", "for": "30 s"},
            "furnace_a_control.temperature is ",
        ),
    ],
)
def test_every_kind_of_condition_trips_on_the_simulated_furnace(
    entry: dict[str, Any], told: str, watching: Watching
) -> None:
    fault = [{"device": "furnace_a_control", "kind": "sensor_break", "start": 900.0}]
    watched = watching({"it": {**entry, "action": "abort"}}, fault if "is_not" in entry else ())
    watched.laboratory.put("furnace_a.1")
    result = watched.do("anneal", "furnace_a", temperature="300 degC", ramp_rate="20 K/min", dwell="10 min")
    assert result.status == ("fail" if "is_not" in entry else "abort")  # the operation sees a broken sensor first
    watched.sleep(10.0)
    assert watched.alarm.message.startswith(told)


def test_on_the_real_clock_the_heater_is_off_within_seconds(tmp_path: Path) -> None:
    file = example_lab(interlocks={"hot": {**HOT, "action": "safe"}}, watch_period="0.2 s")
    lab, done = build_lab(file, RealClock(), SCHEMAS), threading.Event()
    furnace = lab.devices["furnace_a_control"]

    def safe(devices: tuple[str, ...], reason: str) -> list[str]:
        failures = lab.make_safe(devices)
        done.set()
        return failures

    watch = Watch(lab, Responder(lab, AlarmBoard(tmp_path, lab.clock.time), Actions(safe=safe)))
    try:
        furnace.mode.put(0)  # automatic: it heats
        began = lab.clock.monotonic()
        watch.start()
        assert done.wait(20.0)
        assert furnace.mode.get() == 2
        assert lab.clock.monotonic() - began < 10.0
    finally:
        watch.stop()
        lab.close()


def test_a_mute_instrument_is_stale_and_delays_no_other(watching: Watching) -> None:
    blind = {"signal": "furnace_a_control.temperature", "above": "650 degC", "stale": "30 s", "action": "hold"}
    cool = {"signal": "furnace_b_control.temperature", "above": "10 degC", "action": "warn"}
    watched = watching(
        {"blind": blind, "cool": cool}, [{"device": "furnace_a_control", "kind": "lost", "start": 100.0}]
    )
    watched.sleep(200.0)
    assert [(what, about) for what, about, _ in watched.told] == [
        ("warn", "cool"),
        ("hold", "furnace_a"),
        ("warn", "blind"),
    ]
    assert watched.told[0][2] == pytest.approx(5.0, abs=0.1)
    assert 120.0 <= watched.told[1][2] <= 135.0
    assert "could not be read for" in watched.board.alarms["blind"].message


def test_a_hold_ends_when_it_is_right_and_acknowledged(watching: Watching, tmp_path: Path) -> None:
    blind = {"signal": "furnace_a_control.temperature", "stale": "30 s", "action": "hold"}
    lost = {"device": "furnace_a_control", "kind": "lost", "start": 60.0, "duration": 100.0}
    watched = watching({"blind": blind}, [lost])
    watched.sleep(300.0)
    assert watched.asked == [("hold", "furnace_a"), ("warn", "blind")]
    assert watched.watch.states["blind"].phase == "latched"
    AlarmBoard.of(tmp_path).acknowledge("blind", "K. Sato", "plug was loose")  # as from another terminal
    watched.sleep(6.0)
    assert watched.told[-1][:2] == ("release", "furnace_a")
    assert watched.watch.states["blind"].phase == "clear"
    watched.laboratory.put("furnace_a.1")
    watched.do("anneal", "furnace_a", temperature="40 degC", ramp_rate="10 K/min", dwell="0 min")
    assert "blind acknowledged by K. Sato: plug was loose" in watched.events()


def test_an_acknowledged_alarm_that_is_still_wrong_goes_on_holding(watching: Watching) -> None:
    watched = watching({"hot": HOT})
    watched.sleep(10.0)
    watched.board.acknowledge("hot", "K. Sato")
    watched.sleep(60.0)
    assert watched.asked == [("hold", "furnace_a"), ("warn", "hot")]
    assert watched.alarm.acknowledged_by == "K. Sato"


def test_an_override_releases_and_arms_again_by_itself(watching: Watching, tmp_path: Path) -> None:
    watched = watching({"hot": HOT})
    watched.sleep(10.0)
    watched.board.override("hot", "K. Sato", "thermocouple is being changed", 600.0)
    watched.sleep(500.0)
    assert [entry[:2] for entry in watched.told] == [("hold", "furnace_a"), ("warn", "hot"), ("release", "furnace_a")]
    watched.sleep(200.0)
    assert [entry[:2] for entry in watched.told[3:]] == [("hold", "furnace_a"), ("warn", "hot")]
    assert watched.told[3][2] == pytest.approx(610.0, abs=6.0)
    told = [line["event"] for line in lines(tmp_path)]
    assert told == ["opened", "raised", "acted", "overridden", "cleared", "expired", "raised", "acted"]


def test_what_was_not_acknowledged_holds_again_after_a_restart(watching: Watching) -> None:
    blind = {"signal": "furnace_a_control.temperature", "stale": "30 s", "action": "hold"}
    first = watching({"blind": blind}, [{"device": "furnace_a_control", "kind": "lost", "duration": 100.0}])
    first.sleep(300.0)
    assert first.watch.states["blind"].phase == "latched"
    again = watching({"blind": blind})
    assert [entry[:2] for entry in again.told] == [("hold", "furnace_a")]
    again.board.acknowledge("blind", "K. Sato")
    again.sleep(10.0)
    assert again.told[-1][:2] == ("release", "furnace_a")


def test_the_action_is_taken_though_the_alarm_cannot_be_written(
    watching: Watching, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = watching({"hot": {**HOT, "action": "safe"}})

    def full(*_: object) -> None:
        raise StoreError("alarms.jsonl cannot be written: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("labctl.safety._lines.Lines.append", full)
        watched.sleep(30.0)
    assert ("safe", "furnace_a_control") in watched.asked
    assert ("abort", "furnace_a") in watched.asked
    assert watched.watch.states["hot"].phase == "tripped"
    assert "No space left" in caplog.text
    watched.sleep(10.0)
    assert watched.alarm.name == "hot"  # as soon as there is room


def test_an_action_that_fails_keeps_no_other_from_being_taken(
    watching: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the mail server is mute")

    watched = watching({"hot": {**HOT, "action": "safe"}}, actions={"warn": broken})
    watched.sleep(10.0)
    assert ("safe", "furnace_a_control") in watched.asked
    assert watched.alarm.failures == ("warn: RuntimeError: the mail server is mute",)
    assert "the mail server is mute" in caplog.text


def test_nothing_is_read_and_no_time_passes_while_no_plan_runs(watching: Watching) -> None:
    watched = watching({"hot": HOT})
    link = watched.lab.devices["furnace_a_control"].link
    watched.sleep(12.0)
    before, n_before = watched.clock.monotonic(), len(link.log)
    for _ in range(50):
        with watched.clock.outside():
            assert watched.clock.monotonic() == before
    assert len(link.log) == n_before


def test_a_watched_laboratory_repeats_to_the_bit(watching: Watching, tmp_path: Path) -> None:
    def once(name: str) -> tuple[list[Any], list[Any]]:
        (tmp_path / name).mkdir()
        watched = watching({"no_heat": COLD}, DEAD, folder=tmp_path / name)
        watched.laboratory.put("furnace_a.1")
        watched.do("anneal", "furnace_a", **ANNEAL)
        return watched.told, watched.laboratory.rows("process")

    assert once("one") == once("two")


def test_only_some_actions_may_be_watched(watching: Watching, tmp_path: Path) -> None:
    watched = watching({"hot": HOT, "burning": {**HOT, "above": "900 degC", "action": "safe"}})
    supervisor = Watch(watched.lab, watched.responder, only=("safe",))
    assert [interlock.name for interlock in supervisor.interlocks] == ["burning"]
