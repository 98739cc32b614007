"""A simulated temperature controller on its furnace, and what its faults do."""

from __future__ import annotations

import struct

import pytest

from sim_devices.eurotherm3216 import SimEurotherm3216
from sim_devices.modbus import crc
from sim_devices.wire import Fault
from tests.sim_devices.conftest import say

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
