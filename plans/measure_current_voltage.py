"""Measure the current through a sample over a range of voltages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.keithley2400 import Keithley2400
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import record_result
from plans._operation import Plan, operation
from plans._sweep import StraightLine, levels

CERTAIN = 3.0
"""By how many standard errors a slope must be above 0."""
READING_S = 0.3
"""About how long one point takes besides its settling time [s]."""


def _takes(n_steps: int, n_legs: int, settle: float, **_: object) -> float:
    return 5.0 + n_legs * (n_steps + 1) * (settle + READING_S)


@operation(
    {"resistance": "ohm", "resistance_error": "ohm", "offset_current": "A", "nonlinearity": "", "valid": ""},
    on_unknown="repeat",
    takes=_takes,
)
def measure_current_voltage(
    meter: Keithley2400,
    samples: Sequence[str],
    *,
    start: Annotated[float, Quantity("V", -210, 210), LimitedBy("meter", "source_voltage")] = "-1 V",  # type: ignore[assignment]  # converted
    stop: Annotated[float, Quantity("V", -210, 210), LimitedBy("meter", "source_voltage")] = "1 V",  # type: ignore[assignment]
    n_steps: Annotated[int, Field(ge=1, le=2000)] = 20,
    n_legs: Annotated[int, Field(ge=1, le=100)] = 1,
    compliance: Annotated[float, Quantity("mA", 1e-6, 1050), LimitedBy("meter", "compliance_current", 1e-3)] = "10 mA",  # type: ignore[assignment]
    wires: Literal["two", "four"] = "two",
    settle: Annotated[float, Quantity("s", 0, 600)] = "0 s",  # type: ignore[assignment]
) -> Plan:
    """Go through a range of voltages in even steps and read the current at each.

    The stream ``primary`` has every point. ``result`` has the straight line through those where the meter was not at
    its limit: ``resistance`` [ohm] (one over its slope) with standard error, ``offset_current`` [A] at 0 V, and
    ``nonlinearity``: the farthest point from the line as a share of the span of the currents. ``valid`` is 0 where
    any point was at the limit, or where the current does not rise with the voltage by three standard errors of it: an
    open contact. Safe state: output off, source at 0 V.

    Args:
        meter: source-measure unit at the contacts.
        samples: the one sample that is contacted.
        start: first voltage [V].
        stop: last voltage of the way there [V].
        n_steps: of the way from one to the other.
        n_legs: how often the range is gone through: 1 there, 2 there and back, and so on.
        compliance: highest current [mA].
        wires: `four` where the voltage is sensed on wires of its own.
        settle: between a new voltage and its reading [s].
    """
    yield from bps.mv(meter.source_function, "VOLT", meter.sense_function, "CURR")
    yield from bps.mv(meter.four_wire, int(wires == "four"), meter.compliance_current, compliance * 1e-3)
    yield from bps.mv(meter.source_voltage, start)
    yield from bps.mv(meter.output, 1)
    volts: list[float] = []
    amperes: list[float] = []
    n_limited = 0
    for level in levels(start, stop, n_steps, n_legs):
        yield from bps.mv(meter.source_voltage, level)
        yield from bps.sleep(settle)
        reading = yield from bps.trigger_and_read([meter])
        if reading[meter.in_compliance.name]["value"]:
            n_limited += 1
        else:
            volts.append(float(reading[meter.voltage.name]["value"]))
            amperes.append(float(reading[meter.current.name]["value"]))
    yield from bps.mv(meter.output, 0)
    line = StraightLine.through(volts, amperes)
    slope = line.slope if line is not None and line.slope > CERTAIN * line.slope_error else 0.0
    resistance = 1.0 / slope if slope > 0.0 else 0.0
    values = {
        "resistance": (resistance, "ohm"),
        "resistance_error": (line.slope_error * resistance**2 if line is not None else 0.0, "ohm"),
        "offset_current": (line.offset if line is not None else 0.0, "A"),
        "nonlinearity": (line.departure if line is not None else 0.0, ""),
        "valid": (float(slope > 0.0 and n_limited == 0), ""),
    }
    yield from record_result(values, meter.link.clock.time(), "line of least squares through current over voltage")
