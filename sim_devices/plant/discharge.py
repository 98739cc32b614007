"""What a magnetron discharge on an indium tin oxide target puts on a substrate."""

from __future__ import annotations

import math
from dataclasses import dataclass

_E, _K, _O2_KG = 1.602176634e-19, 1.380649e-23, 5.3133e-26
_TARGET_M2 = 4.56e-3  # 76 mm target
_GAS_K = 300.0
_INDIUM_M3 = 3.07e28  # cations in In2O3: 7.12 g/cm3
_RATE_NM_S_W = 1.9e-3  # invented: 0.17 nm/s at 100 W and 0.5 Pa

# Thornton, J. Vac. Sci. Technol. 15 (1978) 171: I = k V^n; n = 9, and k such that 100 W is 320 V.
_EXPONENT = 9.0
_CONDUCTANCE = 100.0 / 320.0 ** (_EXPONENT + 1.0)


@dataclass(frozen=True, slots=True)
class Deposit:
    """What a steady discharge gives."""

    voltage_V: float
    """Discharge voltage [V]."""
    current_A: float
    """Discharge current [A]."""
    poisoning: float
    """Share of the target under chemisorbed oxygen, 0 to 1."""
    rate_nm_s: float
    """Growth at the quartz monitor [nm/s]."""
    vacancies_cm3: float
    """Oxygen vacancies in the growing film [1/cm3]."""
    grain_nm: float
    """Grain size of the growing film [nm]."""
    disorder: float
    """Disorder of the growing film, 0 to about 2."""


def deposit_of(power_W: float, pressure_Pa: float, oxygen_Pa: float, erosion: float = 0.0) -> Deposit:
    """Return what a steady discharge deposits.

    Poisoning is the target balance of Berg and Nyberg, Thin Solid Films 476 (2005) 215, eq. 1, with
    the oxygen flux of Hertz and Knudsen. Transport through the gas is Keller and Simmons, IBM J.
    Res. Dev. 23 (1979) 24. The voltage falls as a worn target moves closer to its magnets. Fast
    negative ions at high voltage damage the film (Ishibashi et al., J. Vac. Sci. Technol. A 8
    (1990) 1403); slow growth builds in pores and foreign gas. All numbers are invented.

    Args:
        power_W: discharge power [W], > 0.
        pressure_Pa: total pressure [Pa], > 0.
        oxygen_Pa: partial pressure of oxygen [Pa].
        erosion: worn share of the target, 0 to 1.
    """
    unpoisoned_V = (power_W / _CONDUCTANCE) ** (1.0 / (_EXPONENT + 1.0)) * (pressure_Pa / 0.5) ** -0.08
    unpoisoned_V *= 1.0 - 0.15 * erosion
    oxygen_flux = oxygen_Pa / math.sqrt(2 * math.pi * _K * _GAS_K * _O2_KG)
    ion_flux = power_W / unpoisoned_V / _TARGET_M2 / _E
    poisoning = 0.05 * oxygen_flux / (0.05 * oxygen_flux + 0.3 * ion_flux)
    voltage_V = unpoisoned_V * (1.0 + 0.10 * poisoning)
    path = pressure_Pa / 1.5
    rate_nm_s = _RATE_NM_S_W * power_W * -math.expm1(-path) / path * (1.0 - 0.6 * poisoning)
    supply = oxygen_flux / (rate_nm_s * 1e-9 * _INDIUM_M3)
    fast_ions = max(0.0, voltage_V - 310.0) / 50.0
    pores = math.exp(-rate_nm_s / 0.10) + 0.25 * (pressure_Pa / 2.0) ** 2
    return Deposit(
        voltage_V=voltage_V,
        current_A=power_W / voltage_V,
        poisoning=poisoning,
        rate_nm_s=rate_nm_s,
        vacancies_cm3=8e20 * math.exp(-supply / 45.0) + 0.3e20,
        grain_nm=9.0 / (1.0 + 0.3 * fast_ions**2 + 0.5 * pores),
        disorder=0.35 + 0.9 * pores + 0.6 * fast_ions**2,
    )


def film_to_monitor_ratio(target_used_kWh: float) -> float:
    """Return film thickness over quartz-monitor thickness.

    A worn race track throws narrower (invented): +1.75 %/kWh at first, +35 % at most.
    """
    return 1.0 - 0.35 * math.expm1(-target_used_kWh / 20.0)
