"""Traces of an operation in groups that belong in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.records import OperationHistory, Trace, difference_of


@dataclass(frozen=True)
class Band:
    """Where readings should be: the set point with its tolerance."""

    times_s: NDArray[np.float64]
    """(n,) [s since the operation began]."""
    low: NDArray[np.float64]
    """(n,) In the panel's unit; not a number while the set point does not count."""
    high: NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """One picture: quantities of one device in one unit, with what they should follow."""

    title: str
    unit: str
    traces: tuple[Trace, ...]
    """Readings first, set points last."""
    setpoints: frozenset[str]
    """Keys of those that are set points."""
    outside: tuple[tuple[float, float], ...]
    """Begin and end of each time a reading was outside its tolerance [s since the operation began]."""
    bands: tuple[Band, ...]

    @property
    def weight(self) -> tuple[bool, bool]:
        """Sort key: what left its tolerance first, then what follows a set point."""
        return not self.outside, not self.setpoints


def panels_of(operation: OperationHistory) -> list[Panel]:
    """Return the pictures of an operation's quantities that have a unit, the most telling first."""
    groups: dict[tuple[str, str], list[Trace]] = {}
    for trace in operation.traces.values():
        if is_number(trace) and trace.unit and len(trace.values) > 1:
            groups.setdefault((device_of(trace.key, operation), trace.unit), []).append(trace)
    panels = [_panel(operation, device, unit, traces) for (device, unit), traces in groups.items()]
    return sorted(panels, key=lambda panel: panel.weight)


def device_of(key: str, operation: OperationHistory) -> str:
    """Return the device that a data key belongs to; empty when none does."""
    owners = [device.name for device in operation.devices if key.startswith(f"{device.name}_")]
    return max(owners, key=len, default="")


def quantity_of(key: str, operation: OperationHistory) -> str:
    """Return a data key without its device."""
    return key.removeprefix(f"{device_of(key, operation)}_")


def is_number(trace: Trace) -> bool:
    """Return whether a trace can be drawn."""
    return trace.values.dtype.kind in "fiu"


def is_setpoint(key: str, operation: OperationHistory) -> bool:
    """Return whether a quantity is what another one should follow."""
    return any(trace.setpoint == key for trace in operation.traces.values())


def _panel(operation: OperationHistory, device: str, unit: str, traces: Sequence[Trace]) -> Panel:
    asked = frozenset(trace.key for trace in traces if is_setpoint(trace.key, operation))
    ordered = sorted(traces, key=lambda trace: trace.key in asked)
    names = ", ".join(quantity_of(trace.key, operation) for trace in ordered if trace.key not in asked)
    title = f"{device} {names}".strip().replace("_", " ")
    followed = [_followed(operation, trace) for trace in ordered if trace.setpoint in operation.traces]
    spans = [span for trace_spans, _ in followed for span in trace_spans]
    return Panel(title, unit, tuple(ordered), asked, tuple(spans), tuple(band for _, band in followed))


def _followed(operation: OperationHistory, trace: Trace) -> tuple[list[tuple[float, float]], Band]:
    """Return when a reading was outside its tolerance, and where it should have been."""
    gate = operation.traces.get(trace.gate)
    asked = operation.traces[trace.setpoint].values.astype(float)
    tolerance = trace.tolerance or 0.0
    difference = difference_of(trace.values, asked, None if gate is None else gate.values)
    counting = np.where(np.isfinite(difference), asked, np.nan)
    outside = spans_of(np.abs(difference) > tolerance, trace.times_s) if tolerance else []
    return outside, Band(trace.times_s, counting - tolerance, counting + tolerance)


def spans_of(holds: NDArray[np.bool_], times: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return begin and end of each time that something held, from the reading before it to the one after it.

    Args:
        holds: (n,) whether it did.
        times: (n,) when it was read [s].
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False])).astype(int)))
    last = len(times) - 1
    return [
        (float(times[max(begin - 1, 0)]), float(times[min(end, last)]))
        for begin, end in zip(edges[::2], edges[1::2], strict=True)
    ]
