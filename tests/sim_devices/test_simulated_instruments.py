"""How each simulated instrument behaves, and what its own faults do to it."""

from __future__ import annotations

import math
import struct

import pytest

from sim_devices.aja_dcxs import SimAjaDCXS
from sim_devices.alicat_mc import SimAlicatMC
from sim_devices.eurotherm3216 import SimEurotherm3216
from sim_devices.inficon_sqm160 import SimInficonSQM160, check_bytes
from sim_devices.keithley2400 import SimKeithley2400
from sim_devices.mks937b import SimMKS937B
from sim_devices.modbus import crc
from sim_devices.recipe_table import SimRecipeTable
from sim_devices.sample_mover import SimSampleMover, checksum
from sim_devices.thorlabs_pm100d import SimThorlabsPM100D
from sim_devices.vaisala_hmt330 import SimVaisalaHMT330
from sim_devices.wire import Fault
from tests.sim_devices.conftest import lines, say

LATER = 50.0  # [s]: when faults begin


class Furnace:
    """A temperature controller by register."""

    def __init__(self, bench, *faults):
        self.instrument, self._clock = SimEurotherm3216(bench.clock, 1, bench.furnace, faults), bench.clock

    def __getitem__(self, address):
        request = struct.pack(">BBHH", 1, 3, address, 1)
        return struct.unpack(">h", say(self.instrument, request + crc(request))[3:5])[0]

    def __setitem__(self, address, word):
        request = struct.pack(">BBHH", 1, 6, address, word)
        assert say(self.instrument, request + crc(request)) == request + crc(request)

    def start(self, target_degC=100, ramp_K_min=20, dwell_min=2):
        self[2], self[35], self[324] = target_degC * 10, ramp_K_min * 10, dwell_min * 10
        self[273], self[23] = 0, 1


def test_a_furnace_programme_ramps_dwells_and_switches_itself_off(bench):
    furnace = Furnace(bench)
    furnace.start(target_degC=100, ramp_K_min=20, dwell_min=2)
    bench.clock.sleep(120.0)
    start_degC = bench.ambient.temperature_degC(0.0)
    assert furnace[5] / 10 == pytest.approx(start_degC + 40.0, abs=2.0)
    assert furnace[4] > 0
    bench.clock.sleep(600.0)
    assert (furnace[23], furnace[273], furnace[4]) == (3, 2, 0)
    assert furnace[328] == 0


def test_a_furnaces_dwell_starts_only_at_the_temperature(bench):
    furnace = Furnace(bench)
    furnace.start(target_degC=100, ramp_K_min=20, dwell_min=2)
    bench.clock.sleep(180.0)
    assert furnace[326] == 20
    bench.clock.sleep(150.0)
    assert 0 < furnace[326] < 20


def test_a_furnace_in_off_mode_gives_no_power_and_forgets_its_ramp(bench):
    furnace = Furnace(bench)
    furnace.start(target_degC=300)
    bench.clock.sleep(300.0)
    furnace[273] = 2
    bench.clock.sleep(10.0)
    assert furnace[4] == 0
    assert furnace[5] == pytest.approx(furnace[1], abs=10)


def test_a_dead_heater_stays_cold_whatever_the_output(bench):
    furnace = Furnace(bench, Fault("dead_heater"))
    furnace.start(target_degC=300)
    bench.clock.sleep(1800.0)
    assert furnace[4] == 1000
    assert furnace[1] / 10 < 30


def test_a_stuck_furnace_temperature_hides_the_true_one(bench):
    furnace = Furnace(bench, Fault("stuck_readback", start_s=LATER))
    furnace.start(target_degC=200)
    bench.clock.sleep(LATER - 1.0)
    shown = furnace[1]
    bench.clock.sleep(600.0)
    assert furnace[1] == shown
    assert bench.furnace.wall_degC > 150


def test_a_broken_thermocouple_reads_high_sets_its_bit_and_cuts_the_power(bench):
    furnace = Furnace(bench, Fault("sensor_break", start_s=LATER))
    furnace.start(target_degC=200)
    bench.clock.sleep(LATER - 5.0)
    assert furnace[75] & 0x20 == 0
    bench.clock.sleep(30.0)
    assert furnace[75] & 0x20
    assert furnace[1] == 13720
    assert furnace[4] == 0


def test_a_furnace_alarm_is_a_bit_of_the_status(bench):
    furnace = Furnace(bench)
    furnace[13] = 100
    assert furnace[75] & 1


@pytest.mark.parametrize(("address", "word"), [(2, 12001), (35, 0), (23, 4), (273, 3), (324, 30001)])
def test_a_furnace_refuses_values_out_of_range(bench, address, word):
    request = struct.pack(">BBHH", 1, 6, address, word)
    reply = say(Furnace(bench).instrument, request + crc(request))
    assert reply[1:3] == bytes([0x86, 3])


class Supply:
    """A sputter supply with argon flowing."""

    def __init__(self, bench, *faults):
        bench.chamber.argon_sccm = lambda now_s: 20.0
        bench.clock.sleep(60.0)
        self.instrument = SimAjaDCXS(bench.clock, 1, bench.chamber, faults)

    def __call__(self, letters):
        return say(self.instrument, letters.encode()).decode()

    def burn(self, power_W=100, delay_s=5, ramp_s=0):
        assert self(f"E{ramp_s:02d}F{delay_s:02d}C{power_W:04d}A") == ""


def test_a_supply_opens_its_shutter_after_the_delay_and_closes_it_when_off(bench):
    supply = Supply(bench)
    supply.burn(delay_s=5)
    bench.clock.sleep(4.5)
    assert (supply("a"), supply("p")) == ("1", "@")
    bench.clock.sleep(1.0)
    assert supply("p") == "A"
    supply("B")
    assert (supply("a"), supply("p"), supply("d")) == ("0", "@", "0000")


def test_a_supplys_power_ramps_up(bench):
    supply = Supply(bench)
    supply.burn(power_W=200, ramp_s=10)
    bench.clock.sleep(5.0)
    assert int(supply("d")) == pytest.approx(100, abs=2)
    bench.clock.sleep(10.0)
    assert supply("d") == "0200"
    assert int(supply("e")) * int(supply("f")) / 1000 == pytest.approx(200, rel=0.02)


def test_a_supply_locks_its_times_while_on(bench):
    supply = Supply(bench)
    supply.burn(delay_s=5)
    supply("F20")
    assert supply("h") == "05"
    supply("BF20")
    assert supply("h") == "20"


def test_without_gas_there_is_no_plasma(bench):
    supply = SimAjaDCXS(bench.clock, 1, bench.chamber)
    say(supply, b"C0100A")
    bench.clock.sleep(5.0)
    assert (say(supply, b"a"), say(supply, b"f")) == (b"1", b"0000")


def test_an_arc_trips_the_output_and_leaves_its_code(bench):
    supply = Supply(bench, Fault("arc", start_s=LATER, duration_s=2.0))
    supply.burn()
    bench.clock.sleep(LATER + 1.0)
    assert (supply("a"), supply("o"), supply("p")) == ("0", "4", "@")
    bench.clock.sleep(5.0)
    assert supply("a") == "0"
    supply("A")
    assert (supply("a"), supply("o")) == ("1", "0")


def test_a_stuck_supply_shows_the_old_power(bench):
    supply = Supply(bench, Fault("stuck_readback", start_s=LATER))
    supply.burn()
    bench.clock.sleep(LATER - 1.0)
    assert supply("d") == "0100"
    bench.clock.sleep(2.0)
    supply("C0200")
    bench.clock.sleep(2.0)
    assert supply("d") == "0100"
    assert bench.chamber.power_W == 200.0


class Quartz:
    """A thickness monitor by command."""

    def __init__(self, bench, *faults):
        self.instrument = SimInficonSQM160(bench.clock, 1, bench.chamber, faults)

    def __call__(self, command):
        body = bytes([len(command) + 34]) + command.encode()
        reply = say(self.instrument, b"!" + body + check_bytes(body))
        assert reply[2:3] == b"A"
        return reply[3:-2].decode()


def test_a_quartz_follows_the_growth_and_is_zeroed(bench):
    quartz, supply = Quartz(bench), Supply(bench)
    supply.burn(delay_s=0)
    bench.clock.sleep(200.0)
    thickness_nm, rate_nm_s = float(quartz("N1")) * 100, float(quartz("L1?")) / 10
    assert thickness_nm == pytest.approx(200 * rate_nm_s, rel=0.1)
    assert thickness_nm > 10
    frequency_Hz = float(quartz("P1"))
    quartz("S")
    assert float(quartz("N1")) == pytest.approx(0.0, abs=0.002)
    bench.clock.sleep(100.0)
    assert float(quartz("P1")) < frequency_Hz


def test_a_dead_crystal_shows_no_growth(bench):
    quartz, supply = Quartz(bench, Fault("dead_crystal", start_s=LATER + 60.0)), Supply(bench)
    supply.burn(delay_s=0)
    bench.clock.sleep(LATER - 5.0)
    shown = quartz("N1")
    bench.clock.sleep(100.0)
    assert quartz("N1") == shown
    assert abs(float(quartz("L1?"))) < 0.1
    assert bench.chamber.monitor_nm > 1.5 * float(shown) * 100


def flow_of(flow):
    return float(str(say(flow, "A\r")).split()[4])


def test_a_flow_follows_its_set_point_within_seconds(bench):
    flow = SimAlicatMC(bench.clock, 1)
    say(flow, "AS20\r")
    assert flow_of(flow) < 2.0
    bench.clock.sleep(0.4)
    assert flow_of(flow) == pytest.approx(20.0 * (1 - math.exp(-1.0)), abs=0.3)
    bench.clock.sleep(5.0)
    assert flow_of(flow) == pytest.approx(20.0, abs=0.2)
    say(flow, "AS0\r")
    bench.clock.sleep(10.0)
    assert flow.flow_sccm(bench.clock.monotonic()) == pytest.approx(0.0, abs=1e-6)


def test_a_flow_set_point_stays_within_full_scale_and_nonsense_changes_nothing(bench):
    flow = SimAlicatMC(bench.clock, 1, full_scale_sccm=50.0)
    assert str(say(flow, "AS80\r")).split()[5] == "050.00"
    assert str(say(flow, "AS-3\r")).split()[5] == "000.00"
    assert str(say(flow, "ASmuch\r")).split()[5] == "000.00"


def test_an_empty_bottle_gives_no_flow_and_shows_none(bench):
    flow = SimAlicatMC(bench.clock, 1, [Fault("no_flow", start_s=LATER)])
    say(flow, "AS20\r")
    bench.clock.sleep(LATER)
    assert (flow.flow_sccm(LATER), flow_of(flow)) == (0.0, 0.0)


def test_a_wrong_flow_is_not_what_is_shown(bench):
    flow = SimAlicatMC(bench.clock, 1, [Fault("wrong_flow", amount=0.5)])
    say(flow, "AS20\r")
    bench.clock.sleep(10.0)
    assert flow.flow_sccm(bench.clock.monotonic()) == pytest.approx(10.0)
    assert flow_of(flow) == pytest.approx(20.0, abs=0.2)


def test_a_stuck_flow_keeps_its_number(bench):
    flow = SimAlicatMC(bench.clock, 1, [Fault("stuck_readback", start_s=LATER)])
    say(flow, "AS20\r")
    bench.clock.sleep(LATER - 1.0)
    shown = flow_of(flow)
    bench.clock.sleep(2.0)
    say(flow, "AS50\r")
    bench.clock.sleep(10.0)
    assert flow_of(flow) == shown
    assert flow.flow_sccm(bench.clock.monotonic()) == pytest.approx(50.0)


def pressure_of(gauge):
    return float(say(gauge, b"@253PR1?;FF")[7:-3])


def test_a_gauge_tells_the_pressure_in_the_panels_unit(bench):
    gauge = SimMKS937B(bench.clock, 1, bench.chamber)
    bench.chamber.argon_sccm = lambda now_s: 20.0
    bench.clock.sleep(60.0)
    torr = pressure_of(gauge)
    say(gauge, b"@253U!PASCAL;FF")
    assert pressure_of(gauge) == pytest.approx(133.3 * torr, rel=0.08)
    assert pressure_of(gauge) == pytest.approx(0.42, rel=0.1)


def test_a_stuck_gauge_keeps_its_number(bench):
    gauge = SimMKS937B(bench.clock, 1, bench.chamber, [Fault("stuck_readback", start_s=LATER)])
    shown = pressure_of(gauge)
    bench.clock.sleep(LATER)
    bench.chamber.argon_sccm = lambda now_s: 20.0
    bench.clock.sleep(60.0)
    assert pressure_of(gauge) == shown


def test_an_unplugged_gauge_says_so(bench):
    gauge = SimMKS937B(bench.clock, 1, bench.chamber, [Fault("no_gauge")])
    assert say(gauge, b"@253PR1?;FF") == b"@253ACKNOGAUGE;FF"
    assert 0.7 < float(say(gauge, b"@253PR2?;FF")[7:-3]) * 133.3 < 1.7


def film_at(bench, place="rack.1"):
    film = bench.line.sample_at(place)
    film.deposit(150.0, vacancies_cm3=3e20, grain_nm=20.0, disorder=0.3)
    return film


def read_meter(meter, *settings):
    lines(meter, *settings, ":OUTP ON")
    voltage, current, _, _, status = (float(word) for word in str(say(meter, ":READ?\n")).split(","))
    return voltage, current, int(status)


FOUR_WIRE = ("*RST", ":SOUR:FUNC CURR", ':SENS:FUNC "VOLT"', ":SYST:RSEN ON", ":SOUR:CURR 1e-3")


def test_a_meter_measures_the_films_sheet_resistance_on_four_wires(bench):
    film, meter = film_at(bench), SimKeithley2400(bench.clock, 1, bench.line, "rack.1")
    voltage, current, status = read_meter(meter, *FOUR_WIRE)
    assert voltage / current * math.pi / math.log(2) == pytest.approx(film.sheet_resistance_ohm, rel=0.01)
    assert status & 8 == 0


def test_two_wires_add_the_leads(bench):
    film_at(bench)
    meter = SimKeithley2400(bench.clock, 1, bench.line, "rack.1")
    four = read_meter(meter, *FOUR_WIRE)[0]
    assert read_meter(meter, *FOUR_WIRE, ":SYST:RSEN OFF")[0] - four == pytest.approx(1.4e-3, rel=0.1)


@pytest.mark.parametrize("place", ["rack.1", "chamber.1"])
def test_an_open_contact_or_an_empty_place_runs_into_compliance(bench, place):
    film_at(bench)
    faults = [Fault("open_contact")] if place == "rack.1" else []
    meter = SimKeithley2400(bench.clock, 1, bench.line, place, faults)
    voltage, current, status = read_meter(meter, *FOUR_WIRE, ":SENS:VOLT:PROT 5")
    assert voltage == pytest.approx(5.0, rel=0.01)
    assert abs(current) < 1e-9
    assert status & 8


def test_compliance_limits_the_voltage_of_a_film(bench):
    film_at(bench)
    meter = SimKeithley2400(bench.clock, 1, bench.line, "rack.1")
    voltage, current, status = read_meter(meter, *FOUR_WIRE, ":SENS:VOLT:PROT 1e-3")
    assert abs(voltage) == pytest.approx(1e-3, rel=0.01)
    assert current < 1e-3
    assert status & 8


def test_a_meter_with_its_output_off_does_not_read(bench):
    meter = SimKeithley2400(bench.clock, 1, bench.line, "rack.1")
    assert lines(meter, ":READ?", ":SYST:ERR?") == ["", '803,"Not permitted with OUTPUT off"']


def test_reset_brings_a_meter_back_to_its_start(bench):
    meter = SimKeithley2400(bench.clock, 1, bench.line, "rack.1")
    lines(meter, *FOUR_WIRE, ":OUTP ON", ":SENS:VOLT:PROT 3")
    assert lines(meter, "*RST", ":OUTP?", ":SOUR:FUNC?", ":SENS:VOLT:PROT?", ":SYST:RSEN?")[1:3] == ["0", "VOLT"]
    assert lines(meter, ":SENS:FUNC?", ":SENS:FUNC 'VOLT:DC'", ":SENS:FUNC?") == ['"CURR:DC"', "", '"VOLT:DC"']


def test_a_power_meter_sees_what_the_film_lets_through(bench):
    film, empty = film_at(bench), SimThorlabsPM100D(bench.clock, 1, bench.line, "chamber.1")
    meter = SimThorlabsPM100D(bench.clock, 1, bench.line, "rack.1")
    for instrument in (meter, empty):
        assert lines(instrument, "SENS:CORR:WAV 600", "SENS:CORR:WAV?") == ["", "6.000000E+02"]
    share = float(say(meter, "MEAS:POW?\n")) / float(say(empty, "MEAS:POW?\n"))
    assert share == pytest.approx(film.transmittance(600.0), rel=0.005)


def test_averaging_makes_a_power_meter_quieter(bench):
    meter = SimThorlabsPM100D(bench.clock, 1, bench.line, "chamber.1")

    def spread(n):
        lines(meter, f"SENS:AVER {n}")
        readings = [float(say(meter, "READ?\n")) for _ in range(200)]
        mean = sum(readings) / len(readings)
        return math.sqrt(sum((r - mean) ** 2 for r in readings) / len(readings)) / mean

    assert spread(1) > 5 * spread(1000)


def test_without_its_lamp_a_power_meter_sees_almost_nothing(bench):
    meter = SimThorlabsPM100D(bench.clock, 1, bench.line, "chamber.1", [Fault("lamp_off")])
    assert float(say(meter, "MEAS:POW?\n")) < 1e-7


def test_a_room_sensor_tells_of_the_room(bench):
    sensor = SimVaisalaHMT330(bench.clock, 1, bench.ambient)
    words = str(say(sensor, "SEND\r")).split()
    assert float(words[1]) == pytest.approx(bench.ambient.relative_humidity_pct(), abs=1.0)
    assert float(words[4]) == pytest.approx(bench.ambient.temperature_degC(), abs=0.3)


def test_a_recipe_table_takes_its_time_and_gives_the_row(bench):
    table = SimRecipeTable(bench.clock, 1, [{"hardness": 1.5}, {"hardness": 2.5}], measure_s=100.0)
    assert lines(table, ":ROW:COUN?", ":ROW 1;:INIT", ":STAT?") == ["2", "", '"BUSY"']
    bench.clock.sleep(100.0)
    assert lines(table, ":STAT?", ':FETC? "hardness"', ":ROW?") == ['"DONE"', "2.5", "1"]
    assert lines(table, ":ROW 0", ":STAT?", ':FETC? "hardness"', ":SYST:ERR?")[1:3] == ['"IDLE"', ""]
    assert lines(table, ":ROW 2", ":SYST:ERR?") == ["", '-222,"Data out of range"']


class Mover:
    """A sample mover by command."""

    def __init__(self, bench, *faults):
        self.instrument = SimSampleMover(bench.clock, 1, bench.line, faults, move_s=60.0)

    def __call__(self, text):
        reply, _, check = str(say(self.instrument, f"{text}*{checksum(text)}\n")).rpartition("*")
        assert check == checksum(reply)
        return reply


def test_a_mover_carries_a_sample(bench):
    mover = Mover(bench)
    assert [mover("STATUS?"), mover("NEXT?"), mover("MOVE 1 rack.1 furnace.1")] == ["IDLE", "1", "OK"]
    assert mover("STATUS?") == "MOVING 1 rack.1 furnace.1"
    assert mover("MOVE 2 rack.2 furnace.2") == "ERR busy"
    bench.clock.sleep(80.0)
    assert mover("STATUS?") == "DONE 1"
    assert bench.line.sample_at("rack.1") is None
    assert bench.line.sample_at("furnace.1") is not None


def test_a_move_that_is_said_twice_is_done_once(bench):
    mover = Mover(bench)
    assert [mover("MOVE 1 rack.1 furnace.1"), mover("MOVE 1 rack.1 furnace.1"), mover("NEXT?")] == ["OK", "OK", "2"]
    bench.clock.sleep(80.0)
    mover("STATUS?")
    assert [mover("MOVE 1 rack.1 furnace.1"), mover("STATUS?")] == ["OK", "DONE 1"]
    assert mover("MOVE 1 rack.2 furnace.2") == "ERR next number is 2"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("MOVE 1 chamber.1 furnace.1", "ERR chamber.1 is empty"),
        ("MOVE 1 rack.1 rack.2", "ERR rack.2 is taken"),
        ("MOVE 9 rack.1 furnace.1", "ERR next number is 1"),
        ("MOVE x rack.1 furnace.1", "ERR unknown command"),
        ("JUMP", "ERR unknown command"),
        ("", "ERR unknown command"),
    ],
)
def test_a_mover_refuses_what_it_cannot_do(bench, command, error):
    mover = Mover(bench)
    assert mover(command) == error
    assert mover("NEXT?") == "1"


def test_a_mover_refuses_an_unknown_place(bench):
    assert Mover(bench)("MOVE 1 rack.1 moon.1").startswith("ERR no place 'moon.1'")


def test_a_line_with_a_wrong_checksum_moves_nothing(bench):
    mover = Mover(bench)
    assert str(say(mover.instrument, "MOVE 1 rack.1 furnace.1*00\n")).startswith("ERR checksum")
    assert mover("STATUS?") == "IDLE"


@pytest.mark.parametrize(("after_s", "place"), [(5.0, "rack.1"), (40.0, "furnace.1")])
def test_a_halted_move_leaves_the_sample_where_it_is(bench, after_s, place):
    mover = Mover(bench)
    mover("MOVE 1 rack.1 furnace.1")
    bench.clock.sleep(after_s)
    assert [mover("HALT"), mover("HALT"), mover("STATUS?")] == ["OK", "OK", f"HALTED 1 at {place}"]
    bench.clock.sleep(100.0)
    assert bench.line.sample_at(place) is not None


def test_a_dropped_sample_fails_the_move(bench):
    mover = Mover(bench, Fault("dropped"))
    mover("MOVE 1 rack.1 furnace.1")
    bench.clock.sleep(80.0)
    assert mover("STATUS?") == "FAILED 1 gripper is empty"
    assert bench.line.sample_at("rack.1") is not None
    assert mover("MOVE 2 rack.1 furnace.1") == "OK"
