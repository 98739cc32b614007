"""What was used up, worked out from recorded traces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from devices import Consumption
from labctl.lab import LabFile, device_kind
from labctl.quantities import Quantity
from labctl.store import RecordedRun, Stream

FORMULAS = {
    ("electricity", "kWh"): "integral of power [W] over time, / 3.6e6; or of percent / 100 x heater_rating",
    ("electricity", "h"): "integral of percent / 100 over time: hours at full power, where no rating is given",
    ("target", "kWh"): "integral of the power into the plasma [W] over time, / 3.6e6",
    ("gas", "l"): "integral of flow [sccm] over time, / 60 000: standard litres",
}
"""How an amount is worked out, by what it is and its unit. Integrals are trapezoids between readings, so an edge is
right within half a monitor period."""


@dataclass(frozen=True)
class Spent:
    """What one device used up in a night."""

    what: str
    """``electricity``, ``target`` or ``gas``."""
    device: str
    of: str
    """Which gas or target; empty where nothing tells."""
    amount: float
    """[unit]."""
    unit: str


def spent(runs: Iterable[RecordedRun], lab: LabFile) -> tuple[Spent, ...]:
    """Return what all runs used up together, by device.

    Only what process signals tell is counted: no pumps, no chillers, no instrument's own supply.

    Args:
        runs: recorded in the laboratory.
        lab: says of which class each device is.
    """
    sums: dict[tuple[str, str, str, str], float] = {}
    for run in runs:
        for one in _of_run(run, lab):
            key = (one.what, one.device, one.of, one.unit)
            sums[key] = sums.get(key, 0.0) + one.amount
    return tuple(Spent(what, device, of, sums[what, device, of, unit], unit) for what, device, of, unit in sorted(sums))


def _of_run(run: RecordedRun, lab: LabFile) -> Iterator[Spent]:
    stream = run.streams.get("process")
    if stream is None:
        return
    for device in run.start.get("roles", {}).values():
        for signal, consumptions in device_kind(lab.devices[device].kind).consumes.items():
            key = f"{device}_{signal}"
            if key in stream.columns:
                total = _integral(stream, key)
                for consumption in consumptions:
                    yield _amount(run, device, consumption, total)


def _amount(run: RecordedRun, device: str, consumption: Consumption, total: float) -> Spent:
    """Return what an integral [the signal's unit times s] means."""
    fittings = run.start.get("fittings", {})
    if consumption.what == "gas":
        baseline = run.streams.get("baseline")
        about = baseline.configuration.get(device, {}) if baseline is not None else {}
        gas = str(about.get(f"{device}_gas", ""))
        return Spent("gas", device, gas, total / 60_000.0, "l")
    if not consumption.rating:
        of = str(fittings.get("target", "")) if consumption.what == "target" else ""
        return Spent(consumption.what, device, of, total / 3.6e6, "kWh")
    hours_full = total / 100.0 / 3600.0
    if consumption.rating not in fittings:
        return Spent(consumption.what, device, "", hours_full, "h")
    rating_kW = Quantity("kW").parse(fittings[consumption.rating])
    return Spent(consumption.what, device, "", hours_full * rating_kW, "kWh")


def _integral(stream: Stream, key: str) -> float:
    """Return the integral over time of a trace [its unit times s]; missing readings are bridged."""
    values, times = stream.columns[key].astype(float), stream.timestamps[key].astype(float)
    told = np.isfinite(values) & np.isfinite(times)
    return max(0.0, float(np.trapezoid(values[told], times[told])))
