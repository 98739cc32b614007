"""Measure the capacitance of a sample over a range of bias voltages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.keysight_e4980a import KeysightE4980A
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import record_result
from plans._operation import Plan, operation
from plans._sweep import levels

READING_S = 0.3
"""About how long one point takes besides its settling time [s]."""


def _takes(n_steps: int, n_legs: int, settle: float, **_: object) -> float:
    return 5.0 + n_legs * (n_steps + 1) * (settle + READING_S)


@operation(
    {
        "highest_capacitance": "F",
        "lowest_capacitance": "F",
        "steepest_bias": "V",
        "highest_dissipation": "",
        "valid": "",
    },
    on_unknown="repeat",
    takes=_takes,
)
def measure_capacitance_voltage(
    meter: KeysightE4980A,
    samples: Sequence[str],
    *,
    start: Annotated[float, Quantity("V", -40, 40), LimitedBy("meter", "bias")] = "-3 V",  # type: ignore[assignment]  # converted
    stop: Annotated[float, Quantity("V", -40, 40), LimitedBy("meter", "bias")] = "3 V",  # type: ignore[assignment]
    n_steps: Annotated[int, Field(ge=1, le=2000)] = 30,
    n_legs: Annotated[int, Field(ge=1, le=100)] = 1,
    frequency: Annotated[float, Quantity("kHz", 0.02, 2000), LimitedBy("meter", "frequency", 1e3)] = "100 kHz",  # type: ignore[assignment]
    level: Annotated[float, Quantity("mV", 0, 2000), LimitedBy("meter", "level", 1e-3)] = "30 mV",  # type: ignore[assignment]
    settle: Annotated[float, Quantity("s", 0, 600)] = "100 ms",  # type: ignore[assignment]
) -> Plan:
    """Go through a range of bias voltages in even steps and read capacitance and conductance at each.

    The stream ``primary`` has every point. ``result`` has ``highest_capacitance`` and ``lowest_capacitance`` [F],
    ``steepest_bias`` [V], halfway between the two neighbouring points where the capacitance changes most, the
    ``highest_dissipation``, and ``valid``: 0 where the bridge was not balanced or the capacitance not above 0.
    Safe state: bias off and at 0 V, test signal at 0 V.

    Args:
        meter: LCR meter at the contacts.
        samples: the one sample that is contacted.
        start: first bias [V].
        stop: last bias of the way there [V].
        n_steps: of the way from one to the other.
        n_legs: how often the range is gone through: 1 there, 2 there and back, and so on.
        frequency: of the test signal [kHz].
        level: of the test signal [mV].
        settle: between a new bias and its reading [s].
    """
    yield from bps.mv(meter.frequency, frequency * 1e3, meter.level, level * 1e-3, meter.bias, start)
    yield from bps.mv(meter.bias_enabled, 1)
    biases = list(levels(start, stop, n_steps, n_legs))
    farads: list[float] = []
    losses: list[float] = []
    overloaded = False
    for bias in biases:
        yield from bps.mv(meter.bias, bias)
        yield from bps.sleep(settle)
        reading = yield from bps.trigger_and_read([meter])
        farads.append(float(reading[meter.capacitance.name]["value"]))
        losses.append(float(reading[meter.dissipation.name]["value"]))
        overloaded = overloaded or bool(reading[meter.overload.name]["value"])
    yield from bps.mv(meter.bias_enabled, 0)
    steepest = max(range(len(farads) - 1), key=lambda index: abs(farads[index + 1] - farads[index]))
    values = {
        "highest_capacitance": (max(farads), "F"),
        "lowest_capacitance": (min(farads), "F"),
        "steepest_bias": ((biases[steepest] + biases[steepest + 1]) / 2, "V"),
        "highest_dissipation": (max(losses), ""),
        "valid": (float(not overloaded and min(farads) > 0.0), ""),
    }
    yield from record_result(values, meter.link.clock.time(), "the readings of parallel capacitance over the bias")
