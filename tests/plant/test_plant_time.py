"""How often one looks makes no difference: one advance or many give the same bits."""

from __future__ import annotations

import random
from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim_devices.aja_dcxs import SimAjaDCXS
from sim_devices.alicat_mc import SimAlicatMC
from sim_devices.eurotherm3216 import SimEurotherm3216
from tests.sim_devices.conftest import say

GAPS = st.lists(st.floats(0.01, 400.0), min_size=1, max_size=12)


def looks(until_s, seed):
    """Return the instants at which somebody looks: none without a seed, else random ones."""
    if seed is None:
        return []
    rng = random.Random(seed)
    return [*sorted(rng.uniform(0.0, until_s) for _ in range(200)), until_s]


def deposited(plant, seed):
    """Sputter with instruments on the chamber; look at it as `seed` says."""
    clock, chamber = plant.clock, plant.chamber
    argon, supply = SimAlicatMC(clock, "a"), SimAjaDCXS(clock, "s", chamber)
    chamber.argon_sccm, argon.before_change = argon.flow_sccm, chamber.advance
    plant.line.move("rack.1", "chamber.1")
    say(argon, "AS20\r")
    commands = (
        (30.3, supply, "E20F10C0100A"),
        (200.8, argon, "AS40\r"),
        (201.9, argon, "AS30\r"),
        (250.6, supply, "C0180"),
        (400.9, supply, "B"),
    )
    for until_s, instrument, command in (*commands, (700.0, argon, "AS0\r")):
        for look_s in looks(until_s - 0.01, None if seed is None else f"{seed}{until_s}"):
            clock.sleep(max(0.0, look_s - clock.monotonic()))
            chamber.advance()
        clock.sleep(until_s - clock.monotonic())
        say(instrument, command)
    film = plant.line.sample_at("chamber.1")
    return asdict(film), chamber.monitor_nm, chamber.target_used_kWh, chamber.pressure_Pa


def annealed(plant, seed):
    """Heat under a programme; look at the furnace as `seed` says."""
    control = SimEurotherm3216(plant.clock, "f", plant.furnace)
    plant.line.sample_at("rack.1").deposit(150.0, vacancies_cm3=4e20, grain_nm=8.0, disorder=0.6)
    plant.line.move("rack.1", "furnace.1")
    for address, word in ((2, 3000), (35, 100), (324, 100), (273, 0), (23, 1)):
        control.write_register(address, word)
    for look_s in looks(4 * 3600.0, seed):
        plant.clock.sleep(max(0.0, look_s - plant.clock.monotonic()))
        plant.furnace.advance()
    plant.clock.sleep(4 * 3600.0 - plant.clock.monotonic())
    return asdict(plant.line.sample_at("furnace.1")), plant.furnace.wall_degC


def stored(plant, seed):
    """Let a film lie in the rack; look at it as `seed` says."""
    plant.line.sample_at("rack.1").deposit(150.0, vacancies_cm3=4e20, grain_nm=8.0, disorder=0.6)
    for look_s in looks(9 * 3600.0, seed):
        plant.clock.sleep(max(0.0, look_s - plant.clock.monotonic()))
        plant.line.sample_at("rack.1")
    plant.clock.sleep(9 * 3600.0 - plant.clock.monotonic())
    return asdict(plant.line.sample_at("rack.1"))


@pytest.mark.parametrize("history", [deposited, annealed, stored])
def test_looking_makes_no_difference(make_plant, history):
    alone = history(make_plant(), None)
    assert history(make_plant(), 7) == alone
    assert history(make_plant(), 8) == alone


@given(GAPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_the_rooms_air_is_a_pure_function_of_time(make_plant, gaps):
    ambient = make_plant().line.ambient
    now_s = 0.0
    for gap_s in gaps:
        now_s += gap_s
        ambient.temperature_degC(now_s)
    assert ambient.temperature_degC(now_s) == ambient.temperature_degC(now_s)
    assert make_plant().line.ambient.temperature_degC(now_s) == ambient.temperature_degC(now_s)


def test_the_rooms_air_stays_in_its_range_and_differs_by_seed(make_plant):
    hours = [hour * 3600.0 for hour in range(24 * 20)]
    seen = {}
    for seed in range(5):
        ambient = make_plant(seed).line.ambient
        temperatures = [ambient.temperature_degC(s) for s in hours]
        humidities = [ambient.relative_humidity_pct(s) for s in hours]
        assert 19.6 <= min(temperatures) < max(temperatures) <= 24.4
        assert 19.0 <= min(humidities) < max(humidities) <= 71.0
        seen[tuple(temperatures)] = seed
    assert len(seen) == 5


def test_the_same_seed_gives_the_same_substrates_and_another_others(make_plant):
    def roughnesses(seed):
        line = make_plant(seed).line
        return [line.sample_at(f"rack.{i}").roughness_nm for i in (1, 2, 3)]

    assert roughnesses(1) == roughnesses(1)
    assert len({*roughnesses(1), *roughnesses(2)}) == 6
    assert all(0.6 <= value <= 1.6 for value in roughnesses(3))
