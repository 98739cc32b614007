"""How well a tin-doped indium oxide film conducts."""

from __future__ import annotations

import math

_E, _H, _K, _EPS0, _M0 = 1.602176634e-19, 6.62607015e-34, 1.380649e-23, 8.8541878128e-12, 9.1093837015e-31
EFFECTIVE_MASS_KG = 0.35 * _M0
"""Conduction-electron mass [kg], 0.35 m0: Hamberg and Granqvist, J. Appl. Phys. 60 (1986) R123."""
_EPS = 8.9 * _EPS0  # static permittivity of In2O3, ibid.
ROOM_K, _TUNNEL_K = 295.0, 200.0
"""Temperature at which films are measured unless told otherwise [K]."""
_LATTICE_CM2_VS = 150.0  # order of the best In2O3 single crystals

TIN_CM3 = 1.5e21
"""Tin that can become a donor [1/cm3]; a target with 10 wt% SnO2 holds about twice as much tin."""
_NEUTRAL_TIN_CHARGE2 = 0.30  # invented: scattering of tin that gave no electron, in units of a single charge squared


def carrier_density_cm3(vacancies_cm3: float, tin_activation: float) -> float:
    """Return the electron density [1/cm3]: two from an oxygen vacancy, one from an active tin.

    Source: Frank and Koestlin, Appl. Phys. A 27 (1982) 197.

    Args:
        vacancies_cm3: doubly ionised oxygen vacancies [1/cm3].
        tin_activation: share of `TIN_CM3` that gives an electron, 0 to 1.
    """
    return 2.0 * vacancies_cm3 + tin_activation * TIN_CM3


def ionised_impurity_mobility_cm2_Vs(vacancies_cm3: float, tin_activation: float) -> float:
    """Return the mobility limited by charged donors [cm2/(V s)].

    Brooks-Herring-Dingle for a degenerate, parabolic band: Dingle, Phil. Mag. 46 (1955) 831, as
    given by Ellmer, J. Phys. D 34 (2001) 3097. A scatterer counts with its charge squared.

    Args:
        vacancies_cm3: doubly ionised oxygen vacancies [1/cm3].
        tin_activation: share of tin that gives an electron, 0 to 1.
    """
    n = carrier_density_cm3(vacancies_cm3, tin_activation)
    charge2 = 4.0 * vacancies_cm3 + TIN_CM3 * (tin_activation + _NEUTRAL_TIN_CHARGE2 * (1.0 - tin_activation))
    xi = (3 * math.pi**2) ** (1 / 3) * _EPS * _H**2 * (n * 1e6) ** (1 / 3) / (EFFECTIVE_MASS_KG * _E**2)
    screening = math.log1p(xi) - xi / (1.0 + xi)
    return 1e4 * 3 * _EPS**2 * _H**3 / (EFFECTIVE_MASS_KG**2 * _E**3) * n / charge2 / screening


def grain_boundary_mobility_cm2_Vs(
    carriers_cm3: float, grain_nm: float, traps_cm2: float, kelvin: float = ROOM_K
) -> float:
    """Return the mobility limited by barriers between grains [cm2/(V s)].

    Thermionic emission over the barrier e^2 N^2 / (8 eps n): Seto, J. Appl. Phys. 46 (1975) 5247,
    eqs. 7 and 14. In the cold electrons tunnel, too: there the barrier feels a temperature that tends to 165 K
    (invented).

    Args:
        carriers_cm3: electron density [1/cm3].
        grain_nm: grain size [nm].
        traps_cm2: filled traps on a boundary [1/cm2].
        kelvin: temperature [K].
    """
    kelvin = ROOM_K * math.sqrt((kelvin**2 + _TUNNEL_K**2) / (ROOM_K**2 + _TUNNEL_K**2))
    barrier_J = _E**2 * (traps_cm2 * 1e4) ** 2 / (8 * _EPS * carriers_cm3 * 1e6)
    free = _E * grain_nm * 1e-9 / math.sqrt(2 * math.pi * EFFECTIVE_MASS_KG * _K * kelvin)
    return 1e4 * free * math.exp(-barrier_J / (_K * kelvin))


def grain_mobility_cm2_Vs(vacancies_cm3: float, tin_activation: float, kelvin: float = ROOM_K) -> float:
    """Return the mobility inside a grain [cm2/(V s)]: charged donors and lattice, by Matthiessen's rule.

    The lattice scatters in proportion to the temperature, charged donors in a degenerate band the same at all:
    Ellmer, J. Phys. D 34 (2001) 3097.

    Args:
        vacancies_cm3: doubly ionised oxygen vacancies [1/cm3].
        tin_activation: share of tin that gives an electron, 0 to 1.
        kelvin: temperature [K], above 0.
    """
    lattice = _LATTICE_CM2_VS * (ROOM_K / kelvin)
    return 1.0 / (1.0 / lattice + 1.0 / ionised_impurity_mobility_cm2_Vs(vacancies_cm3, tin_activation))


def resistivity_ohm_cm(carriers_cm3: float, mobility_cm2_Vs: float) -> float:
    """Return the resistivity 1/(e n mu) [ohm cm]."""
    return 1.0 / (_E * carriers_cm3 * mobility_cm2_Vs)
