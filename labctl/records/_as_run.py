"""What was done of a quantity that was asked for."""

from __future__ import annotations

import numpy as np

from labctl.store import RecordedRun

_LEAST, _NEAR = 3, 0.01


def as_run(run: RecordedRun, quantity: str) -> float | None:
    """Return the median of a quantity's readings while its set point was highest, in the quantity's unit.

    Highest is the value that the set point had most often within 1 % of its maximum: of a temperature programme its
    dwell, even where the end of the ramp went a little beyond. None where the quantity, or its set point, was not
    recorded, or fewer than three readings were taken then.

    Args:
        run: an operation.
        quantity: role of a device and its signal, such as ``furnace.temperature``.
    """
    role, _, signal = quantity.partition(".")
    key, stream = f"{run.start.get('roles', {}).get(role, role)}_{signal}", run.streams.get("process")
    if stream is None or key not in stream.columns:
        return None
    asked = stream.columns.get(str(stream.description.get(key, {}).get("setpoint", "")))
    if asked is None:
        return None
    high = asked[asked >= np.nanmax(asked) - _NEAR * abs(np.nanmax(asked))]
    values, counts = np.unique(high, return_counts=True)
    readings = stream.columns[key][asked == values[np.argmax(counts)]]
    readings = readings[np.isfinite(readings)]
    return float(np.median(readings)) if len(readings) >= _LEAST else None
