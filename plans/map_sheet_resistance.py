"""Measure the sheet resistance at points along a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.keithley2400 import Keithley2400
from devices.linear_stage import LinearStage
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import act, record_result
from plans._operation import Plan, operation
from plans._sweep import levels
from plans.measure_sheet_resistance import GEOMETRY

MOVE_S = 120.0
"""Within what time a move must end [s]."""
POINT_S = 12.0


@operation(
    {"sheet_resistance": "ohm", "lowest": "ohm", "highest": "ohm", "nonuniformity": "", "valid": ""},
    on_unknown="repeat",
    takes=lambda n_steps, **_: 60.0 + POINT_S * (n_steps + 1),
)
def map_sheet_resistance(
    meter: Keithley2400,
    stage: LinearStage,
    lift: LinearStage,
    samples: Sequence[str],
    *,
    start: Annotated[float, Quantity("mm", 0, 500)],
    stop: Annotated[float, Quantity("mm", 0, 500)],
    contact: Annotated[float, Quantity("mm", 0, 500)],
    clearance: Annotated[float, Quantity("mm", 0, 500)] = "0 mm",  # type: ignore[assignment]  # converted
    n_steps: Annotated[int, Field(ge=1, le=500)] = 10,
    current: Annotated[float, Quantity("mA", 1e-6, 1000), LimitedBy("meter", "source_current", 1e-3)] = "1 mA",  # type: ignore[assignment]
    compliance: Annotated[float, Quantity("V", 2e-4, 210), LimitedBy("meter", "compliance_voltage")] = "10 V",  # type: ignore[assignment]
) -> Plan:
    """Go along a line in even steps, lower the probe head at each, and measure the sheet resistance there.

    The head is up before the stage moves, and no current flows unless it is down. The stream ``primary`` has position
    and reading of each point; ``result`` the mean ``sheet_resistance`` [ohm], the ``lowest`` and ``highest``,
    ``nonuniformity`` (standard deviation over mean) and ``valid``: 0 where a point ran to the limit of the voltage.
    The formula holds for points well inside a large film. Both stages are homed first. Safe state: output off, stages
    stopped; after a whole map the head is up.

    Args:
        meter: four-wire source-measure unit at the probe head.
        stage: that carries the sample past the head.
        lift: that carries the head.
        samples: the one sample on the stage.
        start: position of the first point [mm].
        stop: position of the last point [mm].
        contact: position of the lift at which the pins press on the film [mm].
        clearance: position of the lift at which they are clear of it [mm].
        n_steps: from the first point to the last.
        current: through the outer pins [mA].
        compliance: highest voltage [V].
    """
    yield from bps.mv(meter.output, 0)
    yield from act("home", lambda: lift.home(MOVE_S))
    yield from act("lift", lambda: lift.move(clearance, MOVE_S))
    yield from act("home", lambda: stage.home(MOVE_S))
    yield from bps.mv(meter.source_function, "CURR", meter.sense_function, "VOLT", meter.four_wire, 1)
    yield from bps.mv(meter.compliance_voltage, compliance, meter.source_current, current * 1e-3)
    sheets: list[float] = []
    for position in levels(start, stop, n_steps):
        yield from act("stage", lambda position=position: stage.move(position, MOVE_S))  # type: ignore[misc]
        yield from act("contact", lambda: lift.move(contact, MOVE_S))
        yield from bps.mv(meter.output, 1)
        reading = yield from bps.trigger_and_read([meter, stage, lift])
        yield from bps.mv(meter.output, 0)
        yield from act("lift", lambda: lift.move(clearance, MOVE_S))
        if not reading[meter.in_compliance.name]["value"]:
            sheets.append(GEOMETRY * float(reading[meter.resistance.name]["value"]))
    mean = sum(sheets) / len(sheets) if sheets else 0.0
    spread = math.sqrt(sum((value - mean) ** 2 for value in sheets) / max(len(sheets) - 1, 1))
    values = {
        "sheet_resistance": (mean, "ohm"),
        "lowest": (min(sheets, default=0.0), "ohm"),
        "highest": (max(sheets, default=0.0), "ohm"),
        "nonuniformity": (spread / mean if mean else 0.0, ""),
        "valid": (float(len(sheets) == n_steps + 1), ""),
    }
    yield from record_result(values, meter.link.clock.time(), "the resistance readings x pi / ln 2")
