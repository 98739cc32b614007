"""One sample: a film on glass, what it is and what heat, air and plasma make of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sim_devices.plant import optics, transport

_R = 8.314462618  # J/(mol K)
_KELVIN = 273.15
_LAG_S = 45.0  # invented: a 1 mm glass plate follows the tube's wall
_FROZEN_DEGC = 60.0  # below this every rate here is under 1e-9 of its value at 400 degC
_FRAGILE_DEGC, _SOFT_DEGC = 150.0, 560.0  # soda-lime glass softens near 560 degC (Scholze, Glass, 1991)
_STRESS_S = 60.0
_SOURCE_MM = 80.0

GRAIN_EXPONENT = 3.0
"""n in d(G^n)/dt = k0 exp(-Ea/RT): Burke and Turnbull, Prog. Metal Phys. 3 (1952) 220."""
GRAIN_K0, GRAIN_EA = 1.2e7, 80e3
"""Grain growth: k0 [nm^n/s] and activation energy [J/mol], invented to give 30 nm in 1 h at 400 degC."""

# Arrhenius rates k0 [1/s] and Ea [J/mol], invented for the simulation; what they give is said beside them.
_OXYGEN = (3.0e4, 106e3)  # 100 min at 400 degC, 150 nm
_TIN = (5.0e3, 76e3)  # 25 min at 300 degC
_HEAL = (2.0e3, 75e3)
_DRY = (2.0e1, 33e3)  # 5 min at 150 degC
_TRAP = (8.0e4, 76e3)  # catches up with drying near 350 degC


@dataclass(slots=True)
class Film:
    """A film of tin-doped indium oxide on soda-lime glass; a bare plate until something is deposited.

    State changes only through `deposit`, `expose` and `heat`.
    """

    serial: str = ""
    """Name of the substrate, for messages."""
    roughness_nm: float = 1.0
    """Roughness of the glass, root mean square [nm]; differs a little between substrates."""
    thickness_nm: float = 0.0
    """Thickness [nm]."""
    vacancies_cm3: float = 0.0
    """Doubly ionised oxygen vacancies [1/cm3]: the film's lack of oxygen."""
    tin_activation: float = 0.0
    """Share of the tin that gives an electron, 0 to 1."""
    grain_nm: float = 0.0
    """Grain size [nm]."""
    disorder: float = 0.0
    """Damage by fast ions, pores and foreign gas; 0 is perfect, 1 is bad."""
    water: float = 0.0
    """Water taken from air, share of a full load, 0 to 1."""
    hydroxyl: float = 0.0
    """Water that crystallisation locked between the grains, same scale; it never leaves."""
    temperature_degC: float = 22.0
    """Temperature of the sample [degC]."""
    peak_degC: float = 22.0
    """Highest temperature so far [degC]."""
    peak_heating_K_min: float = 0.0
    """Fastest heating so far, above 150 degC [K/min]."""
    peak_cooling_K_min: float = 0.0
    """Fastest cooling so far, above 150 degC [K/min], positive."""
    peak_stress: float = 0.0
    """Highest thermal stress so far, as a share of what cracks the film."""
    failure: str = ""
    """Why the film is cracked or has come off; empty when it is whole."""
    _ramp_K_min: float = field(default=0.0, repr=False)

    # What is done to it.

    def deposit(
        self,
        thickness_nm: float,
        *,
        vacancies_cm3: float,
        grain_nm: float,
        disorder: float,
        tin_activation: float = 0.05,
    ) -> None:
        """Grow the film; its state becomes the mean over the old and the new thickness.

        Args:
            thickness_nm: what is added [nm], > 0.
            vacancies_cm3: oxygen vacancies in it [1/cm3].
            grain_nm: its grain size [nm].
            disorder: its disorder, 0 to about 2.
            tin_activation: its share of active tin, 0 to 1.
        """
        self.thickness_nm += thickness_nm
        share = thickness_nm / self.thickness_nm
        self.vacancies_cm3 += (vacancies_cm3 - self.vacancies_cm3) * share
        self.grain_nm += (grain_nm - self.grain_nm) * share
        self.disorder += (disorder - self.disorder) * share
        self.tin_activation += (tin_activation - self.tin_activation) * share
        self.water -= self.water * share

    def expose(self, duration_s: float, relative_humidity_pct: float) -> None:
        """Let the film stand in air: it takes up water, a disordered film fast, a grown one hardly.

        Invented for the simulation: first order towards the humidity, 3 h for fresh film.

        Args:
            duration_s: time in air [s], short against an hour.
            relative_humidity_pct: humidity of the air [%].
        """
        if self.thickness_nm == 0.0:
            return
        rate = (0.3 + self.disorder) * min(1.0, 10.0 / self.grain_nm) ** 2 / 10_800.0
        self.water += (relative_humidity_pct / 100.0 - self.water) * rate * duration_s / (1.0 + rate * duration_s)

    def rest(self, temperature_degC: float) -> None:
        """Take the temperature of still surroundings [degC] that change too slowly to matter."""
        self.temperature_degC, self._ramp_K_min = temperature_degC, 0.0

    def heat(self, duration_s: float, surroundings_degC: float, oxygen_fraction: float) -> None:
        """Advance by one short time in a furnace or in air.

        Grain growth, oxygen exchange, tin activation, healing, drying and cracking all follow the
        sample's own temperature, which lags behind the surroundings by 45 s. Oxygen tends to
        N = A exp(-E/RT) p^(-1/6) (Kroeger, Chemistry of Imperfect Crystals, 1964, for doubly
        ionised vacancies that set the electron density). A film cracks when the stress, the ramp
        smoothed over 60 s, exceeds a limit that falls with the root of the thickness (Griffith:
        Hutchinson and Suo, Adv. Appl. Mech. 29 (1992) 63, eq. 3.9). All numbers are invented.

        Args:
            duration_s: step [s], 60 or less.
            surroundings_degC: temperature of the tube or the air [degC].
            oxygen_fraction: oxygen in the gas at atmospheric pressure, 0 to 1.
        """
        before = self.temperature_degC
        now = self.temperature_degC = before + (surroundings_degC - before) * duration_s / (duration_s + _LAG_S)
        if now > self.peak_degC:
            self.peak_degC = now
        ramp = (now - before) / duration_s * 60.0
        self._ramp_K_min += (ramp - self._ramp_K_min) * duration_s / (duration_s + _STRESS_S)
        if self.thickness_nm == 0.0 or (now < _FROZEN_DEGC and before < _FRAGILE_DEGC):
            return
        if before > _FRAGILE_DEGC or now > _FRAGILE_DEGC:
            self._strain(now)
        self._react(duration_s, now + _KELVIN, max(oxygen_fraction, 1e-5))

    def _strain(self, temperature_degC: float) -> None:
        ramp = self._ramp_K_min
        self.peak_heating_K_min = max(self.peak_heating_K_min, ramp)
        self.peak_cooling_K_min = max(self.peak_cooling_K_min, -ramp)
        limit = self.crack_limit_K_min
        self.peak_stress = max(self.peak_stress, abs(ramp) / limit)
        if self.failure:
            return
        if abs(ramp) > limit:
            self.failure = f"cracked: {ramp:+.1f} K/min at {temperature_degC:.0f} degC, limit {limit:.1f} K/min"
        elif temperature_degC > _SOFT_DEGC:
            self.failure = f"delaminated: glass softened at {temperature_degC:.0f} degC, limit {_SOFT_DEGC:.0f} degC"

    def _react(self, duration_s: float, kelvin: float, oxygen: float) -> None:
        exp, rt = math.exp, _R * kelvin

        def share(rate: tuple[float, float], factor: float = 1.0) -> float:
            # Implicit Euler for a first-order approach: stable whatever the rate.
            advance = rate[0] * factor * exp(-rate[1] / rt) * duration_s
            return advance / (1.0 + advance)

        grown = self.grain_nm**GRAIN_EXPONENT + GRAIN_K0 * exp(-GRAIN_EA / rt) * duration_s
        self.grain_nm = grown ** (1.0 / GRAIN_EXPONENT)
        self.vacancies_cm3 += (equilibrium_vacancies_cm3(kelvin, oxygen) - self.vacancies_cm3) * share(
            _OXYGEN, 150.0 / self.thickness_nm
        )
        self.tin_activation += (equilibrium_activation(kelvin, oxygen) - self.tin_activation) * share(_TIN)
        self.disorder -= self.disorder * share(_HEAL)
        if self.water > 1e-6:
            trapped = self.water * share(_TRAP)
            self.hydroxyl += trapped
            self.water -= trapped
            self.water -= self.water * share(_DRY)

    # What it is.

    @property
    def crack_limit_K_min(self) -> float:
        """Ramp [K/min] that cracks the film above 150 degC: 20 at 150 nm, 14 at 300 nm."""
        return 20.0 * math.sqrt(150.0 / max(self.thickness_nm, 1.0))

    @property
    def is_whole(self) -> bool:
        """Whether there is a film, neither cracked nor come off."""
        return self.thickness_nm > 0.0 and not self.failure

    @property
    def carriers_cm3(self) -> float:
        """Electron density [1/cm3]."""
        return transport.carrier_density_cm3(self.vacancies_cm3, self.tin_activation)

    @property
    def mobility_cm2_Vs(self) -> float:
        """Electron mobility at room temperature [cm2/(V s)]."""
        return self._mobility_cm2_Vs(transport.ROOM_K)

    def _mobility_cm2_Vs(self, kelvin: float) -> float:
        """Return the mobility inside the grains and across their boundaries, by Matthiessen's rule."""
        inside = transport.grain_mobility_cm2_Vs(self.vacancies_cm3, self.tin_activation, kelvin)
        traps_cm2 = 2.6e13 * (1.0 + 0.35 * self.disorder + 0.6 * self.hydroxyl)  # invented
        across = transport.grain_boundary_mobility_cm2_Vs(self.carriers_cm3, self.grain_nm, traps_cm2, kelvin)
        return 1.0 / (1.0 / inside + 1.0 / across)

    @property
    def sheet_resistance_ohm(self) -> float:
        """Sheet resistance in the middle, at room temperature [ohm per square]; infinite without a whole film."""
        return self.sheet_resistance_at()

    def sheet_resistance_at(self, radius_mm: float = 0.0, kelvin: float = transport.ROOM_K) -> float:
        """Return the sheet resistance [ohm per square]; infinite without a whole film.

        A dead layer on rough glass does not conduct; hair cracks appear from 70 % of the stress
        that breaks the film (both invented).

        Args:
            radius_mm: distance from the middle of the sample [mm], where the film is thinner.
            kelvin: temperature [K], above 0.
        """
        conducting_nm = self.thickness_nm * evenness(radius_mm) - 3.0 - 2.0 * self.roughness_nm
        if not self.is_whole or conducting_nm <= 0.0:
            return math.inf
        hair_cracks = 1.0 + 12.0 * max(0.0, self.peak_stress - 0.7) ** 2
        rho = transport.resistivity_ohm_cm(self.carriers_cm3, self._mobility_cm2_Vs(kelvin))
        return rho / (conducting_nm * 1e-7) * hair_cracks

    def transmittance(self, wavelength_nm: float) -> float:
        """Return the share of light let through at normal incidence by film and glass, 0 to 1.

        Args:
            wavelength_nm: vacuum wavelength [nm], 300 to 2500.
        """
        if self.thickness_nm == 0.0 or self.failure.startswith("delaminated"):
            return optics.stack_transmittance(wavelength_nm, 0.0, 1.52 + 0j)
        inside = transport.grain_mobility_cm2_Vs(self.vacancies_cm3, self.tin_activation)
        lack = self.vacancies_cm3 / 1e20
        absorption_per_nm = 1.0e-4 + 1.5e-4 * self.disorder + 4.0e-5 * lack**1.5  # invented
        tail_eV = 0.20 + 0.05 * self.disorder  # invented
        index = optics.refractive_index(wavelength_nm, self.carriers_cm3, inside, absorption_per_nm, tail_eV)
        rough_nm = self.roughness_nm + 0.05 * self.grain_nm  # invented
        return optics.stack_transmittance(wavelength_nm, self.thickness_nm, index, rough_nm)

    @property
    def figure_of_merit(self) -> float:
        """T(550 nm)^10 / Rs [1/ohm]: Haacke, J. Appl. Phys. 47 (1976) 4086, eq. 3; 0 without a whole film."""
        return self.transmittance(550.0) ** 10 / self.sheet_resistance_ohm


def evenness(radius_mm: float) -> float:
    """Return how thick a film is at a distance from the middle of its sample [mm], as a share of the middle.

    A small source that faces the plate: L. Holland, Vacuum Deposition of Thin Films (1956), chapter 5; its distance
    of 80 mm is invented.
    """
    return float((1.0 + (radius_mm / _SOURCE_MM) ** 2) ** -2)


def equilibrium_vacancies_cm3(kelvin: float, oxygen_fraction: float) -> float:
    """Return the oxygen vacancies that heat would leave in the end [1/cm3], see `Film.heat`."""
    return 6.0e20 * math.exp(-20e3 / (_R * kelvin)) * float(oxygen_fraction ** (-1.0 / 6.0))


def equilibrium_activation(kelvin: float, oxygen_fraction: float) -> float:
    """Return the share of tin that heat would activate in the end, 0 to 1.

    Oxygen binds tin in neutral pairs (Frank and Koestlin, Appl. Phys. A 27 (1982) 197); hot tin
    leaves for the grain boundaries. The numbers are invented.
    """
    bound = 0.25 * float(oxygen_fraction**0.25)
    lost = math.exp(-(45e3 / _R) * (1.0 / kelvin - 1.0 / 740.0))
    return 0.55 / (1.0 + bound + lost)
