"""Measure the resistance of a sample over a range of temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.keithley2400 import Keithley2400
from devices.lakeshore336 import HIGH, LOW, MEDIUM, LakeShore336
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import act, record_result
from plans._operation import Plan, operation
from plans._sweep import StraightLine, levels

RANGES = {"low": LOW, "medium": MEDIUM, "high": HIGH}
MARGIN_S = 3600.0
"""How much longer than its ramp the way to a temperature may take [s]."""


def _takes(start: float, stop: float, n_steps: int, settle: float, ramp_rate: float, **_: object) -> float:
    return (abs(stop - start) / ramp_rate + abs(start - 295.0) / ramp_rate) * 60.0 + (n_steps + 1) * settle


@operation(
    {
        "temperature_coefficient": "1/K",
        "coefficient_error": "1/K",
        "resistance": "ohm",
        "nonlinearity": "",
        "valid": "",
    },
    takes=_takes,
)
def measure_resistance_temperature(
    cryostat: LakeShore336,
    meter: Keithley2400,
    samples: Sequence[str],
    *,
    start: Annotated[float, Quantity("K", 1, 400), LimitedBy("cryostat", "setpoint")],
    stop: Annotated[float, Quantity("K", 1, 400), LimitedBy("cryostat", "setpoint")],
    n_steps: Annotated[int, Field(ge=1, le=400)] = 10,
    ramp_rate: Annotated[float, Quantity("K/min", 0.1, 100), LimitedBy("cryostat", "ramp_rate")] = "5 K/min",  # type: ignore[assignment]  # converted
    heater_range: Literal["low", "medium", "high"] = "high",
    tolerance: Annotated[float, Quantity("K", 0.01, 10)] = "0.2 K",  # type: ignore[assignment]
    settle: Annotated[float, Quantity("s", 0, 36000)] = "120 s",  # type: ignore[assignment]
    current: Annotated[float, Quantity("mA", 1e-6, 1000), LimitedBy("meter", "source_current", 1e-3)] = "0.1 mA",  # type: ignore[assignment]
    compliance: Annotated[float, Quantity("V", 2e-4, 210), LimitedBy("meter", "compliance_voltage")] = "10 V",  # type: ignore[assignment]
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "10 s",  # type: ignore[assignment]
) -> Plan:
    """Go from one temperature to another in even steps, let each settle, and read the resistance on four wires.

    The current flows in both directions at each temperature, so that thermal voltages drop out; it is off on the way.
    The stream ``primary`` has both readings of each point. ``result`` has the straight line through resistance over
    temperature: ``resistance`` [ohm] in the middle of the range, ``temperature_coefficient`` [1/K] relative to it with
    standard error, ``nonlinearity`` (the farthest point from the line as a share of the span), and ``valid``: 0 where
    a reading ran to the limit of the voltage. Safe state: heater off, output off.

    Args:
        cryostat: temperature controller of the stage that holds the sample.
        meter: four-wire source-measure unit at the contacts.
        samples: the one sample on the stage.
        start: first temperature [K].
        stop: last temperature [K].
        n_steps: from one to the other.
        ramp_rate: on the way [K/min].
        heater_range: of the controller.
        tolerance: how near counts as reached [K].
        settle: between reaching a temperature and the reading [s].
        current: through the sample [mA].
        compliance: highest voltage [V].
        monitor_period: time between process readings [s].
    """
    yield from bps.mv(meter.source_function, "CURR", meter.sense_function, "VOLT", meter.four_wire, 1)
    yield from bps.mv(meter.compliance_voltage, compliance)
    kelvins: list[float] = []
    ohms: list[float] = []
    for kelvin in levels(start, stop, n_steps):
        limit_s = abs(kelvin - float(cryostat.temperature.get())) / ramp_rate * 60.0 + MARGIN_S

        def go(kelvin: float = kelvin, limit_s: float = limit_s) -> object:
            return cryostat.go_to(kelvin, ramp_rate, RANGES[heater_range], tolerance, limit_s)

        yield from act(f"{kelvin:g} K", go)
        yield from act("settle", lambda: cryostat.hold(settle))
        both = []
        for sign in (1.0, -1.0):
            yield from bps.mv(meter.source_current, sign * current * 1e-3)
            yield from bps.mv(meter.output, 1)
            both.append((yield from bps.trigger_and_read([meter, cryostat])))
            yield from bps.mv(meter.output, 0)
        if not any(reading[meter.in_compliance.name]["value"] for reading in both):
            volts = [float(reading[meter.voltage.name]["value"]) for reading in both]
            kelvins.append(sum(float(reading[cryostat.temperature.name]["value"]) for reading in both) / 2)
            ohms.append((volts[0] - volts[1]) / (2e-3 * current))
    line = StraightLine.through(kelvins, ohms)
    middle = (start + stop) / 2
    ohm = line.offset + line.slope * middle if line is not None else 0.0
    is_valid = line is not None and len(ohms) == n_steps + 1 and ohm > 0.0
    values = {
        "temperature_coefficient": (line.slope / ohm if line is not None and ohm else 0.0, "1/K"),
        "coefficient_error": (line.slope_error / ohm if line is not None and ohm else 0.0, "1/K"),
        "resistance": (ohm, "ohm"),
        "nonlinearity": (line.departure if line is not None else 0.0, ""),
        "valid": (float(is_valid), ""),
    }
    yield from record_result(values, meter.link.clock.time(), "line of least squares, resistance over temperature")
