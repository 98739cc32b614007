"""How a benchmark tells what it measured."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

PACKAGES = ("labctl", "bluesky", "ophyd", "event-model", "databroker", "tiled", "pyvisa", "numpy", "scipy")


@dataclass(frozen=True)
class Figure:
    """One measured number; `bar` says what it has to be, where it has to be anything."""

    name: str
    value: float
    unit: str
    bar: str = ""


@dataclass
class Watch:
    """Times of a block: wall clock and CPU of this process, all threads [s]."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def watch():
    """Measure a block."""
    found = Watch()
    wall, cpu = time.perf_counter(), cpu_s()
    yield found
    found.wall_s, found.cpu_s = time.perf_counter() - wall, cpu_s() - cpu


def cpu_s() -> float:
    """Return the CPU time of this process [s]."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass
class Report:
    """All figures of one benchmark."""

    figures: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, bar: str = "") -> None:
        """Keep a figure."""
        self.figures.append(Figure(name, float(f"{value:.4g}"), unit, bar))


def main(measure: Callable[[Report, bool], None], doc: str | None) -> None:
    """Run a benchmark from the command line: ``--quick`` under 60 s, ``--json`` for machines."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--quick", action="store_true", help="smaller, under 60 s")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    chosen = parser.parse_args()
    report = Report()
    measure(report, chosen.quick)
    show(report, chosen.json)


def show(report: Report, as_json: bool, versions: Mapping[str, str] | None = None) -> None:
    """Print figures for a person, or as JSON with the versions of what was measured, `versions` besides."""
    if as_json:
        machine = {"system": platform.platform(), "cpus": os.cpu_count(), "load": os.getloadavg()[0]}
        known = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}, **(versions or {})}
        print(json.dumps({"figures": [asdict(f) for f in report.figures], "versions": known, "machine": machine}))
        return
    for figure in report.figures:
        print(f"{figure.name:58} {figure.value:>12g} {figure.unit:8} {figure.bar}")
