"""How long a sample's history takes to read and to show."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from figures import Report, watch

EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"
N_RUNS = 20
MAIN = "from labctl.app import main; main()"


def history_figures(report: Report, quick: bool) -> None:
    """Time reading and showing a sample with 20 runs, made and recorded by the simulated line.

    Five rounds of film, anneal, resistance and transmittance. Each time is the best of several: of the call, in a
    process that has shown a history before; of the command, from its start to its end.
    """
    from rich.console import Console

    from labctl.app._history_page import history_page
    from labctl.app._history_view import HistoryView
    from labctl.records import history_json, sample_history
    from labctl.store import Store

    folder = Path(tempfile.mkdtemp())
    try:
        record_sample(folder)
        with Store.read(folder) as store:

            def read():
                return sample_history(store, "S-1")

            history = read()
            assert len(history.operations) == N_RUNS
            console = Console(file=StringIO(), width=100)
            n = 3 if quick else 10
            report.add("history of 20 runs: read", best(n, read), "s")
            shown = best(n, lambda: console.print(HistoryView(read())))
            report.add("history of 20 runs: read and show on a terminal", shown, "s", "1 or less")
            page = best(n, lambda: history_page(read()))
            report.add("history of 20 runs: read and write as a page", page, "s", "1 or less")
            told = best(n, lambda: json.dumps(history_json(read())))
            report.add("history of 20 runs: read and write as JSON", told, "s", "1 or less")
            command = [
                sys.executable,
                "-c",
                MAIN,
                "sample",
                "history",
                str(folder),
                "S-1",
                "--html",
                str(folder / "a.html"),
            ]
            whole = best(n, lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
            report.add("history of 20 runs: the command, as a page", whole, "s", "1 or less")
            report.add("history of 20 runs: size of the page", len(history_page(history)) / 1e6, "MB")
            report.add("history of 20 runs: readings in it", count(history), "")
    finally:
        shutil.rmtree(folder)


def record_sample(folder: Path) -> None:
    """Record S-1 with 20 runs into a new store; the plate is laid from tool to tool by hand."""
    from labctl.app._running import schemas
    from labctl.clock import VirtualClock
    from labctl.engine import LabRunEngine, ScanIds
    from labctl.lab import build_lab, read_lab
    from labctl.store import Store
    from plans import OPERATIONS

    film = {"power": "100 W", "thickness": "30 nm", "argon_flow": "20 sccm", "oxygen_flow": "0.3 sccm"}
    heat = {"temperature": "200 degC", "ramp_rate": "10 K/min", "dwell": "20 min"}
    rounds = [
        ("sputter", "sputter", film),
        ("anneal", "furnace_a", heat),
        ("measure_sheet_resistance", "probe", {"current": "1 mA"}),
        ("measure_transmittance", "photometer", {"wavelength": "550 nm"}),
    ]
    file, clock = read_lab(EXAMPLE / "lab.yaml", schemas()), VirtualClock()
    with Store.open(folder) as store:
        lab = build_lab(file, clock, schemas(), seed=1)
        engine = LabRunEngine(clock, {**lab.metadata.model_dump(), "station": "bench"}, ScanIds(), store.journal)
        place = "rack.1"
        for kind, station, parameters in rounds * (N_RUNS // len(rounds)):
            lab.plant.line.move(place, f"{station}.1")
            place, at = f"{station}.1", lab.stations[station]
            about = {"station": station, "fittings": dict(at.fittings)}
            engine(OPERATIONS[kind](*at.operations[kind], ["S-1"], baseline=lab.ambient, md=about, **parameters))
        engine.close()
        clock.close()
        lab.close()


def best(n: int, do) -> float:
    """Return the shortest time of n [s]."""
    times = []
    for _ in range(n):
        with watch() as spent:
            do()
        times.append(spent.wall_s)
    return min(times)


def count(history) -> int:
    """Return how many readings the traces hold."""
    return sum(len(trace.values) for operation in history.operations for trace in operation.traces.values())


def measure(report: Report, quick: bool) -> None:
    history_figures(report, quick)


if __name__ == "__main__":
    from figures import main

    main(measure, __doc__)
