"""Simulated supply, quartz, flow controller and gauge of a sputter chamber, and what their faults do."""

from __future__ import annotations

import math

import pytest

from sim_devices.aja_dcxs import SimAjaDCXS
from sim_devices.alicat_mc import SimAlicatMC
from sim_devices.inficon_sqm160 import SimInficonSQM160, check_bytes
from sim_devices.mks937b import SimMKS937B
from sim_devices.wire import Fault
from tests.sim_devices.conftest import say

LATER = 50.0  # [s]: when faults begin


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
