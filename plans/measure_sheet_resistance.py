"""Measure the sheet resistance of a film with a four-point probe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.keithley2400 import Keithley2400
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import record_result
from plans._operation import Plan, operation

GEOMETRY = math.pi / math.log(2)
"""Sheet resistance over measured resistance for a collinear probe on a large film.

F. M. Smits, Bell System Technical Journal 37 (1958) 711, equation 3.
"""


@operation(
    {"sheet_resistance": "ohm", "sheet_resistance_error": "ohm", "valid": ""},
    on_unknown="repeat",
    takes=lambda n_readings, **_: 5.0 + n_readings,
)
def measure_sheet_resistance(
    meter: Keithley2400,
    samples: Sequence[str],
    *,
    current: Annotated[float, Quantity("mA", 1e-6, 1000), LimitedBy("meter", "source_current", 1e-3)] = "1 mA",  # type: ignore[assignment]  # converted
    compliance: Annotated[float, Quantity("V", 2e-4, 210), LimitedBy("meter", "compliance_voltage")] = "10 V",  # type: ignore[assignment]
    n_readings: Annotated[int, Field(ge=1, le=1000)] = 5,
) -> Plan:
    """Send a current through the outer pins and read the voltage over the inner ones.

    The stream ``primary`` has the readings, ``result`` their mean as ``sheet_resistance`` [ohm],
    its standard error and ``valid``: 0 where the voltage ran to its limit (an open film).
    Safe state: no current, output off.

    Args:
        meter: four-wire source-measure unit at the probe head.
        samples: the one sample beneath the probe.
        current: through the outer pins [mA].
        compliance: highest voltage [V].
        n_readings: how many are averaged.
    """
    yield from bps.mv(meter.source_function, "CURR", meter.sense_function, "VOLT", meter.four_wire, 1)
    yield from bps.mv(meter.compliance_voltage, compliance, meter.source_current, current * 1e-3)
    yield from bps.mv(meter.output, 1)
    valid: list[float] = []
    for _ in range(n_readings):
        reading = yield from bps.trigger_and_read([meter])
        if not reading[meter.in_compliance.name]["value"]:
            valid.append(float(reading[meter.resistance.name]["value"]))
    mean = sum(valid) / len(valid) if valid else 0.0
    spread = math.sqrt(sum((r - mean) ** 2 for r in valid) / max(len(valid) - 1, 1) / max(len(valid), 1))
    values = {
        "sheet_resistance": (GEOMETRY * mean, "ohm"),
        "sheet_resistance_error": (GEOMETRY * spread, "ohm"),
        "valid": (float(len(valid) == n_readings), ""),
    }
    yield from record_result(values, meter.link.clock.time(), "mean of the resistance readings x pi / ln 2")
