"""A sample through everything that the documents name, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim_devices.plant.film import Film
from sim_devices.replay._check import CannotReplay
from sim_devices.replay._laboratory import Laboratory
from sim_devices.replay._property import MEASURED, Property, property_of
from sim_devices.replay._recording import Recording
from sim_devices.replay._sputter import deposit

_KNOWN = {"transfer", "sputter", "anneal", *MEASURED}


@dataclass(frozen=True)
class SampleRuns:
    """What is known of one sample: its substrate and what was done to it."""

    runs: Sequence[Recording]
    """Those that name the sample, in the order of time."""
    locations: Mapping[str, str]
    """Place of the sample at the beginning of each run, by the run's name."""
    roughness_nm: float
    """Of the substrate, root mean square [nm]."""


@dataclass(frozen=True)
class _Place:
    name: str
    """Empty where it is not known."""
    since_s: float


def replay_sample(laboratory: Laboratory, sample: SampleRuns) -> tuple[Film, dict[str, Property]]:
    """Do to a bare plate what was done to a sample; return the film and each measured property by run.

    Raises:
        CannotReplay: something is missing.
    """
    film, found = Film(roughness_nm=sample.roughness_nm), {}
    at = _Place("", 0.0)
    for run in sample.runs:
        place = _place_of(run, sample, at)
        laboratory.pass_time(film, place, at.since_s or run.begin_s, run.begin_s)
        at = _Place(place, run.begin_s)
        if run.kind == "transfer":
            at = _carry(laboratory, film, run, place)
        elif run.kind == "sputter":
            deposit(film, run, laboratory.target_used_kWh(run))
        elif run.kind in MEASURED and run.is_complete:
            found[run.name] = property_of(film, run)
    return film, found


def _place_of(run: Recording, sample: SampleRuns, at: _Place) -> str:
    if run.kind not in _KNOWN:
        raise CannotReplay(f"{run.name}: the simulated plant knows no operation {run.kind!r}")
    place = sample.locations.get(run.name, "")
    if not place:
        raise CannotReplay(f"{run.name}: the start document does not tell where the sample lay")
    if at.name and place != at.name:
        raise CannotReplay(f"{run.name}: the sample lies at {place}, and no transfer brought it there from {at.name}")
    return place


def _carry(laboratory: Laboratory, film: Film, run: Recording, source: str) -> _Place:
    """Half-way through a transfer the sample changes its place."""
    middle_s = (run.begin_s + run.end_s) / 2
    laboratory.pass_time(film, source, run.begin_s, middle_s)
    return _Place(str(run.parameters.get("destination", "")) if run.is_complete else "", middle_s)
