"""Measure how much light a film lets through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.thorlabs_pm100d import POWER_RANGE_W, ThorlabsPM100D
from labctl.errors import LabError
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import record_result
from plans._operation import Plan, operation


@operation({"transmittance": "", "valid": ""}, on_unknown="repeat", takes=lambda n_readings, **_: 5.0 + n_readings)
def measure_transmittance(
    meter: ThorlabsPM100D,
    samples: Sequence[str],
    *,
    wavelength: Annotated[float, Quantity("nm", 185, 25000), LimitedBy("meter", "wavelength")] = "550 nm",  # type: ignore[assignment]  # converted
    n_readings: Annotated[int, Field(ge=1, le=1000)] = 5,
) -> Plan:
    """Read the power behind the sample and divide it by the meter's stored reference.

    The stream ``primary`` has the readings, ``result`` the ``transmittance`` (0 to 1) and ``valid``.
    It fails where there is no light or a power is impossible: then nothing is known of the sample.
    Safe state: the meter emits nothing.

    Args:
        meter: power meter behind the sample; its reference was taken with the stage empty.
        samples: the one sample in the beam.
        wavelength: of the light source; sets the sensor's correction [nm].
        n_readings: how many are averaged.
    """
    yield from bps.mv(meter.wavelength, wavelength)
    powers = []
    for _ in range(n_readings):
        reading = yield from bps.trigger_and_read([meter])
        powers.append(_measured(meter, "power", float(reading[meter.power.name]["value"])))
    reference = _measured(meter, "reference", (yield from bps.rd(meter.reference)))
    transmittance = sum(powers) / n_readings / reference
    values = {"transmittance": (transmittance, ""), "valid": (float(0.0 < transmittance <= 1.05), "")}
    yield from record_result(values, meter.link.clock.time(), "mean power / stored reference power")


def _measured(meter: ThorlabsPM100D, name: str, power_W: float) -> float:
    """Return a power; raises LabError where the sensor cannot have measured it."""
    low_W, high_W = POWER_RANGE_W
    if not low_W <= power_W <= high_W:
        what = "the lamp is out, the beam is blocked or the reference was taken in the dark"
        why = what if power_W < low_W else "the meter's reply is wrong"
        raise LabError(f"{meter.name}.{name}={power_W:.3g} W is outside {low_W:g}..{high_W:g} W of its sensor: {why}")
    return power_W
