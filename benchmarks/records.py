"""How long it takes to find and to show what was recorded."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from figures import Report, main, watch

BAR_MS = 50
MAIN = "from labctl.app import main; main()"
QUERIES = {
    "asked range": "asked.heat.temperature > 350 degC and asked.heat.temperature < 420 degC",
    "as-run statistics": "asrun.heat.*_temperature.max > 673.15 K and asrun.deposit.magnetron_power.mean < 150 W",
    "text": "station = furnace_a and substrate.lot ~ L2023",
    "time": "time >= 2023-11-20 and time < 2023-12-01",
    "combination": (
        "asked.heat.temperature > 350 degC and result.transmittance.transmittance >= 0.85 and station = furnace_a"
        " and status = success and quality = good and time > 2023-11-20"
    ),
}
RUN_QUERIES = {
    "asked range": QUERIES["asked range"],
    "text": "station ~ furnace and policy.project ~ conductors",
    "combination": "asked.heat.temperature > 350 degC and station = furnace_a and idle_before > 1 h and quality = good",
}


def measure(report: Report, quick: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "store"
        command = [sys.executable, "-c", MAIN, "demo", "--trials", "4" if quick else "18", "--out", str(directory)]
        subprocess.run(command, check=True, capture_output=True)
        export_figures(report, directory)
        history_figures(report, directory)
        search_figures(report, directory)


def export_figures(report: Report, directory: Path) -> None:
    """Time the export of a whole campaign, from opening the store to the file or folder."""
    from labctl.exchange import FORMATS, export, gather_dossier

    with watch() as spent:
        dossier = gather_dossier(directory, "ito-night")
    n_runs = len(dossier.runs)
    report.add(f"export of {n_runs} runs: read them", spent.wall_s, "s")
    for name in FORMATS:
        with watch() as spent:
            export(dossier, name, directory.parent / f"out-{name}", role="public", by="benchmark")
        report.add(f"export of {n_runs} runs: {name}", spent.wall_s, "s")


def history_figures(report: Report, directory: Path) -> None:
    """Time the history of a sample with 20 runs: to have it, on a terminal, as a page and as JSON.

    The runs of one sample of the campaign are entered again, an hour later each, until there are so many.
    """
    from labctl.app._history_page import history_page
    from labctl.app._history_view import HistoryView
    from labctl.records import history_json, sample_history
    from labctl.store import Store

    sample = "ito-night-0001"
    with Store.open(directory) as store:
        own = [run.uid for run in reversed(store.runs(sample=sample))]
        for n, uid in enumerate(own[: 20 - len(own)], 1):
            for line in (directory / "journal" / f"{uid}.jsonl").read_text().splitlines():
                name, document = json.loads(line)
                store.journal(name, _later(document, n))
    with Store.read(directory) as store:
        history = sample_history(store, sample)
        taken = _best(3, lambda: sample_history(store, sample))
    text = f"history of a sample with {len(history.operations)} runs"
    report.add(text, taken, "s", "< 1")
    report.add(f"{text}: terminal", taken + _best(3, lambda: repr(HistoryView(history))), "s", "< 1")
    report.add(f"{text}: page", taken + _best(3, lambda: history_page(history)), "s", "< 1")
    report.add(f"{text}: JSON", taken + _best(3, lambda: history_json(history)), "s", "< 1")


def _later(document: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a document of another run, that was some days later."""
    copy = dict(document)
    for key in ("uid", "run_start", "descriptor"):
        if key in copy:
            copy[key] = str(uuid.uuid5(uuid.UUID(copy[key]), str(number)))
    return copy | ({"time": copy["time"] + 7 * 86400.0} if "time" in copy else {})


def search_figures(report: Report, directory: Path) -> None:
    """Time searches over many runs.

    A campaign of the simulated line is recorded and its facts read. The many runs are these facts, written through the
    index's own door again and again for new samples, with every number changed by some per cent and later times. The
    store lists them too, each with an empty file in the place of its journal, so that the check for new runs looks at
    as many as there are. Each time is the best of several calls in a process that has searched before, from opening
    the store to the DataFrame.
    """
    from labctl.records import search
    from labctl.records._facts_index import FILE, FactsIndex, ask

    with watch() as spent:
        n_real = ask(directory, lambda index: len(index.runs()))
    report.add("facts: read a run and index it", 1000 * spent.cpu_s / n_real, "ms")
    real = _samples(directory)
    with watch() as spent:
        n_read = sum(len(runs) for runs in real)
    (directory / FILE).unlink()
    index = FactsIndex(directory / FILE)
    index.prepare()
    with watch() as spent:
        index.add(entry for runs in real for entry in runs)
    report.add("facts: index a run that was read", 1000 * spent.cpu_s / n_read, "ms", "<= 5")
    made, n_runs = _many(real), 0
    for wanted in (1000, 10_000):
        while n_runs < wanted:
            batch = [entry for _ in range(40) for entry in next(made)]
            n_runs += len({entry.run for entry in batch})
            index.add(batch)
            _list(directory, batch)
        opened = 1000 * _best(20, lambda: ask(directory, lambda index: None))
        report.add(f"{wanted} runs: open and look for news", opened, "ms")
        for by, queries in (("sample", QUERIES), ("run", RUN_QUERIES)):
            for name, query in queries.items():
                table = search(directory, query, by=by)
                taken = 1000 * _best(20, lambda query=query, by=by: search(directory, query, by=by))
                text = f"{wanted} runs: {name}, {len(table)} {by}s found"
                report.add(text, taken, "ms", f"<= {BAR_MS}")
    everything = 1000 * _best(5, lambda: search(directory, "", by="run"))
    report.add("10000 runs: all of them in a table of six columns", everything, "ms")
    report.add("10000 runs: size of the index", (directory / FILE).stat().st_size / 1e6, "MB")


def _samples(directory: Path) -> list[list[Any]]:
    """Return what the runs of each sample say."""
    from labctl.records._facts_of_samples import run_facts
    from labctl.store import Store

    found: dict[str, list[Any]] = {}
    with Store.read(directory) as store:
        for summary in reversed(store.runs()):
            for entry in run_facts(store.run(summary.uid)):
                found.setdefault(entry.sample, []).append(entry)
    return list(found.values())


def _many(real: list[list[Any]]):
    """Yield the runs of one sample after the other, without end."""
    from labctl.records._facts import UTC, Fact
    from labctl.records._facts_of_samples import RunFacts

    random = np.random.default_rng(1)
    for number, runs in enumerate(cycle(real), 1):
        sample, later = f"made-{number:05}", 3600.0 * number
        entries = []
        for place, entry in enumerate(runs):
            factors = random.normal(1, 0.1, len(entry.facts))
            uid = f"{number:08x}-0000-4000-8000-{place:012x}"
            facts = []
            for fact, factor in zip(entry.facts, factors, strict=True):
                if fact.key in ("sample", "run"):
                    value = sample if fact.key == "sample" else uid
                elif fact.unit == UTC:
                    value = fact.value + later
                else:
                    value = fact.value if isinstance(fact.value, str) else float(fact.value * factor)
                facts.append(Fact(fact.key, value, fact.unit))
            entries.append(RunFacts(uid, sample, tuple(facts)))
        yield entries


def _list(directory: Path, batch: list[Any]) -> None:
    """Enter runs in the store's own index, with empty journal files."""
    from labctl.store import RunSummary
    from labctl.store._index import Index

    rows = []
    for entry in batch:
        about = (
            entry.text("operation"),
            entry.text("station"),
            (entry.sample,),
            (),
            "",
            entry.text("status"),
            "",
            None,
        )
        rows.append((RunSummary(entry.run, entry.number("time"), entry.number("duration"), *about), ""))
        (directory / "journal" / f"{entry.run}.jsonl").touch()
    Index(directory / "index.db").put(rows)


def _best(n: int, action: Callable[[], Any]) -> float:
    taken = []
    for _ in range(n):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return min(taken)


if __name__ == "__main__":
    main(measure, __doc__)
