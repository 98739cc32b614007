"""Operations done to the simulated plant at once: its physics and its time, without instruments, wires and records.

A whole campaign passes in about a hundredth of the computing that engine, drivers and journal take, so that it can be
played with many seeds. How near this comes to the whole system is a test.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labctl.clock import Clock
from labctl.errors import LabError
from sim_devices.eurotherm3216 import SimEurotherm3216
from sim_devices.plant import Film, Line, SputterChamber, TubeFurnace
from sim_devices.plant.chamber import settled_Pa, wear_of
from sim_devices.plant.discharge import deposit_of
from sim_devices.sample_mover import MOVE_SPREAD, SimSampleMover

_ROUND_S, _READING_S = 0.4, 0.1
"""Exchanges on the wire around an operation, and one reading of a meter [s]."""
_LOOK_S = 10.0
"""How often a furnace is looked at [s]."""
_MOVER_LOOK_S, _ROUND_MOVE_S = 2.0, 0.1
"""How often the mover is looked at, and exchanges with it around a move [s]."""
_OUT_OF_RANGE_OHM = 1e8


@dataclass(frozen=True)
class SwiftStation:
    """What a station of the plant is."""

    places: int
    fittings: Mapping[str, float] = field(default_factory=dict)


class SwiftError(LabError):
    """An operation failed as it would on the instruments; its text is meant for a person."""


class SwiftPlant:
    """The simulated plant, driven directly.

    Args:
        clock: virtual; an operation sleeps on it as long as it takes.
        seed: of substrates, weather and how long things take.
        racks: places of each rack.
        stations: by name; the mover is none of them.
        move_s: carrying a sample takes about so long [s].
        mover: device that carries samples; with its name, moves take as long as those of its simulation.
        measure_s: a look-up in a table of measured recipes takes so long [s].
        rows: of that table.
        roughness_nm: of substrates by rack place [nm], where it is known.
    """

    def __init__(
        self,
        clock: Clock,
        seed: int,
        racks: Mapping[str, int],
        stations: Mapping[str, SwiftStation],
        *,
        move_s: float = 60.0,
        mover: str = "",
        measure_s: float = 600.0,
        rows: Sequence[Mapping[str, float]] = (),
        roughness_nm: Mapping[str, float] | None = None,
    ) -> None:
        self._clock, self._seed, self._stations = clock, seed, dict(stations)
        self._move_s, self._measure_s, self._rows = move_s, measure_s, tuple(rows)
        self.line = Line(clock, seed)
        for rack, n in racks.items():
            self.line.add_places(rack, n)
            self.line.load_substrates(rack, roughness_nm)
        self._places = {name: self.line.add_places(name, s.places) for name, s in stations.items()}
        self._chambers: dict[str, SputterChamber] = {}
        self._furnaces: dict[str, tuple[TubeFurnace, SimEurotherm3216]] = {}
        self._random, self._mover = random.Random(f"{seed}:swift"), SimSampleMover(clock, f"{seed}:{mover}", self.line)
        self._kinds: Mapping[str, Callable[..., dict[str, float]]] = {
            "transfer": self._transfer,
            "sputter": self._sputter,
            "anneal": self._anneal,
            "measure_sheet_resistance": self._measure_sheet_resistance,
            "measure_transmittance": self._measure_transmittance,
            "run_programme": self._run_programme,
            "look_up": self._look_up,
        }

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of operation that it can do."""
        return tuple(self._kinds)

    def do(self, kind: str, station: str, **parameters: Any) -> dict[str, float]:
        """Do an operation to the samples in a station, for as long as it takes; return what it would record.

        Args:
            kind: of the operation.
            station: its name.
            parameters: in the units that the operation declares.

        Raises:
            KeyError: it cannot do this kind.
            SwiftError: the operation fails.
            PlantError: a sample cannot be carried so.
        """
        return self._kinds[kind](station, **parameters)

    def _film(self, station: str) -> Film:
        film = self.line.sample_at(self._places[station][0])
        if film is None:
            raise SwiftError(f"{station} is empty")
        return film

    def _fitted(self, station: str, name: str, otherwise: float) -> float:
        return float(self._stations[station].fittings.get(name, otherwise))

    def _transfer(self, station: str, source: str, destination: str) -> dict[str, float]:
        takes_s = self._move_s * self._mover.random.uniform(*MOVE_SPREAD)
        self._clock.sleep(takes_s / 2)
        self.line.move(source, destination)
        self._clock.sleep(math.ceil(takes_s / _MOVER_LOOK_S) * _MOVER_LOOK_S - takes_s / 2 + _ROUND_MOVE_S)
        return {}

    def _sputter(
        self,
        station: str,
        power: float,
        thickness: float,
        argon_flow: float,
        oxygen_flow: float,
        presputter: float,
        settle: float,
        time_limit: float,
        **_: float,
    ) -> dict[str, float]:
        chamber = self._chambers.get(station)
        if chamber is None:
            used = self._fitted(station, "target_used", 2.0)
            chamber = self._chambers[station] = SputterChamber(self.line, self._places[station], used)
        chamber.advance()
        gases = chamber.argon_sccm, chamber.oxygen_sccm
        chamber.argon_sccm, chamber.oxygen_sccm = lambda now_s: argon_flow, lambda now_s: oxygen_flow
        self._clock.sleep(settle)
        chamber.advance()
        chamber.supplied_W = lambda now_s: power
        self._clock.sleep(presputter)
        chamber.advance()
        chamber.uncovered = lambda now_s: True
        total_Pa, oxygen_Pa = settled_Pa(argon_flow, oxygen_flow)
        rate = deposit_of(power, total_Pa, oxygen_Pa, wear_of(chamber.target_used_kWh)).rate_nm_s
        takes_s = math.ceil(thickness / rate)
        self._clock.sleep(min(takes_s, time_limit * 60.0))
        chamber.advance()
        chamber.supplied_W, chamber.uncovered = lambda now_s: 0.0, lambda now_s: False
        chamber.argon_sccm, chamber.oxygen_sccm = gases
        self._clock.sleep(_ROUND_S)
        if takes_s > time_limit * 60.0:
            raise SwiftError(f"not {thickness:g} nm within {time_limit:g} min")
        return {}

    def _anneal(
        self, station: str, temperature: float, ramp_rate: float, dwell: float, unload_below: float, **_: float
    ) -> dict[str, float]:
        if station not in self._furnaces:
            furnace = TubeFurnace(self.line, self._places[station], self._fitted(station, "oxygen", 0.21))
            self._furnaces[station] = (furnace, SimEurotherm3216(self._clock, f"{self._seed}:{station}", furnace))
        furnace, controller = self._furnaces[station]
        for address, value in ((2, temperature), (35, ramp_rate), (324, dwell)):
            controller.write_register(address, round(value * 10.0))
        controller.write_register(23, 0)
        controller.write_register(273, 0)
        controller.write_register(23, 1)
        self._clock.sleep(max(0.0, (temperature - furnace.wall_degC) / ramp_rate + dwell) * 60.0)
        while controller.read_register(23) == 1:
            self._clock.sleep(_LOOK_S)
        while controller.read_register(1) / 10.0 >= unload_below:
            self._clock.sleep(_LOOK_S)
        self._clock.sleep(_ROUND_S)
        return {}

    def _measure_sheet_resistance(
        self, station: str, current: float, compliance: float, n_readings: int, **_: float
    ) -> dict[str, float]:
        self._clock.sleep(_ROUND_S + n_readings * _READING_S)
        ohm = self._film(station).sheet_resistance_ohm
        closed = ohm < _OUT_OF_RANGE_OHM and ohm * math.log(2) / math.pi * current * 1e-3 < compliance
        return {"sheet_resistance": ohm if closed else 0.0, "sheet_resistance_error": 0.0, "valid": float(closed)}

    def _measure_transmittance(self, station: str, wavelength: float, n_readings: int, **_: float) -> dict[str, float]:
        self._clock.sleep(_ROUND_S + n_readings * _READING_S)
        return {"transmittance": self._film(station).transmittance(wavelength), "valid": 1.0}

    def _run_programme(self, station: str, level: float, duration: float, rest: float, **_: float) -> dict[str, float]:
        spread = self._fitted(station, "time_spread", 0.0)
        share = max(0.5, self._random.gauss(1.0, spread)) if spread else 1.0
        takes_s = (duration + rest) * 60.0 * share
        self._clock.sleep(math.ceil(takes_s / _LOOK_S) * _LOOK_S + _ROUND_S)
        return {"dose": level / 100.0 * duration / 60.0 * share}

    def _look_up(self, station: str, row: int, columns: str) -> dict[str, float]:
        self._clock.sleep(self._measure_s + _ROUND_S)
        return {column: float(self._rows[row][column]) for column in columns.split(";")} | {"valid": 1.0}
