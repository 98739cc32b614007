"""Recorded samples for tests: real runs of the simulated laboratory in a real store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bluesky.utils import RunEngineInterrupted

from labctl.store import Store
from plans import OPERATIONS
from tests.laboratory import Laboratory

SHORT_ANNEAL = {"temperature": "120 degC", "ramp_rate": "20 K/min", "dwell": "2 min"}


def record_sample(folder: Path) -> list[str]:
    """Record a sample S-1 that had everything: a film, an anneal, a note, a calibration that was due, an arc.

    Returns:
        Uids of the runs, in order: sputter, anneal, measure_sheet_resistance, sputter (failed).
    """
    with Laboratory(faults=[{"device": "magnetron", "kind": "arc", "start": 3000.0}]) as lab:
        with lab.clock.held():
            lab.lab.connect()
        lab.lab.devices["probe_meter"].calibration_due.put("2023-10-01")
        lab.put("sputter.1")
        film = {"power": "100 W", "thickness": "20 nm", "argon_flow": "20 sccm", "oxygen_flow": "0.3 sccm"}
        uids = [do(lab, "sputter", "sputter", **film)]
        lab.put("furnace_a.1", "sputter.1")
        events = lab.lab.stations["furnace_a"].events
        assert events is not None
        events.tell("note", "tube looked [grey] <b>", source="T. Mori")
        uids.append(do(lab, "anneal", "furnace_a", ["S-1", "S-2"], **SHORT_ANNEAL))
        lab.put("probe.1", "furnace_a.1")
        uids.append(do(lab, "measure_sheet_resistance", "probe", current="1 mA"))
        lab.put("sputter.1", "probe.1")
        with lab.clock.held():
            lab.clock.sleep(1000)
        uids.append(do(lab, "sputter", "sputter", time_limit="10 min", **film))
        record(folder, lab)
    return uids


def record(folder: Path, lab: Laboratory) -> None:
    """Write what a laboratory has recorded so far into a store."""
    with Store.open(folder) as store:
        for name, document in lab.documents:
            store.journal(name, document)
    lab.documents.clear()


def do(lab: Laboratory, kind: str, station: str, samples: Sequence[str] = ("S-1",), **parameters: Any) -> str:
    """Do an operation as a person at the prompt would; return the run's uid. A failure is recorded, not raised."""
    about = lab.lab.stations[station]
    md: Mapping[str, Any] = {"station": station, "fittings": dict(about.fittings)}
    rest = {"baseline": lab.lab.ambient, "events": about.events, "md": md}
    n_before = len(lab.documents)
    with suppress(Exception, RunEngineInterrupted):  # the run says how it ended
        lab.engine(OPERATIONS[kind](*about.operations[kind], list(samples), **rest, **parameters))
    return str(lab.documents[n_before][1]["uid"])
