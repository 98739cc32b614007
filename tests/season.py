"""A season of the simulated line: many samples over weeks, with influences that nobody set."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bluesky.utils import RunEngineInterrupted

from labctl.clock import VirtualClock
from labctl.engine import LabRunEngine, ScanIds
from labctl.lab import Lab, build_lab
from labctl.store import Store
from plans import OPERATIONS
from tests.laboratory import SCHEMAS, example_lab

HOUR_S = 3600.0
BEGIN = 1_777_000_000.0
"""In April 2026 [s since 1970-01-01 UTC]: the calibrations in the lab file are in force."""
RANGES = {
    "power": (40.0, 40.0, "W"),
    "thickness": (70.0, 80.0, "nm"),
    "oxygen_flow": (0.28, 0.32, "sccm"),
    "temperature": (250.0, 260.0, "degC"),
    "ramp_rate": (14.0, 16.0, "K/min"),
    "dwell": (20.0, 20.0, "min"),
}
"""What is asked, lowest and highest: a low-temperature process, whose films feel air, wear and overshoot."""
DIGITS = {"W": 0, "nm": 1, "sccm": 2, "degC": 1, "K/min": 1, "min": 1}
"""Decimal places that the instruments take."""
SPUTTER = ("power", "thickness", "oxygen_flow")


@dataclass
class Season:
    """What varies besides the recipe."""

    n: int = 60
    """Samples."""
    seed: int = 1
    n_per_target: int = 6
    """Samples before another target is mounted; how worn it is then is drawn by chance."""
    idle_h: tuple[float, float] = (2.0, 9.0)
    """Shortest and longest wait between film and furnace [h]."""
    detuned: float = 2.0
    """By what the gain of the furnaces' loops is divided at most; it changes every day or two. 1 leaves it as it is."""
    others_kWh: float = 0.15
    """What other people use of the target between two samples at most [kWh]."""
    recipe_varies: bool = True


def record_season(folder: Path, season: Season) -> None:
    """Record samples ``S-001`` ... into a new store."""
    chance = random.Random(f"{season.seed}:season")
    clock = VirtualClock(BEGIN, stall_s=120)
    numbers = iter(range(1, season.n + 1))
    files = [_lab_file(season, chance, chance.uniform(0.5, 14.0)) for _ in range(-(-season.n // season.n_per_target))]
    with Store.open(folder) as store:
        for file in files:
            lab = build_lab(file, clock, SCHEMAS, seed=season.seed)
            engine = LabRunEngine(clock, {**lab.metadata.model_dump(), "station": "bench"}, ScanIds(), store.journal)
            line = _Line(lab, engine)
            for number in itertools.islice(numbers, season.n_per_target):
                line.make(f"S-{number:03}", chance, season)
            engine.close()
            lab.close()
    clock.close()


def _lab_file(season: Season, chance: random.Random, used_kWh: float) -> Any:
    faults = []
    if season.detuned > 1.0:
        for furnace in ("furnace_a_control", "furnace_b_control"):
            start = 0.0
            while start < 40 * 24 * HOUR_S:
                lasts = chance.uniform(20.0, 60.0) * HOUR_S
                amount = season.detuned ** chance.uniform(-1.0, 1.0)
                about = {"device": furnace, "kind": "detuned", "start": start, "duration": lasts, "amount": amount}
                faults.append(about)
                start += lasts
    file = example_lab(faults)
    chamber = file.stations["sputter"]
    fittings = {**chamber.fittings, "target_used": f"{used_kWh:.2f} kWh"}
    return file.model_copy(
        update={"stations": {**file.stations, "sputter": chamber.model_copy(update={"fittings": fittings})}}
    )


class _Line:
    """A person at the simulated line."""

    def __init__(self, lab: Lab, engine: LabRunEngine) -> None:
        self.lab, self.engine, self._rack = lab, engine, 0
        assert lab.plant is not None
        self.line = lab.plant.line

    def make(self, sample: str, chance: random.Random, season: Season) -> None:
        """Make and measure one sample; somebody else may use the chamber before."""
        asked = {
            name: (chance.uniform(low, high) if season.recipe_varies else (low + high) / 2, unit)
            for name, (low, high, unit) in RANGES.items()
        }
        told = {name: f"{value:.{DIGITS[unit]}f} {unit}" for name, (value, unit) in asked.items()}
        self._rack = int(sample.rpartition("-")[2])
        if season.others_kWh and chance.random() < 0.4:
            self._coat_for_others(chance.uniform(0.1, 1.0) * season.others_kWh)
        here = self.move(f"rack.{self._rack}", "sputter.1")
        film = {name: told[name] for name in SPUTTER}
        self.do("sputter", "sputter", [sample], argon_flow="20 sccm", monitor_period="30 s", **film)
        here = self.move(here, f"rack.{self._rack}")
        self.wait(chance.uniform(*season.idle_h))
        furnace = chance.choice(["furnace_a", "furnace_b"])
        here = self.move(here, f"{furnace}.1")
        heat = {name: value for name, value in told.items() if name not in SPUTTER}
        self.do("anneal", furnace, [sample], monitor_period="30 s", **heat)
        here = self.move(here, f"rack.{self._rack}")
        self.wait(chance.uniform(0.1, 3.0))
        here = self.move(here, "probe.1")
        self.do("measure_sheet_resistance", "probe", [sample], current="1 mA")
        here = self.move(here, "photometer.1")
        self.do("measure_transmittance", "photometer", [sample], wavelength="550 nm")
        self.move(here, f"rack.{self._rack}")

    def _coat_for_others(self, energy_kWh: float) -> None:
        minutes = energy_kWh * 60 / 0.25
        asked = {"power": "250 W", "thickness": "5000 nm", "argon_flow": "20 sccm", "oxygen_flow": "0.3 sccm"}
        limit = {"time_limit": f"{minutes:.1f} min", "monitor_period": "120 s"}
        self.do("sputter", "sputter", ["other"], **asked, **limit)

    def wait(self, hours: float) -> None:
        with self.engine.clock.held():
            self.engine.clock.sleep(hours * HOUR_S)

    def move(self, source: str, destination: str) -> str:
        self.line.move(source, destination)
        return destination

    def do(self, kind: str, station: str, samples: Sequence[str], **parameters: Any) -> None:
        about = self.lab.stations[station]
        md: Mapping[str, Any] = {
            "station": station,
            "fittings": dict(about.fittings),
            "locations": [f"{station}.1" for _ in samples],
            "substrates": {sample: dict(self.lab.substrates.get(f"rack.{self._rack}", {})) for sample in samples},
        }
        rest = {"baseline": self.lab.ambient, "events": about.events, "md": md}
        with suppress(Exception, RunEngineInterrupted):
            self.engine(OPERATIONS[kind](*about.operations[kind], list(samples), **rest, **parameters))
