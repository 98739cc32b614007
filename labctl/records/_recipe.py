"""A recipe from what was recorded: as it was asked, or as it was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import StoreError
from labctl.quantities import format_value
from labctl.recipes import OperationSchema, check_recipe
from labctl.records._history import OperationHistory, Trace
from labctl.records._sample_history import MOVE

_NEAR_K = 2.0
"""A furnace dwells when it is so near to its target."""
_SAME_K = 0.05
_OVERSHOOT_K = 15.0
"""A mean so near to the target is that of a loop that overshoots, and will again; farther off, the furnace failed."""
_FOLLOWS = 0.8
"""A ramp not slower than this share of its set point's is followed; the loop lags behind in the beginning."""


def recorded_recipe(
    sample: str, operations: Sequence[OperationHistory], schemas: Mapping[str, OperationSchema], *, as_run: bool
) -> dict[str, Any]:
    """Return the content of a recipe file that makes a sample again.

    Args:
        sample: its name.
        operations: what was done to it, in order; moves are left out, for a laboratory finds its own way.
        schemas: every operation there is, by kind.
        as_run: set what was reached, where a trace tells it, and not what was asked.

    Raises:
        StoreError: nothing but moves was done to it, an operation is unknown or, as run, did not come to its end,
            or what was reached is no allowed parameter.
    """
    done = [operation for operation in operations if operation.kind != MOVE]
    if not done:
        raise StoreError(f"{sample}: no operation is recorded of which a recipe could be made")
    entries: list[dict[str, Any]] = []
    for operation in done:
        if operation.kind not in schemas:
            raise StoreError(f"{sample}: operation {operation.kind!r} is recorded, which no plan does")
        if as_run and operation.status != "success":
            raise StoreError(
                f"{sample}: {operation.kind} {operation.uid[:8]} ended with {operation.status}; "
                "only what came to its end can be done again as it was run (--as-asked gives what was meant)"
            )
        name = _unused(operation.name or operation.kind, [str(entry["name"]) for entry in entries])
        entries.append({"name": name, "operation": operation.kind, **_parameters(operation, schemas, as_run=as_run)})
    how = "run" if as_run else "asked"
    content = {"recipe": f"{sample}-as-{how}", "description": f"{sample} as it was {how}", "operations": entries}
    _, problems = check_recipe(content, schemas)
    if problems:
        raise StoreError("\n".join(f"{sample}, as {how}: {problem}" for problem in problems))
    return content


def reached(operation: OperationHistory) -> dict[str, float]:
    """Return those parameters of an operation that its traces tell, as they were reached [unit of what was asked]."""
    tell = _TELLERS.get(operation.kind)
    return {} if tell is None else tell(operation)


def _parameters(
    operation: OperationHistory, schemas: Mapping[str, OperationSchema], *, as_run: bool
) -> dict[str, Any]:  # text with a unit, or a plain value
    """Return the parameters that the operation takes."""
    told = {name: asked.value for name, asked in operation.asked.items()}
    if as_run:
        told |= {name: float(f"{value:.5g}") for name, value in reached(operation).items() if name in told}
    units = schemas[operation.kind].units()
    return {
        name: format_value(value, units[name]) if name in units else value
        for name, value in told.items()
        if name in schemas[operation.kind].parameters
    }


def _unused(name: str, taken: Sequence[str]) -> str:
    names = (name if number == 1 else f"{name}-{number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in names if candidate not in taken)


# What each kind of operation reached.


def _sputtered(operation: OperationHistory) -> dict[str, float]:
    """Mean power and flows while the shutter was open, and the thickness that the monitor showed in the end."""
    shutter, power = _trace(operation, "supply", "shutter"), _trace(operation, "supply", "power")
    if shutter is None or power is None or not np.any(growing := (shutter.values != 0) & (power.values > 0)):
        return {}
    found = {"power": float(np.mean(power.values[growing]))}
    for role in ("argon", "oxygen"):
        if (flow := _trace(operation, role, "flow")) is not None:
            found[f"{role}_flow"] = max(0.0, float(np.mean(flow.values[growing])))
    if (thickness := operation.after.get(f"{operation.roles['monitor']}_thickness")) is not None:
        found["thickness"] = float(thickness.value)
    return found


def _annealed(operation: OperationHistory) -> dict[str, float]:
    """The programme that the controller ran, or the temperature's course where the furnace could not follow it."""
    traces = [_trace(operation, "furnace", key) for key in ("temperature", "working_setpoint", "heater_power")]
    shown, setpoint, power = traces
    if shown is None or setpoint is None or power is None or not np.any(heats := power.values > 0):
        return {}
    last = int(np.flatnonzero(heats)[-1])
    times, wall, working = (column[: last + 1] for column in (shown.times_s, shown.values, setpoint.values))
    target = float(working[-1])
    held = np.flatnonzero(np.abs(working - target) < _SAME_K)
    there = held[wall[held] >= target - _NEAR_K]
    dwell = slice(int(there[0] if len(there) else held[0]), last + 1)
    mean = float(np.mean(wall[dwell]))
    found = {
        "temperature": target if abs(mean - target) <= _OVERSHOOT_K else mean,
        "dwell": float(np.ptp(times[dwell])) / 60.0,
    }
    begin = int(np.flatnonzero(heats)[0])
    if held[0] - begin >= 3:
        asked_K_s, done_K_s = (_slope(times[begin : held[0]], column[begin : held[0]]) for column in (working, wall))
        found["ramp_rate"] = 60.0 * (asked_K_s if done_K_s >= _FOLLOWS * asked_K_s else done_K_s)
    return found


def _slope(times: NDArray[np.float64], values: NDArray[Any]) -> float:
    """Return the slope of a straight line through points."""
    return float(np.polyfit(times - times[0], values.astype(np.float64), 1)[0])


def _trace(operation: OperationHistory, role: str, attribute: str) -> Trace | None:
    return operation.traces.get(f"{operation.roles.get(role, '')}_{attribute}")


_TELLERS: Mapping[str, Callable[[OperationHistory], dict[str, float]]] = {"sputter": _sputtered, "anneal": _annealed}
