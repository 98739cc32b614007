"""The physics on plain arrays, against the plant that the arrays were read from."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from sim_devices.inficon_sqm160 import HZ_NM
from sim_devices.plant import Film
from sim_devices.replay import (
    CannotReplay,
    FurnaceWall,
    Property,
    Recording,
    RoomAir,
    blurred,
    deposit,
    energy_kWh,
    property_of,
    smooth,
)


def recording(name, kind, times, **given):
    """Return a recording with the room at 22 degC and 45 %."""
    begin, end = float(times[0]), float(times[-1])
    parts = {"process": {}, "before": {}, "after": {}, "results": {}, "fittings": {}, "parameters": {}} | given
    return Recording(
        name=name,
        kind=kind,
        station=kind,
        begin_s=begin,
        end_s=end,
        is_complete=True,
        times_s=np.array(times, float),
        room_times_s=np.array([begin, end]),
        room_degC=np.array([22.0, 22.0]),
        room_pct=np.array([45.0, 45.0]),
        **parts,
    )


def heated(plant, hours=2.0, period_s=10.0, seed=1):
    """Run the plant's furnace at changing power and read it; return the recording and the wall at every step."""
    rng = np.random.default_rng(seed)
    furnace, wanted = plant.furnace, {"power": 0.0}
    furnace.controller = lambda wall, step_s: wanted["power"]
    times, shown, power, truth = [], [], [], {}
    begin = plant.clock.monotonic()
    while (now := plant.clock.monotonic()) < begin + hours * 3600.0:
        part = (now - begin) / (hours * 3600.0)
        wanted["power"] = 0.6 if part < 0.2 else 0.15 if part < 0.6 else 0.0
        furnace.advance()
        truth[int(now // 5)] = furnace.wall_degC
        if (now - begin) % period_s == 0.0:
            times.append(now)
            shown.append(round(furnace.wall_degC + rng.normal(0.0, 0.08), 1))
            power.append(round(100.0 * furnace.power, 1))
        plant.clock.sleep(5.0)
    process = {"furnace.temperature": np.array(shown), "furnace.heater_power": np.array(power)}
    return recording("anneal", "anneal", times, process=process, fittings={"oxygen": 0.21}), truth


@pytest.fixture
def read_out(make_plant):
    plant = make_plant()
    plant.clock.sleep(100.0)
    return heated(plant)


def test_the_smoothed_wall_is_nearer_to_the_truth_than_the_readings_are(read_out):
    run, truth = read_out
    trace = smooth(run, RoomAir([run]))
    errors = [trace.wall_degC[i - trace.first] - wall for i, wall in truth.items() if trace.first <= i <= trace.last]
    raw = run.process["furnace.temperature"] - np.array([truth[int(t // 5)] for t in run.times_s])
    assert np.std(raw) == pytest.approx(0.085, rel=0.2)
    assert np.sqrt(np.mean(np.square(errors))) < 0.5 * np.std(raw)
    assert np.max(np.abs(errors)) < 1.0


def test_between_runs_the_wall_cools_as_the_furnace_does(make_plant):
    plant = make_plant()
    plant.clock.sleep(100.0)
    run, _ = heated(plant)
    last = int(run.times_s[-1] // 5)
    plant.furnace.controller = lambda wall, step_s: 0.0
    truth = []
    for _ in range(600):
        plant.clock.sleep(5.0)
        plant.furnace.advance()
        truth.append(plant.furnace.wall_degC)
    found = [wall for wall, _ in FurnaceWall([run], RoomAir([run])).span(last, last + len(truth))]
    assert found[:-1] == pytest.approx(truth[:-1], abs=0.5)


def test_a_run_of_the_chamber_gives_the_film_that_the_chamber_gave(make_plant):
    plant = make_plant()
    plant.line.move("rack.1", "chamber.1")
    chamber = plant.chamber
    chamber.argon_sccm, chamber.oxygen_sccm = (lambda now_s: 20.0), (lambda now_s: 0.3)
    plant.clock.sleep(60.0)
    chamber.advance()
    before_nm, used_kWh = chamber.monitor_nm, chamber.target_used_kWh
    begin = plant.clock.monotonic()
    chamber.supplied_W = lambda now_s: 150.0
    chamber.uncovered = lambda now_s: now_s >= begin + 60.0
    times, opened = [], []
    while plant.clock.monotonic() < begin + 600.0:
        times.append(plant.clock.monotonic())
        opened.append(float(times[-1] >= begin + 60.0))
        plant.clock.sleep(5.0)
        chamber.advance()
    ones = np.ones(len(times))
    process = {
        "supply.power": 150.0 * ones,
        "supply.shutter": np.array(opened),
        "argon.flow": 20.003 * ones,
        "argon.setpoint": 20.0 * ones,
        "oxygen.flow": 0.301 * ones,
        "oxygen.setpoint": 0.3 * ones,
    }
    hertz = {
        "before": {"monitor.frequency": -HZ_NM * before_nm},
        "after": {"monitor.frequency": -HZ_NM * chamber.monitor_nm},
    }
    run = recording("sputter", "sputter", times, process=process, **hertz)
    made, film = plant.line.sample_at("chamber.1"), Film()
    deposit(film, run, used_kWh)
    assert energy_kWh(run) == pytest.approx(chamber.target_used_kWh - used_kWh, rel=0.02)
    for quantity in ("thickness_nm", "vacancies_cm3", "grain_nm", "disorder"):
        assert getattr(film, quantity) == pytest.approx(getattr(made, quantity), rel=1e-4), quantity


def test_growth_without_power_or_without_the_quartz_cannot_be_replayed():
    times = [0.0, 5.0, 10.0]
    process = {"supply.power": np.zeros(3), "supply.shutter": np.ones(3)}
    process |= {f"{gas}.{key}": np.ones(3) for gas in ("argon", "oxygen") for key in ("flow", "setpoint")}
    hertz = {"before": {"monitor.frequency": 600.0}, "after": {"monitor.frequency": 0.0}}
    with pytest.raises(CannotReplay, match="no reading shows an open shutter"):
        deposit(Film(), recording("sputter x", "sputter", times, process=process, **hertz), 2.0)
    with pytest.raises(CannotReplay, match=r"sputter x: .* no monitor\.frequency"):
        deposit(Film(), recording("sputter x", "sputter", times, process=process), 2.0)


def test_the_room_is_checked_against_the_runs_around():
    runs = [recording(f"run {n}", "transfer", [600.0 * n, 600.0 * n + 60.0]) for n in range(3)]
    assert all(check.agrees for check in RoomAir(runs).checks(runs[1]))
    damp = dataclasses.replace(runs[1], room_pct=runs[1].room_pct + 3.0)
    assert [check.agrees for check in RoomAir([runs[0], damp, runs[2]]).checks(damp)] == [True, False]
    with pytest.raises(CannotReplay, match="run 1: the baseline has no humidity"):
        RoomAir([runs[0], dataclasses.replace(runs[1], room_pct=np.array([]))])


def test_a_blurred_recording_strays_as_far_as_the_instruments_do(read_out):
    run, _ = read_out
    again = blurred(run, np.random.default_rng(3))
    strayed = again.process["furnace.temperature"] - run.process["furnace.temperature"]
    assert np.std(strayed) == pytest.approx(0.085, rel=0.2)
    assert abs(np.mean(strayed)) < 0.02
    assert np.max(np.abs(again.process["furnace.heater_power"] - run.process["furnace.heater_power"])) <= 0.05 + 1e-9


def sheet(recorded, recomputed, others=()):
    return Property("sheet_resistance", "ohm", recorded, recomputed, 0.01, "", tuple(others))


def test_noise_of_meter_and_process_decide_whether_a_property_agrees():
    assert sheet(10.0, 10.009).agrees
    assert not sheet(10.0, 10.02).agrees
    assert sheet(10.0, 10.02, [10.01, 10.03]).agrees
    assert sheet(math.inf, math.inf).agrees
    assert not sheet(math.inf, 10.0, [10.0, 10.1]).agrees
    assert not sheet(10.0, math.inf, [math.inf]).agrees
    assert not sheet(math.nan, 10.0).agrees


def test_where_noise_decides_whether_a_film_cracks_either_is_right():
    edge = sheet(10.0, math.inf, [math.inf, 10.0])
    assert edge.is_on_the_edge and edge.agrees


def test_a_film_beyond_the_voltage_limit_counts_as_open():
    film = Film(roughness_nm=1.0)
    film.deposit(150.0, vacancies_cm3=4e20, grain_nm=8.0, disorder=0.6)
    asked = {"current": 1.0, "compliance": 1e-5, "n_readings": 5}
    run = recording(
        "probe",
        "measure_sheet_resistance",
        [0.0, 1.0],
        parameters=asked,
        results={"sheet_resistance": 0.0, "valid": 0.0},
    )
    found = property_of(film, run)
    assert math.isinf(found.recorded) and math.isinf(found.recomputed) and found.agrees
