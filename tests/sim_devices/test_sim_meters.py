"""Simulated meters, the room sensor and the recipe table, and what their faults do."""

from __future__ import annotations

import math

import pytest

from sim_devices.keithley2400 import SimKeithley2400
from sim_devices.plant import ProbeHead
from sim_devices.recipe_table import SimRecipeTable
from sim_devices.thorlabs_pm100d import SimThorlabsPM100D
from sim_devices.vaisala_hmt330 import SimVaisalaHMT330
from sim_devices.wire import Fault
from tests.sim_devices.conftest import lines, say


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
    film, meter = film_at(bench), SimKeithley2400(bench.clock, 1, ProbeHead(bench.line, "rack.1"))
    voltage, current, status = read_meter(meter, *FOUR_WIRE)
    assert voltage / current * math.pi / math.log(2) == pytest.approx(film.sheet_resistance_ohm, rel=0.01)
    assert status & 8 == 0


def test_two_wires_add_the_leads(bench):
    film_at(bench)
    meter = SimKeithley2400(bench.clock, 1, ProbeHead(bench.line, "rack.1"))
    four = read_meter(meter, *FOUR_WIRE)[0]
    assert read_meter(meter, *FOUR_WIRE, ":SYST:RSEN OFF")[0] - four == pytest.approx(1.4e-3, rel=0.1)


@pytest.mark.parametrize("place", ["rack.1", "chamber.1"])
def test_an_open_contact_or_an_empty_place_runs_into_compliance(bench, place):
    film_at(bench)
    faults = [Fault("open_contact")] if place == "rack.1" else []
    meter = SimKeithley2400(bench.clock, 1, ProbeHead(bench.line, place), faults)
    voltage, current, status = read_meter(meter, *FOUR_WIRE, ":SENS:VOLT:PROT 5")
    assert voltage == pytest.approx(5.0, rel=0.01)
    assert abs(current) < 1e-9
    assert status & 8


def test_compliance_limits_the_voltage_of_a_film(bench):
    film_at(bench)
    meter = SimKeithley2400(bench.clock, 1, ProbeHead(bench.line, "rack.1"))
    voltage, current, status = read_meter(meter, *FOUR_WIRE, ":SENS:VOLT:PROT 1e-3")
    assert abs(voltage) == pytest.approx(1e-3, rel=0.01)
    assert current < 1e-3
    assert status & 8


def test_a_meter_with_its_output_off_does_not_read(bench):
    meter = SimKeithley2400(bench.clock, 1, ProbeHead(bench.line, "rack.1"))
    assert lines(meter, ":READ?", ":SYST:ERR?") == ["", '803,"Not permitted with OUTPUT off"']


def test_reset_brings_a_meter_back_to_its_start(bench):
    meter = SimKeithley2400(bench.clock, 1, ProbeHead(bench.line, "rack.1"))
    lines(meter, *FOUR_WIRE, ":OUTP ON", ":SENS:VOLT:PROT 3")
    assert lines(meter, "*RST", ":OUTP?", ":SOUR:FUNC?", ":SENS:VOLT:PROT?", ":SYST:RSEN?")[1:3] == ["0", "VOLT"]
    assert lines(meter, ":SENS:FUNC?", ":SENS:FUNC 'VOLT:DC'", ":SENS:FUNC?") == [
        '"CURR:DC"',
        "",
        '"VOLT:DC","CURR:DC"',
    ]


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
