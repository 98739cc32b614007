"""What single instruments do that takes time, and what they do by themselves."""

from __future__ import annotations

import pytest
from ophyd.utils import LimitError

from devices.modbus import Register
from labctl.errors import LabError, LinkError
from sim_devices.eurotherm2408 import SimEurotherm2408
from sim_devices.plant import Line, TubeFurnace
from tests.devices.conftest import connect


def ends(made, status, seconds=20_000.0, step=1.0):
    """Let lab time pass until the status has ended."""
    deadline = made.clock.monotonic() + seconds
    with made.clock.held(), made.clock.flow():
        while not status.done and made.clock.monotonic() < deadline:
            made.clock.sleep(step)
    assert status.done
    return status


def later(made, seconds):
    with made.clock.held(), made.clock.flow():
        made.clock.sleep(seconds)


def test_a_radio_frequency_supply_is_kept_alive_and_goes_off_when_nobody_pings_it(make):
    made = make("TCPowerCXN")
    supply = made.device
    supply.setpoint.put(100.0)
    supply.output.put(1)
    later(made, 30.0)
    assert (supply.output.get(), supply.forward_power.get()) == (1, 100.0)
    supply._heartbeat.cancel()  # the controller died
    later(made, 3.0)
    assert made.instrument.hazards() == ()
    assert (supply.output.get(), supply.setpoint.get()) == (0, 0.0)


def test_a_radio_frequency_supply_in_an_arc_tells_its_reverse_power(make):
    made = make("TCPowerCXN", {"kind": "arc", "start": 60.0})
    made.device.setpoint.put(100.0)
    made.device.output.put(1)
    assert made.device.alarms(made.device.read_process()) == ()
    later(made, 61.0)
    assert made.device.alarms(made.device.read_process()) == ("reverse power limit",)


def test_a_turbo_pump_runs_up_and_down_and_the_pressure_follows(make_in_example, make):
    made = make("PfeifferTC400")
    chamber = made.instrument._chamber
    assert made.device.speed.get() == 1000
    assert ends(made, made.device.run_down(300.0, 3600.0)).success
    later(made, 600.0)
    chamber.advance()
    assert chamber.pressure_Pa > 1e-2
    assert chamber.pressure_Pa > 9e4, "the drive has vented"
    assert ends(made, made.device.run_up(600.0)).success
    later(made, 600.0)
    chamber.advance()
    assert chamber.pressure_Pa == pytest.approx(2e-4, rel=0.01)


def test_a_turbo_pump_that_trips_fails_its_run_up_and_says_why(make):
    made = make("PfeifferTC400", {"kind": "trip", "start": 60.0})
    assert ends(made, made.device.run_down(800.0, 3600.0)).success
    status = ends(made, made.device.run_up(900.0))
    assert "has stopped: Err001" in str(status.exception())
    assert made.device.alarms(made.device.read_process()) == ("drive says Err001",)


def test_a_cryostat_ramps_to_a_temperature_and_holds_it(make):
    made = make("LakeShore336")
    made.device.connect()
    assert ends(made, made.device.go_to(200.0, 20.0, 3, 0.5, 20_000.0)).success
    later(made, 1800.0)
    assert made.device.temperature.get() == pytest.approx(200.0, abs=1.0)
    made.device.make_safe()
    assert made.device.heater_output.get() == 0.0


def test_a_cryostat_refuses_a_temperature_outside_its_limits_before_it_sends_anything(make):
    made = make("LakeShore336")
    with pytest.raises(LimitError, match="thing_setpoint"):
        made.device.go_to(900.0, 20.0, 3, 0.5, 100.0)
    assert made.sent == []


def test_a_cryostat_with_a_broken_sensor_fails(make):
    made = make("LakeShore336", {"kind": "sensor_break", "start": 60.0})
    status = ends(made, made.device.go_to(77.0, 10.0, 3, 0.5, 20_000.0))
    assert "the sensor cannot be read" in str(status.exception())


def test_a_furnace_controller_heats_at_its_rate_and_its_break_is_told(make):
    made = make("Eurotherm2408", {"kind": "sensor_break", "start": 7200.0})
    began = made.clock.monotonic()
    assert ends(made, made.device.heat_to(200.0, 10.0, 2.0, 7000.0), step=5.0).success
    assert 900.0 < made.clock.monotonic() - began < 2400.0
    later(made, 7200.0)
    assert made.device.alarms(made.device.read_process()) == ("sensor break",)
    made.device.make_safe()
    assert made.device.mode.get() == 1


def test_a_stage_is_homed_moved_and_refuses_what_is_outside(make):
    made = make("NewportESP300")
    assert ends(made, made.device.home(60.0)).success
    assert ends(made, made.device.move(12.5, 60.0)).success
    assert made.device.readback.get() == pytest.approx(12.5)
    with pytest.raises(LimitError):
        made.device.move(51.0, 60.0)
    made.device.upper_limit.put(20.0)
    status = ends(made, made.device.move(30.0, 60.0))
    assert isinstance(status.exception(), LabError)
    assert "TRAVEL EXCEEDED" in str(status.exception())


def test_a_stage_without_a_reference_refuses_to_move_and_a_jammed_one_is_told(make):
    made = make("ZaberXLSM", {"kind": "jammed", "start": 100.0})
    with pytest.raises(LinkError, match="BADDATA"):
        made.device.move(10.0, 30.0)
    assert ends(made, made.device.home(30.0)).success
    assert ends(made, made.device.move(10.0, 30.0)).success
    assert made.device.readback.get() == pytest.approx(10.0, abs=1e-3)
    with pytest.raises(ValueError, match="outside 0"):
        made.device.move(60.0, 30.0)
    later(made, 100.0)
    assert "warns: FS" in str(ends(made, made.device.move(20.0, 30.0)).exception())


def test_a_syringe_pump_dispenses_a_volume(make):
    made = make("NewEraNE1000")
    began = made.clock.monotonic()
    assert ends(made, made.device.dispense(2.0, 4.0, 300.0)).success
    assert made.clock.monotonic() - began == pytest.approx(30.0, abs=2.0)
    assert made.device.infused.get() == pytest.approx(2.0, abs=0.01)
    made.device.diameter.put(10.0)  # small syringes count in microlitres
    made.device.volume.put(1.5)
    assert made.device.volume.get() == pytest.approx(1.5)


def test_a_syringe_pump_stops_when_nobody_speaks_to_it(make):
    made = make("NewEraNE1000")
    made.device.volume.put(60.0)
    made.device.running.put(1)
    later(made, 300.0)
    assert made.device.running.get() == 1
    made.device.keep_alive(False)  # the controller died
    later(made, 61.0)
    assert made.instrument.hazards() == ()
    with pytest.raises(LinkError, match="heard nothing for too long"):
        made.device.link.retries = 0
        made.device.running.get()


def test_a_spin_coater_follows_and_comes_to_rest(make):
    made = make("InstrasSCK300")
    spun = made.device.spin(3000.0, 30.0)
    later(made, 10.0)
    assert made.device.speed.get() == pytest.approx(3000.0, abs=40.0)
    assert made.instrument.hazards() == ("chuck driven at 3000 rpm",)
    assert ends(made, spun).success
    assert ends(made, made.device.come_to_rest()).success
    assert made.instrument.hazards() == ()
    with pytest.raises(ValueError, match="is not 300"):
        made.device.spin(9000.0, 30.0)


def test_a_balance_waits_for_a_stable_weight(make):
    made = make("MettlerMTSICS", {"kind": "draught", "duration": 20.0})
    made.lab.plant.line.move("rack.1", "bench.1")
    status = ends(made, made.device.weigh(120.0))
    assert status.success
    assert made.clock.monotonic() > 20.0
    assert made.device.stable_weight.get() == pytest.approx(1.7188, abs=5e-4)
    assert made.device.zero().success
    assert made.device.weight.get() == pytest.approx(0.0, abs=5e-4)


def test_a_source_meter_sources_either_and_measures_both(make):
    made = make("Keithley2400")
    meter = made.device
    made.lab.plant.line.move("rack.1", "bench.1")
    made.lab.plant.line.sample_at("bench.1").deposit(150.0, vacancies_cm3=3e20, grain_nm=20.0, disorder=0.3)
    meter.four_wire.put(1)
    meter.source_function.put("VOLT")
    meter.sense_function.put("CURR")
    meter.compliance_current.put(0.5)
    meter.source_voltage.put(0.1)
    meter.output.put(1)
    meter.trigger()
    by_voltage = meter.resistance.get()
    meter.source_function.put("CURR")
    meter.sense_function.put("VOLT")
    meter.source_current.put(1e-3)
    meter.trigger()
    assert meter.resistance.get() == pytest.approx(by_voltage, rel=0.01)
    meter.source_function.put("VOLT")
    meter.sense_function.put("CURR")
    meter.compliance_current.put(1e-4)
    meter.trigger()
    assert meter.in_compliance.get() == 1.0
    meter.make_safe()
    assert (meter.source_voltage.get(), meter.source_current.get()) == (0.0, 0.0)


def test_a_source_meter_sweeps_by_itself_for_other_clients(make):
    answer = make("Keithley2400").instrument.answer_line
    for line in ("*RST", ":SOUR:FUNC VOLT", ":SOUR:VOLT:MODE SWE;STAR 0;STOP 1;STEP 0.25", ":TRIG:COUN 5", ":OUTP ON"):
        assert answer(line) is None
    assert answer(":FORM:ELEM VOLT") is None
    assert [float(word) for word in answer(":READ?").split(",")] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert answer(":SYST:ERR?") == '0,"No error"'
    assert answer(":ARM:COUN 501") is None
    assert answer(":SYST:ERR?") == '-221,"Settings conflict"'


def test_a_current_source_and_a_nanovoltmeter_meet_at_one_probe_head(make):
    made = make("Keithley6221")
    probe = made.instrument._probe
    made.lab.plant.line.move("rack.1", "bench.1")
    made.lab.plant.line.sample_at("bench.1").deposit(150.0, vacancies_cm3=3e20, grain_nm=20.0, disorder=0.3)
    made.device.current.put(1e-4)
    made.device.output.put(1)
    assert probe.voltage_V() == pytest.approx(1e-4 * probe.resistance_ohm, abs=3e-6)
    made.device.delta_high.put(1e-5)
    made.device.delta_low.put(-1e-5)
    made.device.start_delta()
    later(made, 5.0)
    reading, time_s = made.device.delta_reading()
    assert reading == pytest.approx(1e-5 * probe.resistance_ohm, rel=1e-3)  # without the thermal voltage
    assert time_s > 1.0
    made.device.make_safe()
    assert made.instrument.hazards() == ()


def test_a_capacitance_falls_with_the_bias(make):
    made = make("KeysightE4980A")
    meter, found, line = made.device, [], made.lab.plant.line
    meter.frequency.put(1e5)
    meter.trigger()
    assert meter.capacitance.get() < 1e-13, "no sample, so only the needles"
    line.move("rack.1", "bench.1")
    line.sample_at("bench.1").deposit(150.0, vacancies_cm3=3e20, grain_nm=20.0, disorder=0.3)
    meter.bias_enabled.put(1)
    for bias in (-3.0, 0.0, 3.0):
        meter.bias.put(bias)
        meter.trigger()
        found.append(meter.capacitance.get())
    assert found[0] == pytest.approx(120e-12, rel=0.05)
    assert found[2] == pytest.approx(35e-12, rel=0.05)
    assert found[0] > found[1] > found[2]


def test_a_multimeter_tells_overload_without_a_sample(make):
    meter = make("Keysight34401A").device
    meter.function.put("FRES")
    meter.trigger()
    assert (meter.overload.get(), meter.voltage.get()) == (1.0, 0.0)
    meter.function.put("VOLT")
    meter.trigger()
    assert (meter.overload.get(), meter.resistance.get()) == (0.0, 0.0)


def test_a_laser_goes_off_with_its_interlock(make):
    made = make("SRSLDC500", {"kind": "interlock_open", "start": 60.0})
    made.device.setpoint.put(40.0)
    made.device.output.put(1)
    assert made.device.photocurrent.get() > 0.0
    later(made, 61.0)
    assert (made.device.interlock.get(), made.device.output.get()) == ("OPEN", 0)
    made.device.output.put(1)
    assert made.device.output.get() == 0


@pytest.mark.parametrize("address", ["TCPIP0::10.0.0.9::502::SOCKET", "TCPIP0::10.0.0.9::4001::SOCKET"])
def test_a_modbus_instrument_is_reached_over_tcp_or_a_serial_server(clock, address):
    furnace = TubeFurnace(Line(clock, 1), ())
    device = connect("Eurotherm2408", SimEurotherm2408(clock, 1, furnace), clock, address)
    assert device.connect().model == "2480"
    device.target_setpoint.put(321.5)
    assert device.target_setpoint.get() == 321.5
    first = device.link.log[0].sent
    assert (first[2:4] == b"\0\0") == ("502" in address)
    with pytest.raises(LinkError, match="refused: illegal data address"):
        Register(999).read(device.link)
