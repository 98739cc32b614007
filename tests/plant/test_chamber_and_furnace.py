"""The two tools: gas, plasma and target; heater, wall and samples."""

from __future__ import annotations

import pytest

from sim_devices.plant import PlantError, SputterChamber, TubeFurnace, deposit_of
from sim_devices.plant.discharge import film_to_monitor_ratio


def test_the_discharge_has_the_voltage_and_current_of_a_small_magnetron():
    deposit = deposit_of(100.0, 0.5, 0.0)
    assert deposit.voltage_V == pytest.approx(320.0, rel=0.01)
    assert deposit.voltage_V * deposit.current_A == pytest.approx(100.0)
    assert deposit.rate_nm_s == pytest.approx(0.17, rel=0.1)


def test_more_power_grows_faster_at_a_little_more_voltage():
    low, high = deposit_of(50.0, 0.5, 0.01), deposit_of(200.0, 0.5, 0.01)
    assert high.rate_nm_s == pytest.approx(4 * low.rate_nm_s, rel=0.15)
    assert 1.0 < high.voltage_V / low.voltage_V < 1.3
    assert high.poisoning < low.poisoning


def test_oxygen_poisons_the_target_and_fills_vacancies():
    deposits = [deposit_of(100.0, 0.5, oxygen_Pa) for oxygen_Pa in (0.0, 0.005, 0.02, 0.1)]
    for attribute, rising in (("poisoning", True), ("voltage_V", True), ("rate_nm_s", False), ("vacancies_cm3", False)):
        values = [getattr(deposit, attribute) for deposit in deposits]
        assert values == sorted(values, reverse=not rising)
        assert len(set(values)) == 4
    assert 0.0 == deposits[0].poisoning < deposits[-1].poisoning < 1.0


def test_higher_pressure_slows_growth_and_makes_pores():
    low, high = deposit_of(100.0, 0.3, 0.005), deposit_of(100.0, 3.0, 0.005)
    assert high.rate_nm_s < low.rate_nm_s
    assert high.disorder > low.disorder


def test_fast_ions_at_high_power_damage_the_film():
    assert deposit_of(600.0, 0.5, 0.01).disorder > deposit_of(150.0, 0.5, 0.01).disorder


def test_a_worn_target_burns_at_lower_voltage_and_deceives_the_monitor():
    assert deposit_of(100.0, 0.5, 0.0, erosion=1.0).voltage_V < deposit_of(100.0, 0.5, 0.0).voltage_V
    ratios = [film_to_monitor_ratio(kWh) for kWh in (0.0, 2.0, 20.0, 200.0)]
    assert ratios == sorted(ratios)
    assert ratios[0] == 1.0
    assert ratios[-1] == pytest.approx(1.35, rel=0.001)


def run(plant, power_W=100.0, seconds=600.0, open_=True):
    plant.chamber.argon_sccm = lambda now_s: 20.0
    plant.clock.sleep(60.0)
    plant.chamber.advance()
    plant.chamber.supplied_W, plant.chamber.uncovered = (lambda now_s: power_W), (lambda now_s: open_)
    plant.clock.sleep(seconds)
    plant.chamber.advance()


def test_the_pressure_settles_where_pump_and_flow_balance(make_plant):
    plant = make_plant()
    plant.chamber.argon_sccm = lambda now_s: 20.0
    plant.clock.sleep(3.0)
    plant.chamber.advance()
    assert 0.5 < plant.chamber.pressure_Pa / 0.4225 < 0.75
    plant.clock.sleep(100.0)
    plant.chamber.advance()
    assert plant.chamber.pressure_Pa == pytest.approx(20 * 101325e-6 / 60 / 0.08, rel=0.01)


def test_a_shut_shutter_keeps_film_and_monitor_clean_while_the_target_wears(make_plant):
    plant = make_plant()
    plant.line.move("rack.1", "chamber.1")
    worn = plant.chamber.target_used_kWh
    run(plant, open_=False)
    assert plant.chamber.monitor_nm == 0.0
    assert plant.line.sample_at("chamber.1").thickness_nm == 0.0
    assert plant.chamber.target_used_kWh - worn == pytest.approx(100.0 * 600.0 / 3.6e6)


def test_every_sample_that_faces_the_target_grows_thicker_than_the_monitor(make_plant):
    plant = make_plant()
    for place in ("1", "2"):
        plant.line.move(f"rack.{place}", f"chamber.{place}")
    run(plant)
    films = [plant.line.sample_at(f"chamber.{place}") for place in "12"]
    assert films[0].thickness_nm == films[1].thickness_nm
    assert films[0].thickness_nm / plant.chamber.monitor_nm == pytest.approx(film_to_monitor_ratio(2.0), rel=0.001)
    assert plant.chamber.monitor_nm == pytest.approx(600.0 * plant.chamber.deposit.rate_nm_s, rel=0.01)


def test_without_gas_nothing_burns(make_plant):
    plant = make_plant()
    plant.chamber.supplied_W = lambda now_s: 100.0
    plant.clock.sleep(100.0)
    plant.chamber.advance()
    assert not plant.chamber.burns
    assert plant.chamber.deposit is None


def heat(plant, power, seconds):
    plant.furnace.controller = lambda wall_degC, step_s: power
    plant.clock.sleep(seconds)
    plant.furnace.advance()
    return plant.furnace.wall_degC


def test_a_furnace_heats_at_33_kelvin_a_minute_at_most(make_plant):
    plant = make_plant()
    start_degC = plant.furnace.wall_degC
    assert (heat(plant, 1.0, 60.0) - start_degC) == pytest.approx(33.0, rel=0.1)


def test_more_power_gives_a_higher_end_temperature_up_to_a_usual_furnaces(make_plant):
    ends = [heat(make_plant(), power, 8 * 3600.0) for power in (0.1, 0.3, 0.6, 1.0)]
    assert ends == sorted(ends)
    assert 1000.0 < ends[-1] < 1150.0


def test_a_furnace_cools_to_the_room_and_not_below(make_plant):
    plant = make_plant()
    heat(plant, 0.3, 2 * 3600.0)
    assert heat(plant, 0.0, 24 * 3600.0) == pytest.approx(plant.line.ambient.temperature_degC(), abs=2.0)


def test_a_furnace_cools_from_400_to_80_degrees_in_an_hour_and_a_half(make_plant):
    plant = make_plant()
    plant.furnace.wall_degC = 400.0
    assert heat(plant, 0.0, 80 * 60.0) > 80.0
    assert heat(plant, 0.0, 20 * 60.0) < 80.0


@pytest.mark.parametrize(("wanted", "given"), [(2.0, 1.0), (-1.0, 0.0)])
def test_the_heater_power_stays_between_nothing_and_all(make_plant, wanted, given):
    plant = make_plant()
    heat(plant, wanted, 20.0)
    assert plant.furnace.power == given


def test_a_broken_heater_gives_nothing(make_plant):
    plant = make_plant()
    plant.furnace.heater_works = lambda: False
    assert heat(plant, 1.0, 3600.0) < 30.0


def test_a_sample_lags_behind_the_wall(make_plant):
    plant = make_plant()
    plant.line.move("rack.1", "furnace.1")
    heat(plant, 1.0, 120.0)
    film = plant.line.sample_at("furnace.1")
    assert 10.0 < plant.furnace.wall_degC - film.temperature_degC < 30.0


def test_a_sample_taken_out_hot_cools_in_air(make_plant):
    plant = make_plant()
    plant.line.move("rack.1", "furnace.1")
    heat(plant, 0.3, 3600.0)
    plant.line.move("furnace.1", "rack.1")
    assert plant.line.occupant("rack.1").temperature_degC > 150.0
    plant.clock.sleep(1800.0)
    assert plant.line.sample_at("rack.1").temperature_degC < 30.0


def test_matter_does_not_vanish_appear_or_overlap(make_plant):
    line = make_plant().line
    for act, words in (
        (lambda: line.move("chamber.1", "rack.1"), "chamber.1 is empty"),
        (lambda: line.move("rack.1", "rack.2"), "rack.2 holds"),
        (lambda: line.move("rack.1", "moon.1"), "no place 'moon.1'"),
        (lambda: line.remove("chamber.1"), "chamber.1 is empty"),
        (lambda: line.add_places("rack", 1), "exist already"),
        (lambda: line.load_substrates("shelf"), "has no places"),
        (lambda: SputterChamber(line, ["furnace.1"]), "inside another tool"),
        (lambda: TubeFurnace(line, ["oven.1"]), "no place"),
    ):
        with pytest.raises(PlantError, match=words):
            act()


def test_a_removed_sample_makes_room_for_a_fresh_substrate(make_plant):
    line = make_plant().line
    first = line.remove("rack.1")
    assert line.sample_at("rack.1") is None
    assert line.load_substrates("rack") == 1
    second = line.sample_at("rack.1")
    assert (first.serial, second.serial) == ("rack.1#1", "rack.1#2")
    assert first.roughness_nm != second.roughness_nm
