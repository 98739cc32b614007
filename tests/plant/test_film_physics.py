"""What heat, air and thickness make of a film: directions, limits, and the size of the numbers."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.plant import Film
from tests.plant.conftest import anneal, as_deposited

PEAKS = (200.0, 300.0, 400.0, 500.0)


def increases(values):
    return all(a < b for a, b in itertools.pairwise(values))


def test_hotter_and_longer_make_larger_grains():
    assert increases([anneal(as_deposited(), peak).grain_nm for peak in PEAKS])
    assert increases([anneal(as_deposited(), 350.0, minutes).grain_nm for minutes in (10, 60, 240)])


def test_grains_grow_as_burke_and_turnbull_say():
    film = as_deposited(grain_nm=8.0)
    anneal(film, 400.0, 60.0)
    assert film.grain_nm == pytest.approx(30.0, rel=0.3)


def test_hotter_makes_less_disorder_and_more_active_tin():
    films = [anneal(as_deposited(), peak) for peak in PEAKS[:3]]
    assert increases([-film.disorder for film in films])
    assert increases([film.tin_activation for film in films])


def test_more_oxygen_leaves_fewer_vacancies():
    films = [anneal(as_deposited(), 400.0, 240.0, oxygen=share) for share in (1e-5, 1e-3, 0.21, 1.0)]
    assert increases([-film.vacancies_cm3 for film in films])
    assert increases([-film.carriers_cm3 for film in films])


def test_a_thicker_film_conducts_better_and_lets_less_light_through():
    films = [as_deposited(thickness) for thickness in (50.0, 150.0, 300.0, 600.0)]
    assert increases([-film.sheet_resistance_ohm for film in films])
    assert films[0].transmittance(1100.0) > films[-1].transmittance(1100.0)


def test_thickness_and_sheet_resistance_are_in_inverse_proportion_but_for_the_dead_layer():
    thin, thick = as_deposited(105.0, roughness_nm=1.0), as_deposited(205.0, roughness_nm=1.0)
    assert thin.sheet_resistance_ohm / thick.sheet_resistance_ohm == pytest.approx(200.0 / 100.0)


def test_a_good_film_has_the_numbers_of_the_literature():
    """Ellmer, Nature Photonics 6 (2012) 809: good ITO has 1-2e-4 ohm cm, 5e20-1.5e21 per cm3, 20-50 cm2/Vs."""
    for thickness_nm in (150.0, 220.0, 300.0):
        film = anneal(as_deposited(thickness_nm, grain_nm=9.0, disorder=0.4), 400.0, 180.0, ramp_K_min=6.0)
        assert not film.failure
        assert 5.0 < film.sheet_resistance_ohm < 30.0
        visible = [film.transmittance(wavelength) for wavelength in range(450, 701, 10)]
        assert 0.74 < sum(visible) / len(visible) < 0.92
        assert max(visible) > 0.8
        assert 3e20 < film.carriers_cm3 < 1.5e21
        assert 20.0 < film.mobility_cm2_Vs < 60.0
        resistivity_ohm_cm = film.sheet_resistance_ohm * thickness_nm * 1e-7
        assert 1e-4 < resistivity_ohm_cm < 6e-4
        assert 1e-3 < film.figure_of_merit < 5e-2


@pytest.mark.parametrize(("ramp", "cracks"), [(8.0, False), (15.0, False), (25.0, True)])
def test_a_film_cracks_above_its_limit(ramp, cracks):
    film = anneal(as_deposited(150.0), 400.0, 10.0, ramp_K_min=ramp)
    assert film.crack_limit_K_min == pytest.approx(20.0)
    assert film.failure.startswith("cracked") == cracks
    assert math.isinf(film.sheet_resistance_ohm) == cracks
    assert (film.figure_of_merit == 0.0) == cracks


def test_a_thick_film_cracks_where_a_thin_one_holds():
    thin, thick = as_deposited(150.0), as_deposited(600.0)
    assert thick.crack_limit_K_min == pytest.approx(thin.crack_limit_K_min / 2)
    assert not anneal(thin, 300.0, 5.0, ramp_K_min=15.0).failure
    assert anneal(thick, 300.0, 5.0, ramp_K_min=15.0).failure


def test_cooling_too_fast_cracks_too():
    film = as_deposited(150.0)
    for degC in range(22, 400):
        film.heat(10.0, degC, 0.21)
    assert not film.failure
    for _ in range(100):
        film.heat(5.0, 22.0, 0.21)
    assert film.failure.startswith("cracked: -")


def test_soft_glass_loses_its_film_and_becomes_clear():
    film = anneal(as_deposited(), 580.0, 10.0)
    assert film.failure.startswith("delaminated: glass softened at 56")
    assert math.isinf(film.sheet_resistance_ohm)
    assert film.transmittance(550.0) == pytest.approx(0.919, abs=0.003)


def test_the_first_failure_stays():
    film = anneal(as_deposited(), 580.0, 10.0, ramp_K_min=30.0)
    assert film.failure.startswith("cracked")


def test_a_disordered_film_takes_up_water_towards_the_humidity():
    fresh, grown = as_deposited(), anneal(as_deposited(), 400.0)
    for film in (fresh, grown):
        film.water = 0.0
        for _ in range(3 * 60):
            film.expose(60.0, 50.0)
    assert 0.2 < fresh.water < 0.4
    assert grown.water < 0.1 * fresh.water
    for _ in range(48 * 60):
        fresh.expose(60.0, 50.0)
    assert fresh.water == pytest.approx(0.5, abs=0.01)


def test_heat_dries_a_film_and_locks_some_water_in():
    film = as_deposited()
    for _ in range(600):
        film.expose(60.0, 60.0)
    wet = film.water
    gentle, hasty = Film(**vars_of(film)), Film(**vars_of(film))
    anneal(gentle, 150.0, 120.0)
    anneal(gentle, 400.0, 10.0)
    anneal(hasty, 400.0, 10.0, ramp_K_min=18.0)
    assert gentle.water < 0.05 * wet
    assert 0.0 < gentle.hydroxyl < hasty.hydroxyl < wet


def vars_of(film):
    return {name: getattr(film, name) for name in film.__dataclass_fields__}


def test_hydroxyl_between_the_grains_lowers_the_mobility():
    clean, wet = as_deposited(), as_deposited()
    wet.hydroxyl = 0.5
    assert wet.mobility_cm2_Vs < clean.mobility_cm2_Vs


def test_a_bare_plate_neither_conducts_nor_changes():
    plate = anneal(Film(serial="bare"), 400.0)
    plate.expose(3600.0, 80.0)
    assert (plate.thickness_nm, plate.water, plate.failure) == (0.0, 0.0, "")
    assert math.isinf(plate.sheet_resistance_ohm)
    assert not plate.is_whole
    assert plate.peak_degC == pytest.approx(400.0, abs=1.0)


def test_what_is_deposited_is_mixed_by_thickness():
    film = as_deposited(100.0, vacancies_cm3=2e20, grain_nm=10.0, disorder=0.2)
    film.deposit(300.0, vacancies_cm3=4e20, grain_nm=6.0, disorder=0.6)
    assert (film.thickness_nm, film.grain_nm) == (400.0, pytest.approx(7.0))
    assert film.vacancies_cm3 == pytest.approx(3.5e20)
    assert film.disorder == pytest.approx(0.5)


@given(st.floats(1.0, 60.0), st.floats(30.0, 550.0), st.floats(0.0, 1.0))
def test_heat_keeps_every_quantity_in_its_range(step_s, degC, oxygen):
    film = as_deposited()
    film.water = 0.4
    for _ in range(50):
        film.heat(step_s, degC, oxygen)
    assert film.grain_nm >= 8.0
    assert 0.0 <= film.disorder <= 0.6
    assert 0.0 <= film.tin_activation <= 1.0
    assert 0.0 <= film.water <= 0.4
    assert film.water + film.hydroxyl <= 0.4 + 1e-12
    assert film.vacancies_cm3 > 0.0
    assert film.temperature_degC <= max(degC, 22.0) + 1e-9
