"""How far something was used up when a sample met it: what its fitting says, and what runs used since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.quantities import Quantity

_USED = "_used"
_ENERGY = "kWh"
Array = NDArray[np.float64]


def wear(
    directories: Sequence[Path], run_of: Mapping[str, Sequence[Any]]
) -> tuple[dict[str, list[float | None]], dict[str, str]]:
    """Return how much of each fitting was used when a sample's operation began, and the units.

    A fitting such as ``target_used: 2 kWh`` says what was used when it was mounted, or when somebody last wrote it
    down. What every run on the station used since, of other samples too, is added: energy for a unit of energy (mean
    power times duration), hours for a unit of time, runs for a pure number. Where a station that gives power has no
    such fitting, its energy since the first recorded run is told.

    Args:
        directories: of stores; a station of the same name is the same one.
        run_of: uid of each sample's run, or None, by name of the operation.
    """
    runs, units = _runs(directories)
    found, told_units = dict[str, list[float | None]](), dict[str, str]()
    station_of = dict(zip(runs["run"], runs["station"], strict=True))
    for operation, of_run in run_of.items():
        stations = {station_of[run] for run in of_run if run in station_of}
        rows = [row for row, station in enumerate(runs["station"]) if station in stations]
        here = {key: [told[row] for row in rows] for key, told in runs.items()}
        worn = _worn(here, units) or _energy(here, units)
        for name, (before, unit) in worn.items():
            key = f"wear.{operation}.{name}"
            found[key], told_units[key] = [before.get(run) for run in of_run], unit
    return found, told_units


def _runs(directories: Sequence[Path]) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Return columns of all runs, each once, the earliest first, and their units."""
    from labctl.records._search import known_facts, search

    known = {fact.key for folder in directories for fact in known_facts(folder, by="run")}
    wanted = ("duration", "asrun.*.mean", "fittings.*")
    patterns = [key for key in wanted if any(name.startswith(key.partition("*")[0]) for name in known)]
    table = search(directories, columns=patterns, by="run").drop_duplicates("run")
    columns = {str(key): table[key].tolist() for key in table}
    return columns, dict(table.attrs["units"])


def _worn(runs: Mapping[str, Sequence[Any]], units: Mapping[str, str]) -> dict[str, tuple[dict[str, float], str]]:
    found = dict[str, tuple[dict[str, float], str]]()
    for key, told in runs.items():
        if not key.startswith("fittings.") or not key.endswith(_USED) or all(value != value for value in told):
            continue
        unit, name = units.get(key, ""), key.split(".", 2)[2].removesuffix(_USED)
        use = _use(runs, units, unit)
        if use is not None:
            earlier = found.get(name, ({}, unit))[0]  # the same fitting, under another operation's name
            found[name] = (earlier | _before(runs, told, use), unit)
    return found


def _energy(runs: Mapping[str, Sequence[Any]], units: Mapping[str, str]) -> dict[str, tuple[dict[str, float], str]]:
    use = _use(runs, units, _ENERGY)
    if use is None or not np.any(use > 0):
        return {}
    return {"energy": (_before(runs, [0.0] * len(use), use), _ENERGY)}


def _use(runs: Mapping[str, Sequence[Any]], units: Mapping[str, str], unit: str) -> Array | None:
    """Return (n_runs,) what each run used, in the unit of a fitting; None where it cannot be told."""
    hours = np.nan_to_num(np.array(runs.get("duration", [0.0] * len(runs["run"])), np.float64)) / 3600.0
    if not unit:
        return np.ones(len(hours))
    if (factor := _in(unit, "h")) is not None:
        return hours * factor
    factor = _in(unit, "W h")
    powers = [key for key in runs if key.endswith(".mean") and not key.endswith("setpoint.mean")]
    watts = {key: _in("W", units[key]) for key in powers if key in units}
    watts = {key: watt for key, watt in watts.items() if watt is not None}
    if factor is None or not watts:
        return None
    power = sum(np.nan_to_num(np.array(runs[key], np.float64)) * watt for key, watt in watts.items() if watt)
    return np.asarray(power * hours * factor)


def _before(runs: Mapping[str, Sequence[Any]], value: Sequence[float], use: Array) -> dict[str, float]:
    """Return what was used when each run began, by its uid; a new value of the fitting begins anew."""
    found = dict[str, float]()
    state = dict[str, tuple[float, float]]()
    for run, station, told, used in zip(runs["run"], runs["station"], value, use, strict=True):
        if told == told:
            before, spent = state.get(station, (told, 0.0))
            spent = spent if before == told else 0.0
            found[run] = told + spent
            state[station] = (told, spent + float(used))
    return found


def _in(unit: str, other: str) -> float | None:
    """Return 1 `other` in `unit`; None where they are of different kinds."""
    try:
        return Quantity(unit).parse(f"1 {other}")
    except ValueError:
        return None


__all__ = ["wear"]
