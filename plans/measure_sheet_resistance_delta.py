"""Measure a small sheet resistance with a current that is reversed again and again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.keithley2182a import Keithley2182A
from devices.keithley6221 import Keithley6221
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import record_result
from plans._operation import Plan, operation
from plans.measure_sheet_resistance import GEOMETRY

READING_S = 0.5
"""About how long one reading takes besides its settling time [s]."""


@operation(
    {"sheet_resistance": "ohm", "sheet_resistance_error": "ohm", "thermal_voltage": "V", "valid": ""},
    on_unknown="repeat",
    takes=lambda n_readings, settle, **_: 5.0 + n_readings * (settle + READING_S),
)
def measure_sheet_resistance_delta(
    source: Keithley6221,
    meter: Keithley2182A,
    samples: Sequence[str],
    *,
    current: Annotated[float, Quantity("mA", 1e-7, 105), LimitedBy("source", "current", 1e-3)] = "0.1 mA",  # type: ignore[assignment]  # converted
    compliance: Annotated[float, Quantity("V", 0.1, 105), LimitedBy("source", "compliance")] = "10 V",  # type: ignore[assignment]
    n_readings: Annotated[int, Field(ge=3, le=1000)] = 12,
    settle: Annotated[float, Quantity("s", 0, 60)] = "0.2 s",  # type: ignore[assignment]
) -> Plan:
    """Send a current of alternating sign through the outer pins and read the voltage over the inner ones.

    Three readings in a row make one value, so that a thermal voltage drops out, also one that drifts evenly (the delta
    method: Keithley, Model 6220/6221 Reference Manual, section 5). The stream ``primary`` has every reading, ``result``
    the mean ``sheet_resistance`` [ohm] with its standard error, the ``thermal_voltage`` [V] that was left out, and
    ``valid``: 0 where the source or the meter was at its limit. Safe state: no current, output off.

    Args:
        source: of the current.
        meter: nanovoltmeter at the inner pins; its digital filter is switched off, for it would mix both signs.
        samples: the one sample beneath the probe.
        current: through the outer pins, either sign [mA].
        compliance: highest voltage of the source [V].
        n_readings: how many, each with the other sign.
        settle: between a new sign and its reading [s].
    """
    amperes = current * 1e-3
    yield from bps.mv(meter.channel, 1, meter.digital_filter, 0, source.compliance, compliance, source.current, amperes)
    yield from bps.mv(source.output, 1)
    volts: list[float] = []
    limited = False
    for number in range(n_readings):
        yield from bps.mv(source.current, amperes * (-1.0) ** number)
        yield from bps.sleep(settle)
        reading = yield from bps.trigger_and_read([source, meter])
        volts.append(float(reading[meter.voltage.name]["value"]))
        limited = limited or bool(reading[meter.overload.name]["value"] or reading[source.in_compliance.name]["value"])
    yield from bps.mv(source.output, 0)
    signs = [(-1.0) ** number for number in range(n_readings)]
    ohms = [
        signs[i] * (2.0 * volts[i] - volts[i - 1] - volts[i + 1]) / (4.0 * amperes) for i in range(1, n_readings - 1)
    ]
    mean = sum(ohms) / len(ohms)
    spread = math.sqrt(sum((ohm - mean) ** 2 for ohm in ohms) / max(len(ohms) - 1, 1) / len(ohms))
    left_out = sum(volt - sign * mean * amperes for volt, sign in zip(volts, signs, strict=True)) / n_readings
    values = {
        "sheet_resistance": (0.0 if limited else GEOMETRY * mean, "ohm"),
        "sheet_resistance_error": (0.0 if limited else GEOMETRY * spread, "ohm"),
        "thermal_voltage": (0.0 if limited else left_out, "V"),
        "valid": (float(not limited), ""),
    }
    yield from record_result(values, meter.link.clock.time(), "three-point delta of the voltages x pi / ln 2")
