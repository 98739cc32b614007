"""Light and electrons: conservation, limits, and known values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.plant import optics, transport
from tests.plant.conftest import as_deposited

WAVELENGTHS = st.floats(350.0, 2000.0)


def reflectance(wavelength_nm, thickness_nm, index):
    """Return the share that a film without absorption on a thick plate throws back: the other way round the sums."""
    front, back = (1 - index) / (1 + index), (index - 1.52) / (index + 1.52)
    turn = complex(math.cos(p := 4 * math.pi * index * thickness_nm / wavelength_nm), math.sin(p))
    film = abs((front + back * turn) / (1 + front * back * turn)) ** 2
    plate = (0.52 / 2.52) ** 2
    return film + (1 - film) ** 2 * plate / (1 - film * plate)


@given(WAVELENGTHS, st.floats(0.0, 800.0), st.floats(1.0, 3.0))
def test_without_absorption_no_light_is_lost_or_made(wavelength, thickness, index):
    through = optics.stack_transmittance(wavelength, thickness, complex(index))
    assert 0.0 < through <= 1.0
    assert through + reflectance(wavelength, thickness, index) == pytest.approx(1.0, abs=1e-9)


@given(WAVELENGTHS, st.floats(0.0, 800.0), st.floats(1.0, 3.0), st.floats(0.0, 2.0))
def test_absorption_only_takes_away(wavelength, thickness, index, extinction):
    assert 0.0 <= optics.stack_transmittance(wavelength, thickness, complex(index, extinction)) <= 1.0


@given(WAVELENGTHS, st.floats(10.0, 600.0))
def test_no_film_lets_more_light_through_than_there_is(wavelength, thickness):
    assert 0.0 <= as_deposited(thickness).transmittance(wavelength) <= 1.0


def test_a_bare_plate_loses_what_fresnel_says():
    single = (0.52 / 2.52) ** 2
    expected = (1 - single) ** 2 / (1 - single**2)
    assert optics.stack_transmittance(550.0, 0.0, 1.9 + 0j) == pytest.approx(expected)


def test_a_film_of_glass_is_no_film():
    assert optics.stack_transmittance(550.0, 321.0, 1.52 + 0j) == pytest.approx(
        optics.stack_transmittance(550.0, 0.0, 1.9 + 0j)
    )


def test_a_half_wave_film_is_invisible_and_a_quarter_wave_one_is_not():
    bare = optics.stack_transmittance(550.0, 0.0, 2.0 + 0j)
    assert optics.stack_transmittance(550.0, 550.0 / 4.0, 2.0 + 0j) == pytest.approx(bare)
    assert optics.stack_transmittance(550.0, 550.0 / 8.0, 2.0 + 0j) < bare - 0.05


def test_roughness_scatters_short_waves_more():
    def lost(wavelength):
        smooth = optics.stack_transmittance(wavelength, 150.0, 2.0 + 0j)
        return 1.0 - optics.stack_transmittance(wavelength, 150.0, 2.0 + 0j, roughness_nm=10.0) / smooth

    assert lost(400.0) > lost(800.0) > 0.0


def test_the_gap_widens_with_the_electrons_as_burstein_and_moss_say():
    """Hamberg et al. (1984), fig. 3: 3.75 eV at low doping to about 4.5 eV near 1e21 per cm3."""
    gaps = [optics.gap_eV(n) for n in (1e19, 1e20, 5e20, 1e21)]
    assert gaps == sorted(gaps)
    assert 3.5 < gaps[0] < 3.8
    assert 4.0 < gaps[-1] < 4.7


def test_the_index_in_the_visible_is_that_of_ito_and_free_electrons_reflect_the_infrared():
    index = optics.refractive_index(550.0, 8e20, 40.0, 1e-4, 0.2)
    assert 1.75 < index.real < 2.1
    assert 0.0 < index.imag < 0.05
    infrared = optics.refractive_index(2500.0, 1.2e21, 40.0, 1e-4, 0.2)
    assert infrared.imag > infrared.real


def test_ultraviolet_is_absorbed():
    film = as_deposited(200.0)
    assert film.transmittance(310.0) < 0.3 < film.transmittance(450.0)


def test_electrons_come_from_vacancies_and_tin():
    assert transport.carrier_density_cm3(1e20, 0.0) == 2e20
    assert transport.carrier_density_cm3(0.0, 0.5) == pytest.approx(0.5 * transport.TIN_CM3)


def test_doubly_charged_donors_scatter_more():
    """The same electrons from tin move more freely than from vacancies."""
    tin = transport.ionised_impurity_mobility_cm2_Vs(1e18, 6e20 / transport.TIN_CM3)
    vacancies = transport.ionised_impurity_mobility_cm2_Vs(3e20, 0.0)
    assert tin > vacancies
    assert 10.0 < vacancies < tin < 150.0


def test_larger_grains_and_fewer_traps_let_electrons_pass():
    mobility = transport.grain_boundary_mobility_cm2_Vs
    assert mobility(5e20, 40.0, 3e13) == pytest.approx(2 * mobility(5e20, 20.0, 3e13))
    assert mobility(5e20, 20.0, 3e13) > mobility(5e20, 20.0, 6e13)
    assert mobility(5e20, 20.0, 3e13) > mobility(5e19, 20.0, 3e13)


def test_the_mobility_in_a_grain_stays_below_the_lattices():
    assert transport.grain_mobility_cm2_Vs(1e20, 0.3) < 150.0


def test_resistivity_is_one_over_e_n_mu():
    assert transport.resistivity_ohm_cm(1e21, 40.0) == pytest.approx(1.56e-4, rel=0.01)
