"""What labctl adds: to an operation, to a long anneal, to a start-up."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from figures import Report, main, watch

EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"
LABCTL = [sys.executable, "-c", "from labctl.app import main; main()"]


def measure(report: Report, quick: bool) -> None:
    operations(report, 100 if quick else 500)
    anneal(report, 1.0 if quick else 5.0)
    catalog(report, 10 if quick else 50)
    commands(report, 3 if quick else 7)


def operations(report: Report, n: int) -> None:
    """Time operations that do nothing but open and close a run, through a station's thread."""
    import bluesky.plan_stubs as bps
    from bluesky import RunEngine
    from bluesky.utils import DuringTask

    from labctl.clock import RealClock
    from labctl.engine import LabRunEngine, OperationRequest, ScanIds, StationDriver
    from labctl.store import Store

    def nothing():
        yield from bps.open_run()
        yield from bps.close_run()

    bare = RunEngine({}, context_managers=[], during_task=DuringTask())
    bare(nothing())
    with watch() as spent:
        for _ in range(n):
            bare(nothing())
    report.add("empty run, bare RunEngine", 1000 * spent.wall_s / n, "ms")

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        store.drain(60)
        clock = RealClock()
        driver = StationDriver("bench", clock, LabRunEngine(clock, _metadata(), ScanIds(), store.journal))
        done = threading.Event()

        def once(i: int) -> None:
            done.clear()
            driver.submit(OperationRequest(f"op{i}", "nothing", (), nothing), lambda _: done.set())
            done.wait()

        once(0)
        with watch() as spent:
            for i in range(n):
                once(i)
        driver.close()
        driver.join(5)
    report.add("empty operation: run, journal with fsync, thread", 1000 * spent.wall_s / n, "ms", "<= 5")


def _metadata() -> dict:
    from labctl.metadata import AccessPolicy, LabMetadata, source_revision, versions

    return LabMetadata(
        lab="benchmark",
        station="bench",
        operator="nobody",
        simulated=True,
        versions=versions(),
        source_revision=source_revision(),
        policy=AccessPolicy(),
    ).model_dump()


def anneal(report: Report, hours: float) -> None:
    """Monitor an anneal at 1 Hz through the wire, with journal and catalog."""
    from labctl.app._running import schemas
    from labctl.clock import VirtualClock
    from labctl.engine import LabRunEngine, ScanIds
    from labctl.lab import build_lab, read_lab
    from labctl.store import Store
    from plans import OPERATIONS

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        clock = VirtualClock()
        lab = build_lab(read_lab(EXAMPLE / "lab.yaml", schemas()), clock, schemas())
        lab.plant.line.move("rack.1", "furnace_a.1")
        engine = LabRunEngine(clock, {**lab.metadata.model_dump(), "station": "furnace_a"}, ScanIds(), store.journal)

        def run(**parameters: str) -> None:
            devices = lab.stations["furnace_a"].operations["anneal"]
            engine(OPERATIONS["anneal"](*devices, ["S-1"], baseline=lab.ambient, **parameters))

        run(temperature="40 degC", ramp_rate="20 K/min", dwell="1 min", unload_below="45 degC")
        store.drain(60)
        began = clock.monotonic()
        minutes = hours * 60 - 160 if hours > 3 else 1
        target = "400 degC" if hours > 3 else "150 degC"
        with watch() as spent:
            run(temperature=target, ramp_rate="5 K/min", dwell=f"{minutes} min", monitor_period="1 s")
            store.drain(60)
        lab_h = (clock.monotonic() - began) / 3600
        engine.close()
        clock.close()
        lab.close()
    report.add("anneal at 1 Hz: lab time", lab_h, "h")
    report.add("anneal at 1 Hz: CPU, journal and catalog included", spent.cpu_s, "s", "<= 3" if hours > 3 else "")


def catalog(report: Report, n: int) -> None:
    """Time the catalog's filling: runs of 300 rows in 3 streams."""
    from event_model import compose_run

    from labctl.store import Store

    def documents():
        run = compose_run(metadata={"plan_name": "benchmark"})
        yield "start", run.start_doc
        for stream in ("baseline", "primary", "process"):
            keys = {f"{stream}_{i}": {"source": "x", "dtype": "number", "shape": []} for i in range(8)}
            described = run.compose_descriptor(name=stream, data_keys=keys)
            yield "descriptor", described.descriptor_doc
            for row in range(100):
                yield (
                    "event",
                    described.compose_event(data=dict.fromkeys(keys, row + 0.5), timestamps=dict.fromkeys(keys, 1.0)),
                )
        yield "stop", run.compose_stop()

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        made = [list(documents()) for _ in range(n + 1)]
        for name, document in made.pop():
            store.journal(name, document)
        store.drain(60)
        with watch() as journal:
            for run in made:
                for name, document in run:
                    store.journal(name, document)
        with watch() as rest:
            store.drain(60)
    report.add("journal and catalog of a run of 300 rows: CPU", 1000 * (journal.cpu_s + rest.cpu_s) / n, "ms", "<= 40")


def commands(report: Report, n: int) -> None:
    """Time whole processes; the best of several, because other work only adds."""

    def best(words: list[str], times: int) -> float:
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            subprocess.run(words, check=True, capture_output=True)
            taken.append(time.perf_counter() - began)
        return min(taken)

    report.add("labctl --help", best([*LABCTL, "--help"], n), "s", "< 0.3")
    check = [*LABCTL, "campaign", "check", str(EXAMPLE / "campaign.yaml")]
    report.add("labctl campaign check", best(check, n), "s")
    with tempfile.TemporaryDirectory() as folder:
        stores = [Path(folder) / str(number) for number in range(n)]
        report.add("labctl shell: ready, new store", min(map(ready, stores)), "s", "< 5")
        report.add("labctl shell: ready", min(map(ready, stores)), "s", "< 5")


def ready(folder: Path) -> float:
    """Return the time until a shell that records to a folder does what is typed [s]."""
    began = time.perf_counter()
    words = [*LABCTL, "shell", str(EXAMPLE / "lab.yaml"), "--out", str(folder), "-c", "print('ready', flush=True)"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        assert any(line == b"ready\n" for line in shell.stdout)
        taken = time.perf_counter() - began
        shell.communicate()
    return taken


if __name__ == "__main__":
    main(measure, __doc__)
