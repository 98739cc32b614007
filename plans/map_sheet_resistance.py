"""Measure the sheet resistance at points all over a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.keithley2400 import Keithley2400
from devices.linear_stage import LinearStage
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import act, record_result
from plans._operation import Plan, operation
from plans._sweep import grid
from plans.measure_sheet_resistance import GEOMETRY

MOVE_S = 120.0
"""Within what time a move must end [s]."""
POINT_S = 12.0


@operation(
    {"sheet_resistance": "ohm", "lowest": "ohm", "highest": "ohm", "spread": "ohm", "nonuniformity": "", "valid": ""},
    on_unknown="repeat",
    takes=lambda n_x, n_y, **_: 60.0 + POINT_S * n_x * n_y,
)
def map_sheet_resistance(
    meter: Keithley2400,
    x: LinearStage,
    y: LinearStage,
    lift: LinearStage,
    samples: Sequence[str],
    *,
    middle_x: Annotated[float, Quantity("mm", 0, 500)],
    middle_y: Annotated[float, Quantity("mm", 0, 500)],
    width: Annotated[float, Quantity("mm", 1, 500)],
    height: Annotated[float, Quantity("mm", 1, 500)],
    contact: Annotated[float, Quantity("mm", 0, 500)],
    clearance: Annotated[float, Quantity("mm", 0, 500)] = "0 mm",  # type: ignore[assignment]  # converted
    shape: Literal["rectangle", "round"] = "rectangle",
    margin: Annotated[float, Quantity("mm", 0, 100)] = "3 mm",  # type: ignore[assignment]
    n_x: Annotated[int, Field(ge=1, le=200)] = 5,
    n_y: Annotated[int, Field(ge=1, le=200)] = 5,
    current: Annotated[float, Quantity("mA", 1e-6, 1000), LimitedBy("meter", "source_current", 1e-3)] = "1 mA",  # type: ignore[assignment]
    compliance: Annotated[float, Quantity("V", 2e-4, 210), LimitedBy("meter", "compliance_voltage")] = "10 V",  # type: ignore[assignment]
) -> Plan:
    """Go over a sample in rows, there and back, lower the probe head at each point, and measure there.

    The points are those of an even grid that lie on the sample, no nearer to its edge than the margin; all of them are
    checked against the travel of the stages before anything moves. The head is up before a stage moves, and no current
    flows unless it is down. The stream ``primary`` has both positions and the reading of each point; ``result`` the
    mean ``sheet_resistance`` [ohm], the ``lowest`` and ``highest``, their ``spread`` (standard deviation, [ohm]),
    ``nonuniformity`` (spread over mean) and ``valid``: 0 where a point ran to the limit of the voltage. The formula
    holds for points well inside a large film. All stages are homed first. Safe state: output off, stages stopped; after
    a whole map the head is up.

    Args:
        meter: four-wire source-measure unit at the probe head.
        x: stage that carries the sample along a row.
        y: stage that carries it from row to row.
        lift: that carries the head.
        samples: the one sample on the stages.
        middle_x: position of the stage with the head over the middle of the sample [mm].
        middle_y: position of the other stage there [mm].
        width: of the sample along x, the diameter of a round one [mm].
        height: of the sample along y [mm].
        contact: position of the lift at which the pins press on the film [mm].
        clearance: position of the lift at which they are clear of it [mm].
        shape: of the sample; `round` leaves out what lies in the corners.
        margin: from the edge of the sample to the outermost points [mm].
        n_x: points of a row, evenly from margin to margin; 1 is the middle.
        n_y: rows, likewise.
        current: through the outer pins [mA].
        compliance: highest voltage [V].
    """
    away = grid(width - 2 * margin, height - 2 * margin, n_x, n_y, is_round=shape == "round")
    points = [(middle_x + across, middle_y + along) for across, along in away]
    if not points:
        raise ValueError(f"no point of {n_x} x {n_y} is on a {shape} of {width:g} x {height:g} mm within {margin:g} mm")
    for stage, positions in ((x, [each for each, _ in points]), (y, [each for _, each in points])):
        for position in (min(positions), max(positions)):
            stage.check_position(position)
    for position in (contact, clearance):
        lift.check_position(position)
    yield from bps.mv(meter.output, 0)
    yield from act("home", lambda: lift.home(MOVE_S))
    yield from act("lift", lambda: lift.move(clearance, MOVE_S))
    yield from act("home", lambda: x.home(MOVE_S), lambda: y.home(MOVE_S))
    yield from bps.mv(meter.source_function, "CURR", meter.sense_function, "VOLT", meter.four_wire, 1)
    yield from bps.mv(meter.compliance_voltage, compliance, meter.source_current, current * 1e-3)
    sheets: list[float] = []
    for point in points:
        yield from act("stages", lambda p=point: x.move(p[0], MOVE_S), lambda p=point: y.move(p[1], MOVE_S))  # type: ignore[misc]
        yield from act("contact", lambda: lift.move(contact, MOVE_S))
        yield from bps.mv(meter.output, 1)
        reading = yield from bps.trigger_and_read([meter, x, y, lift])
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
        "spread": (spread, "ohm"),
        "nonuniformity": (spread / mean if mean else 0.0, ""),
        "valid": (float(len(sheets) == len(points)), ""),
    }
    yield from record_result(values, meter.link.clock.time(), "the resistance readings x pi / ln 2")
