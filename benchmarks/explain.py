"""How often `labctl records explain` finds what mattered, and how often it names what did not."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # the season is the tests'

import numpy as np
from _films import covered
from figures import Report, main, watch

N_SAMPLES, N_SEEDS = 50, 20
OURS = "sample ~ S-"
HIDDEN = {
    "overshoot of the furnace": ("anneal.furnace.temperature",),
    "erosion of the target": ("wear.sputter.target",),
    "humidity of the room": ("room_humidity",),
    "waiting before the furnace": ("idle_before.anneal",),
    "roughness of the glass": ("substrate.roughness_nm",),
}
"""What changes the resistance besides the recipe, by the quantity or signal that tells it."""
STRONG = {"overshoot of the furnace": ">= 95", "erosion of the target": ">= 95"}
"""What these have to be found in: they change the resistance by 5 to 15 %, the others by 1 to 2 %."""
EFFECTS = (
    *("sputter.magnetron_voltage", "sputter.magnetron_current"),  # of the wear
    *("sputter.quartz_rate", "duration.sputter"),  # of the recipe
    *("anneal.furnace.heater_power", "anneal.furnace.working_setpoint", "duration.anneal"),  # of the overshoot
)
"""What follows from the recipe or from an influence: no decoy, and no find."""
DECOYS = ("decoy.random", "decoy.trend", "decoy.walk", "decoy.pressure", "decoy.days")


def measure(report: Report, quick: bool) -> None:
    """Explain the sheet resistance of recorded seasons of the simulated line, one for each seed.

    A season is 50 samples over three weeks (`tests/season.py`): three parameters of the recipe vary by some per cent,
    targets of different wear are mounted, other people sputter, the furnaces' loops change, the weather comes and goes.
    To what was recorded, five decoys are added: noise, a clock, a random walk, a pressure of the air that nobody
    recorded with a noisy barometer, and a sine of some days. Recorded quantities that the physics of the simulation do
    not use (argon's line pressure, the pump's pressure, the temperature of the room...) are decoys too.

    For the intervals, films are computed straight from the physics, where the true effect can be computed too.

    An influence is found when it has the verdict `explains`, or is named among those that cannot be told apart.

    `--keep DIR` keeps the seasons there, and takes up those that are there already.
    """
    from labctl.records import explain
    from tests.season import Season, record_season

    n_seeds, n_samples = (1, 30) if quick else (N_SEEDS, N_SAMPLES)
    counted = Counted(n_seeds)
    with tempfile.TemporaryDirectory() as made:
        folder = kept or Path(made)
        for seed in range(1, n_seeds + 1):
            store = folder / f"season_{n_samples}_{seed}"
            if not (store / "complete").exists():
                record_season(store, Season(n=n_samples, seed=seed))
                (store / "complete").touch()
            explain(store, "sheet_resistance", OURS)  # the index of facts is made once
            with watch() as spent:
                samples = counted.samples_of(store)
                found = explain(store, "sheet_resistance", OURS, also=decoys(samples, seed))
            counted.add(found, spent.cpu_s)
    counted.tell(report)
    held, n = covered(2 if quick else 20, n_samples)
    report.add("intervals of 95 % that hold the true effect", 100 * held / n, "%", ">= 90")
    report.add("intervals", n, "")


class Counted:
    """What was found over all seasons."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.found = dict.fromkeys(HIDDEN, 0)
        self.alone = dict.fromkeys(HIDDEN, 0)
        self.decoys, self.inert, self.rivals, self.any_false = 0, 0, 0, 0
        self.n_decoys, self.n_inert, self.n_inert_named = 0, 0, 0
        self.cpu_s: list[float] = []
        self.left: list[float] = []
        self.inert_names: list[str] = []

    @staticmethod
    def samples_of(store: Path) -> list[str]:
        from labctl.records import search

        return list(search(store, OURS)["sample"])

    def add(self, found: Any, cpu_s: float) -> None:
        from labctl.records._influences import signal_of

        self.cpu_s.append(cpu_s)
        self.left.append(found.unexplained)
        named = found.of("explains", "one of several")
        for what, signals in HIDDEN.items():
            first = [one for one in named if {one.quantity, signal_of(one.quantity)} & {*signals}]
            rival = [one for one in named if {*one.rivals, *map(signal_of, one.rivals)} & {*signals}]
            self.found[what] += bool(first or rival)
            self.alone[what] += any(one.verdict == "explains" for one in first)
        false = [one for one in named if kind_of(one.quantity) in ("decoy", "inert")]
        decoys = [one for one in false if kind_of(one.quantity) == "decoy"]
        self.decoys += len(decoys)
        self.n_decoys += len(DECOYS)
        tested = [one for one in found.findings if one.verdict != "cannot tell" and kind_of(one.quantity) == "inert"]
        self.n_inert += len(tested)
        self.inert += len(false) - len(decoys)
        self.inert_names += [one.quantity for one in false if kind_of(one.quantity) == "inert"]
        self.any_false += bool(false)
        self.rivals += sum(kind_of(rival) == "decoy" for one in named for rival in one.rivals)

    def tell(self, report: Report) -> None:
        for what in HIDDEN:
            report.add(f"{what}: found", 100 * self.found[what] / self.n, "%", STRONG.get(what, ""))
            report.add(f"{what}: told from all others", 100 * self.alone[what] / self.n, "%")
        report.add("added decoys: named", 100 * self.decoys / max(self.n_decoys, 1), "%", "<= 2")
        report.add("added decoys: said to fit as well as a find", 100 * self.rivals / max(self.n_decoys, 1), "%")
        report.add("recorded, without effect: named", 100 * self.inert / max(self.n_inert, 1), "%", "<= 0.5")
        report.add("seasons with anything wrongly named", 100 * self.any_false / self.n, "%", "<= 10")
        report.add("seasons", self.n, "")
        report.add("quantities judged in a season", (self.n_inert + self.n_decoys) / self.n, "")
        report.add("not explained, median", float(np.median(self.left)), "%")
        report.add("CPU of one explanation, median", float(np.median(self.cpu_s)), "s", "<= 15")
        for name in self.inert_names:
            print(f"wrongly named: {name}", file=sys.stderr)


def kind_of(quantity: str) -> str:
    """Return what a quantity is in the physics of the simulation."""
    from labctl.records._influences import signal_of

    signal = signal_of(quantity)
    if quantity in DECOYS:
        return "decoy"
    if quantity.startswith("asked.") or any(signal in signals for signals in HIDDEN.values()):
        return "cause"
    if signal in EFFECTS or signal.startswith(("sputter.oxygen", "sputter.quartz_thickness")):
        return "effect"
    return "inert"


def decoys(samples: list[str], seed: int) -> Any:
    """Return quantities that have nothing to do with any sample."""
    import pandas as pd

    rng, n = np.random.default_rng([seed, 99]), len(samples)
    pressure = 1013.0 + np.cumsum(rng.normal(size=n))
    columns = (
        rng.normal(size=n),
        np.arange(n) + 0.1 * n * rng.normal(size=n),
        np.cumsum(rng.normal(size=n)),
        pressure + 0.3 * rng.normal(size=n),
        np.sin(2 * math.pi * (np.arange(n) / rng.uniform(6, 20) + rng.uniform())) + 0.2 * rng.normal(size=n),
    )
    return pd.DataFrame(dict(zip(DECOYS, columns, strict=True)), index=samples)


def _kept() -> Iterator[Path]:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--keep", type=Path)
    chosen, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    if chosen.keep is not None:
        yield chosen.keep


kept: Path | None = next(_kept(), None)

if __name__ == "__main__":
    main(measure, __doc__)
