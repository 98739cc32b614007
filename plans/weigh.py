"""Weigh a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.mettler_mtsics import MettlerMTSICS
from labctl.quantities import Quantity
from plans._act import act, record_result
from plans._operation import Plan, operation

LEAST_G = 2e-3
"""Less than this is an empty pan [g]: two stable readings may differ by half of it."""


@operation(
    {"mass": "g", "mass_error": "g", "valid": ""},
    on_unknown="repeat",
    takes=lambda n_readings, **_: 5.0 + 5 * n_readings,
)
def weigh(
    balance: MettlerMTSICS,
    samples: Sequence[str],
    *,
    n_readings: Annotated[int, Field(ge=1, le=1000)] = 3,
    time_limit: Annotated[float, Quantity("s", 1, 3600)] = "60 s",  # type: ignore[assignment]  # converted
) -> Plan:
    """Take stable readings of what lies on the pan, less the tare.

    The stream ``primary`` has the readings, ``result`` their mean as ``mass`` [g], its standard error and ``valid``:
    0 where the pan is empty (below 2 mg). Safe state: the balance only listens.

    Args:
        balance: with the sample on its pan.
        samples: the one sample on the pan.
        n_readings: how many are averaged.
        time_limit: a reading that is not stable by then fails the operation [s].
    """
    grams: list[float] = []
    for _ in range(n_readings):
        yield from act("stable weight", lambda: balance.weigh(time_limit))
        reading = yield from bps.trigger_and_read([balance])
        grams.append(float(reading[balance.stable_weight.name]["value"]))
    mean = sum(grams) / n_readings
    spread = math.sqrt(sum((gram - mean) ** 2 for gram in grams) / max(n_readings - 1, 1) / n_readings)
    values = {"mass": (mean, "g"), "mass_error": (spread, "g"), "valid": (float(mean > LEAST_G), "")}
    yield from record_result(values, balance.link.clock.time(), "mean of stable readings")
