"""What single devices do beyond reading and setting."""

from __future__ import annotations

import pytest
from ophyd.utils import LimitError

from devices import EventLog, Trace
from labctl.errors import LabError, LinkError

MUTE_LATER = {"kind": "lost", "start": 100.0}


def ends(made, status, seconds=20_000.0):
    """Let lab time pass until the status has ended."""
    deadline = made.clock.monotonic() + seconds
    while not status.done and made.clock.monotonic() < deadline:
        made.clock.sleep(5.0)
    assert status.done
    return status


def test_a_programme_ends_by_itself_with_the_heater_off(make_in_example):
    made = make_in_example("Eurotherm3216")
    furnace = made.device
    assert ends(made, furnace.run_programme(20.0, 60.0, 2.0, 3600.0)).success
    assert (furnace.mode.get(), furnace.heater_power.get()) == (2, 0.0)
    assert ends(made, furnace.cool_below(40.0, 7200.0)).success
    assert furnace.temperature.get() < 40.0


@pytest.mark.parametrize(
    ("programme", "name"), [((99.0, 60.0, 2.0), "ramp_rate"), ((5.0, 900.0, 2.0), "target_setpoint")]
)
def test_a_programme_outside_the_labs_limits_sends_nothing(make_in_example, programme, name):
    made = make_in_example("Eurotherm3216")
    with pytest.raises(LimitError, match=f"furnace_a_control_{name}="):
        made.device.run_programme(*programme, 3600.0)
    assert made.sent == []


def test_a_timer_that_would_leave_the_heater_on_is_refused(make_in_example, monkeypatch):
    made = make_in_example("Eurotherm3216")
    read = made.instrument.read_register
    monkeypatch.setattr(made.instrument, "read_register", lambda address: 1 if address == 328 else read(address))
    with pytest.raises(LabError, match=r"End\.T"):
        made.device.run_programme(5.0, 60.0, 2.0, 3600.0)
    assert made.device.mode.get() == 2


def test_a_broken_thermocouple_fails_the_programme(make_in_example):
    made = make_in_example("Eurotherm3216", {"kind": "sensor_break", "start": 60.0})
    status = ends(made, made.device.run_programme(5.0, 300.0, 10.0, 36_000.0))
    assert "thermocouple is broken" in str(status.exception())


def test_a_programme_that_somebody_stops_at_the_panel_fails(make_in_example):
    made = make_in_example("Eurotherm3216")
    status = made.device.run_programme(5.0, 300.0, 10.0, 36_000.0)
    made.clock.sleep(60.0)
    made.device.mode.set(1)
    assert "out of automatic mode" in str(ends(made, status).exception())


def test_a_programme_on_a_mute_controller_fails_with_the_link(make_in_example):
    made = make_in_example("Eurotherm3216", MUTE_LATER)
    status = ends(made, made.device.run_programme(5.0, 300.0, 10.0, 36_000.0))
    assert isinstance(status.exception(), LinkError)


def test_the_furnaces_process_is_read_in_two_exchanges(make_in_example):
    made = make_in_example("Eurotherm3216")
    made.device.read_process()
    assert len(made.sent) == 2
    assert made.device.temperature.get() == pytest.approx(22.0, abs=3.0)


def test_a_move_carries_the_sample(make_in_example):
    made = make_in_example("SampleMover")
    status = made.device.move("rack.1", "sputter.1", 300.0)
    assert ends(made, status).success
    assert made.lab.plant.line.sample_at("sputter.1") is not None


@pytest.mark.parametrize(
    ("source", "destination"), [("rack1", "sputter.1"), ("rack.1", "sputter"), ("a b.1", "rack.2")]
)
def test_a_move_to_what_is_no_place_sends_nothing(make_in_example, source, destination):
    made = make_in_example("SampleMover")
    with pytest.raises(ValueError, match="is not a place such as"):
        made.device.move(source, destination, 300.0)
    assert made.sent == []


def test_a_move_from_an_empty_place_is_refused_in_words(make_in_example):
    with pytest.raises(LinkError, match=r"sputter\.1 is empty"):
        make_in_example("SampleMover").device.move("sputter.1", "rack.1", 300.0)


def test_a_lost_reply_to_a_move_does_not_move_twice(make_in_example):
    made = make_in_example("SampleMover", {"kind": "lost", "start": 10.0, "duration": 1.0})
    made.clock.sleep(9.995)  # the number is told, the answer to the move is lost
    assert ends(made, made.device.move("rack.1", "sputter.1", 300.0)).success
    assert any(exchange.error for exchange in made.device.link.log)
    assert made.lab.plant.line.sample_at("sputter.1") is not None


def test_a_dropped_sample_fails_the_move(make_in_example):
    made = make_in_example("SampleMover", {"kind": "dropped"})
    status = ends(made, made.device.move("rack.1", "sputter.1", 300.0))
    assert "failed 1 gripper is empty" in str(status.exception())


def test_a_halted_move_fails_and_may_be_halted_again(make_in_example):
    made = make_in_example("SampleMover")
    status = made.device.move("rack.1", "sputter.1", 300.0)
    made.device.make_safe()
    made.device.make_safe()
    assert "halted" in str(ends(made, status).exception())


def test_a_look_up_gives_the_row_that_was_set(make_in_example):
    made = make_in_example("RecipeTable")
    made.device.row.set(4)
    with pytest.raises(LinkError):
        made.device.fetch("hardness")
    assert ends(made, made.device.measure(3600.0)).success
    assert made.device.fetch("hardness") == 4.0


def test_a_programme_ends_when_the_door_may_be_opened(make_in_example):
    made = make_in_example("ProcessTool")
    made.device.level.set(50.0)
    made.device.duration.set(600.0)
    made.device.rest.set(120.0)
    began = made.clock.monotonic()
    assert ends(made, made.device.run_programme(3600.0)).success
    assert made.clock.monotonic() - began == pytest.approx(720.0, abs=11.0)
    assert (made.device.dose.get(), made.device.elapsed.get()) == (pytest.approx(600.0 / 3600 / 2), 720.0)


def test_a_tool_that_is_made_safe_stops_and_rests_before_its_door_opens(make_in_example):
    made = make_in_example("ProcessTool")
    made.device.level.set(50.0)
    made.device.duration.set(600.0)
    made.device.rest.set(120.0)
    made.device.run_programme(3600.0)
    made.clock.sleep(60.0)
    assert made.instrument.hazards() == ("works at 50 %",)
    made.device.make_safe()
    assert (made.instrument.hazards(), made.device.state.get()) == ((), "ABORTED")
    made.clock.sleep(121.0)
    assert made.device.state.get() == "IDLE"


def test_a_tool_that_trips_fails_its_programme(make_in_example):
    made = make_in_example("ProcessTool", {"kind": "trip", "start": 300.0})
    made.device.duration.set(600.0)
    status = ends(made, made.device.run_programme(3600.0))
    assert "stopped its programme by itself: tripped" in str(status.exception())


def test_the_quartz_starts_from_zero(make_in_example):
    assert make_in_example("InficonSQM160").device.start_from_zero().success


def test_a_monitored_trace_reads_every_process_quantity_each_period(make_in_example):
    made = make_in_example("AlicatMC")
    trace, rows = Trace([made.device, made.lab.devices["room"]], 5.0, EventLog(made.lab.clock)), []
    with made.clock.held():
        trace.subscribe(rows.append)
        made.clock.sleep(12.0)
        trace.clear_sub(rows.append)
        made.clock.sleep(20.0)
    assert len(rows) == 3
    assert set(rows[0]) == {"argon_flow", "argon_setpoint"} == set(trace.describe())


def test_a_trace_that_cannot_be_recorded_ends_the_actions(make_in_example):
    made = make_in_example("AlicatMC")
    trace = Trace([made.device], 5.0, EventLog(made.lab.clock))

    def refuse(readings):
        raise LabError("the disk is full")

    action = made.device.hold(1000.0)
    with made.clock.held():
        trace.subscribe(refuse)
        trace.clear_sub(refuse)
    assert str(action.exception()) == "the disk is full"


def test_a_trace_on_a_mute_instrument_ends_the_actions(make_in_example):
    made = make_in_example("AlicatMC", MUTE_LATER)
    trace, rows = Trace([made.device], 5.0, EventLog(made.lab.clock)), []
    action = made.device.hold(1000.0)
    with made.clock.held():
        trace.subscribe(rows.append)
        made.clock.sleep(300.0)
        trace.clear_sub(rows.append)
    assert isinstance(action.exception(), LinkError)
    assert rows


def test_a_traces_period_must_be_above_zero(make_in_example):
    made = make_in_example("AlicatMC")
    with pytest.raises(ValueError, match="must be above 0"):
        Trace([made.device], 0.0, EventLog(made.lab.clock))
