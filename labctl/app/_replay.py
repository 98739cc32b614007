"""Proof that records are complete: the simulated physics makes samples again from their documents alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labctl.errors import StoreError
from labctl.files import nearest
from labctl.quantities import Quantity
from labctl.store import RecordedRun, Store, Stream
from sim_devices.replay import (
    CannotReplay,
    Check,
    Laboratory,
    Property,
    Recording,
    SampleRuns,
    blurred,
    replay_sample,
    with_blurred,
)

N_BLURRED = 8
"""How often a sample is made again from readings with their noise once more in them."""
_FITTED_UNITS = {"target_used": "kWh"}


@dataclass(frozen=True)
class SampleReplay:
    """One sample, made again."""

    sample: str
    properties: Mapping[str, Property]
    """By run uid."""
    checks: Mapping[str, Sequence[Check]]
    """What each run's quantities say of each other, by run uid."""
    failure: str
    """Why the film is cracked or has come off; empty when it is whole."""

    @property
    def agrees(self) -> bool:
        """Whether all properties and all process quantities agree."""
        quantities = all(check.agrees for checks in self.checks.values() for check in checks)
        return quantities and all(found.agrees for found in self.properties.values())

    def narrowed(self, uid: str) -> SampleReplay:
        """Return only what concerns one run; everything when `uid` is empty."""
        if not uid:
            return self
        properties = {run: found for run, found in self.properties.items() if run == uid}
        checks = {run: found for run, found in self.checks.items() if run == uid}
        return SampleReplay(self.sample, properties, checks, self.failure)


class Replay:
    """The runs of a store, ready to be done again.

    Args:
        runs: every run, in the order of time.
    """

    def __init__(self, runs: Sequence[RecordedRun]) -> None:
        self._runs = [run for run in runs if run.stop is not None]
        self._recordings = {run.uid: recording_of(run) for run in self._runs}
        self._copies: list[dict[str, Recording]] = []
        self._laboratories: list[Laboratory] = []

    @classmethod
    def of(cls, directory: Path) -> Replay:
        """Read every run of a store; raises StoreError."""
        with Store.read(directory) as store:
            return cls([store.run(run.uid) for run in reversed(store.runs())])

    @property
    def samples(self) -> list[str]:
        """Every sample, in the order of names."""
        return sorted({str(sample) for run in self._runs for sample in run.start.get("samples", ())})

    def samples_of(self, name: str) -> tuple[list[str], str]:
        """Return the samples that a sample's name or the beginning of a run's uid means, and the run's whole uid.

        Raises:
            StoreError: neither exists.
        """
        if name in self.samples:
            return [name], ""
        found = [run for run in self._runs if name and run.uid.startswith(name)]
        if not found:
            raise StoreError(f"no sample is called {name!r}{nearest(name, self.samples)}, and no run's uid begins so")
        if len(found) > 1:
            raise StoreError(f"the uids of {len(found)} runs begin with {name!r}; give more characters")
        return [str(sample) for sample in found[0].start.get("samples", ())], found[0].uid

    def sample(self, name: str) -> SampleReplay:
        """Make a sample again.

        Raises:
            CannotReplay: the documents lack something, or were not recorded in a simulated laboratory.
        """
        mine = [run for run in self._runs if name in run.start.get("samples", ())]
        if not all(run.start.get("simulated") for run in mine):
            raise CannotReplay(f"{name} was made on real instruments; the simulated physics predicts no real film")
        roughness_nm = mine[0].start.get("substrates", {}).get(name, {}).get("roughness_nm")
        if not isinstance(roughness_nm, int | float):
            raise CannotReplay(f"{name}: the start documents do not tell roughness_nm of its substrate")
        uids = {self._recordings[run.uid].name: run.uid for run in mine}
        places = {self._recordings[run.uid].name: _location(run, name) for run in mine}
        first, *others = self._all_laboratories()
        film, found = replay_sample(first, SampleRuns(self._chosen(mine, 0), places, roughness_nm))
        again = [
            replay_sample(laboratory, SampleRuns(self._chosen(mine, copy), places, roughness_nm))[1]
            for copy, laboratory in enumerate(others, 1)
        ]
        properties = {uids[run]: with_blurred(one, [other[run] for other in again]) for run, one in found.items()}
        checks = {uid: first.checks(self._recordings[uid]) for uid in uids.values()}
        return SampleReplay(name, properties, checks, film.failure)

    def _all_laboratories(self) -> list[Laboratory]:
        """Return the laboratory as it was recorded, and then blurred ones."""
        if not self._laboratories:
            self._copies = [self._recordings]
            for copy in range(N_BLURRED):
                rng = np.random.default_rng(copy)
                self._copies.append({uid: blurred(recording, rng) for uid, recording in self._recordings.items()})
            self._laboratories = [Laboratory(list(recordings.values())) for recordings in self._copies]
        return self._laboratories

    def _chosen(self, runs: Sequence[RecordedRun], copy: int) -> list[Recording]:
        return [self._copies[copy][run.uid] for run in runs]


def recording_of(run: RecordedRun) -> Recording:
    """Return a run as the physics takes it: quantities by role and signal."""
    start, stop, streams = run.start, run.stop or {}, run.streams
    roles: Mapping[str, str] = start.get("roles", {})
    baseline, process = streams.get("baseline"), streams.get("process")
    room_times, room_degC, room_pct = _room(baseline, set(roles.values()))
    return Recording(
        name=f"{start.get('operation', 'run')} {run.uid[:8]}",
        kind=str(start.get("operation", "")),
        station=str(start.get("station", "")),
        begin_s=float(start["time"]),
        end_s=float(stop.get("time", start["time"])),
        is_complete=stop.get("exit_status") == "success",
        parameters=start.get("parameters", {}),
        fittings=_fittings(start.get("fittings", {})),
        times_s=np.array([]) if process is None else _read_at(process),
        process={} if process is None else _by_role(process.columns, roles),
        before=_row(baseline, 0, roles),
        after=_row(baseline, 1, roles),
        results=_row(streams.get("result"), -1, {}),
        room_times_s=room_times,
        room_degC=room_degC,
        room_pct=room_pct,
    )


def _location(run: RecordedRun, sample: str) -> str:
    names, locations = list(run.start["samples"]), run.start.get("locations") or []
    return str(locations[names.index(sample)]) if len(locations) == len(names) else ""


def _read_at(process: Stream) -> Any:  # (n,) floats
    """Return when the first quantity of each row was read; the row itself is written a little later."""
    return next(iter(process.timestamps.values()), process.times)


def _by_role(columns: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of numbers, those of a device in a role under ``role.signal``."""
    found = {}
    for key, column in columns.items():
        if column.ndim == 1 and column.dtype.kind in "fiub":
            owners = [role for role, device in roles.items() if key.startswith(f"{device}_")]
            owner = max(owners, key=lambda role: len(roles[role]), default="")
            name = f"{owner}.{key.removeprefix(f'{roles[owner]}_')}" if owner else key
            found[name] = column.astype(np.float64)
    return found


def _row(stream: Stream | None, index: int, roles: Mapping[str, str]) -> dict[str, float]:
    if stream is None or not -len(stream.times) <= index < len(stream.times):
        return {}
    return {key: float(column[index]) for key, column in _by_role(stream.columns, roles).items()}


def _room(baseline: Stream | None, in_roles: set[str]) -> tuple[Any, Any, Any]:
    """Return times, temperatures and humidities (n,) of the room's sensor, without what is missing."""
    none = np.array([])
    if baseline is None:
        return none, none, none
    for device in baseline.configuration:
        keys = f"{device}_temperature", f"{device}_humidity"
        if device not in in_roles and any(key in baseline.columns for key in keys):
            degC, pct = (np.array(baseline.columns.get(key, none), np.float64) for key in keys)
            had = np.isfinite(degC) & np.isfinite(pct) if len(degC) == len(pct) else slice(None)
            return baseline.times[had], degC[had], pct[had]
    return none, none, none


def _fittings(told: Mapping[str, Any]) -> dict[str, float]:
    """Return the fittings that are numbers, also those with a unit."""
    found = {}
    for name, value in told.items():
        try:
            found[name] = Quantity(_FITTED_UNITS.get(name, "")).parse(value)
        except ValueError:
            continue  # a name or a material
    return found
