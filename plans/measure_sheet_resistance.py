"""Measure the sheet resistance of a film with a four-point probe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from devices.keithley2400 import Keithley2400
from pydantic import Field

from labctl.quantities import Quantity
from plans._act import record_result
from plans._operation import Plan, operation

GEOMETRY = math.pi / math.log(2)
"""Sheet resistance over measured resistance for a collinear probe on a large film.

F. M. Smits, Bell System Technical Journal 37 (1958) 711, equation 3.
"""
OVERFLOW_OHM = 9.8e37
"""A source-measure unit answers 9.9E37 or 9.91E37 where it could not measure."""


@operation
def measure_sheet_resistance(
    meter: Keithley2400,
    samples: Sequence[str],
    *,
    current: Annotated[float, Quantity("mA", 1e-6, 1000)] = "1 mA",  # type: ignore[assignment]  # converted
    compliance: Annotated[float, Quantity("V", 2e-4, 210)] = "10 V",  # type: ignore[assignment]
    n_readings: Annotated[int, Field(ge=1, le=1000)] = 5,
) -> Plan:
    """Send a current through the outer pins and read the voltage over the inner ones.

    The stream ``primary`` has the readings, ``result`` their mean as ``sheet_resistance`` [ohm],
    its standard error and ``valid``: 0 where the meter could not measure (an open film).
    Safe state: no current, output off.

    Args:
        meter: four-wire source-measure unit at the probe head.
        samples: the one sample beneath the probe.
        current: through the outer pins [mA].
        compliance: highest voltage [V].
        n_readings: how many are averaged.
    """
    yield from bps.mv(meter.four_wire, 1, meter.compliance_voltage, compliance)
    yield from bps.mv(meter.source_current, current * 1e-3)
    yield from bps.mv(meter.output, 1)
    readings = []
    for _ in range(n_readings):
        reading = yield from bps.trigger_and_read([meter])
        readings.append(float(reading[meter.resistance.name]["value"]))
    valid = [r for r in readings if abs(r) < OVERFLOW_OHM and not reading[meter.over_range.name]["value"]]
    mean = sum(valid) / len(valid) if valid else 0.0
    spread = math.sqrt(sum((r - mean) ** 2 for r in valid) / max(len(valid) - 1, 1) / max(len(valid), 1))
    values = {
        "sheet_resistance": (GEOMETRY * mean, "ohm"),
        "sheet_resistance_error": (GEOMETRY * spread, "ohm"),
        "valid": (float(len(valid) == n_readings), ""),
    }
    yield from record_result(values, meter.link.clock.time(), "mean of the resistance readings x pi / ln 2")
