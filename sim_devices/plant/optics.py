"""How much light a tin-doped indium oxide film on glass lets through."""

from __future__ import annotations

import cmath
import math

from sim_devices.plant.transport import EFFECTIVE_MASS_KG

_E, _HBAR, _EPS0, _C, _M0 = 1.602176634e-19, 1.054571817e-34, 8.8541878128e-12, 2.99792458e8, 9.1093837015e-31
_EV_NM = 1239.841984
_GLASS_INDEX = 1.52
_BACKGROUND, _UV_STRENGTH, _UV_NM = 2.20, 1.85, 230.0  # Sellmeier; invented: index 1.9 to 2.1 at 550 nm
_GAP_EV = 3.53  # optical gap at low doping: Hamberg et al., Phys. Rev. B 30 (1984) 3240
_REDUCED_MASS_KG = 0.55 * _M0  # ibid., conduction and valence band together
_EDGE_PER_NM = 0.02  # invented: absorption where the photon has the gap's energy


def gap_eV(carriers_cm3: float) -> float:
    """Return the optical gap [eV], widened by the filled band: Burstein-Moss.

    Source: Hamberg et al., Phys. Rev. B 30 (1984) 3240: hbar^2 (3 pi^2 n)^(2/3) / (2 m_vc), with a
    heavier reduced mass that stands for the narrowing by electron-electron scattering.
    """
    return _GAP_EV + _HBAR**2 * (3 * math.pi**2 * carriers_cm3 * 1e6) ** (2 / 3) / (2 * _REDUCED_MASS_KG) / _E


def refractive_index(
    wavelength_nm: float, carriers_cm3: float, mobility_cm2_Vs: float, absorption_per_nm: float, tail_eV: float
) -> complex:
    """Return the complex refractive index n + ik of the film.

    A Sellmeier term for the bound electrons, Drude's for the free ones (Hamberg and Granqvist,
    J. Appl. Phys. 60 (1986) R123), an Urbach tail below the gap and a flat defect absorption.

    Args:
        wavelength_nm: vacuum wavelength [nm], 300 to 2500.
        carriers_cm3: electron density [1/cm3].
        mobility_cm2_Vs: mobility inside a grain [cm2/(V s)]; light does not feel the boundaries.
        absorption_per_nm: defect absorption coefficient at 550 nm [1/nm].
        tail_eV: width of the Urbach tail [eV].
    """
    omega = 2 * math.pi * _C / (wavelength_nm * 1e-9)
    plasma2 = carriers_cm3 * 1e6 * _E**2 / (_EPS0 * EFFECTIVE_MASS_KG)
    damping = _E / (EFFECTIVE_MASS_KG * mobility_cm2_Vs * 1e-4)
    bound = _BACKGROUND + _UV_STRENGTH * wavelength_nm**2 / (wavelength_nm**2 - _UV_NM**2)
    index = cmath.sqrt(bound - plasma2 / (omega * (omega + 1j * damping)))
    below_gap_eV = min(0.0, _EV_NM / wavelength_nm - gap_eV(carriers_cm3))
    alpha = absorption_per_nm * (550.0 / wavelength_nm) ** 2 + _EDGE_PER_NM * math.exp(below_gap_eV / tail_eV)
    return index + 1j * alpha * wavelength_nm / (4 * math.pi)


def stack_transmittance(wavelength_nm: float, thickness_nm: float, index: complex, roughness_nm: float = 0.0) -> float:
    """Return the share of light, at normal incidence, through a film on a thick glass plate.

    Coherent in the film, incoherent in the glass: Heavens, Optical Properties of Thin Solid Films
    (1955), ch. 4; Swanepoel, J. Phys. E 16 (1983) 1214. Scattering at the rough surface after
    Bennett and Porteus, J. Opt. Soc. Am. 51 (1961) 123.

    Args:
        wavelength_nm: vacuum wavelength [nm].
        thickness_nm: film thickness [nm]; 0 gives the bare plate.
        index: n + ik of the film.
        roughness_nm: height of the surface's roughness, root mean square [nm].
    """
    front, back = (1 - index) / (1 + index), (index - _GLASS_INDEX) / (index + _GLASS_INDEX)
    turn = cmath.exp(2j * math.pi * index * thickness_nm / wavelength_nm)
    echo = 1 + front * back * turn**2
    through = (2 / (1 + index)) * (2 * index / (index + _GLASS_INDEX)) * turn / echo
    into_glass = _GLASS_INDEX * abs(through) ** 2
    seen_from_glass = abs((-back - front * turn**2) / echo) ** 2
    plate = ((_GLASS_INDEX - 1) / (_GLASS_INDEX + 1)) ** 2
    haze = math.exp(-((2 * math.pi * roughness_nm * (index.real - 1) / wavelength_nm) ** 2))
    return haze * into_glass * (1 - plate) / (1 - plate * seen_from_glass)
