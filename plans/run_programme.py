"""Let a tool run one of its programmes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from pydantic import Field

from devices.process_tool import ProcessTool
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import act, record_result
from plans._operation import Plan, operation

MARGIN = 3.0
"""How many times as long as asked a programme may take."""
MARGIN_S = 600.0


def _shut(tool: ProcessTool, **_: object) -> str:
    """Return that the tool still rests; raises `LinkError`."""
    state = str(tool.state.get())
    return f"{tool.name} is not ready to be opened: {state.lower()}" if state in ("RUN", "REST", "ABORTED") else ""


@operation({"dose": "h"}, closed=_shut, takes=lambda duration, rest, **_: (duration + rest) * 60.0)
def run_programme(
    tool: ProcessTool,
    samples: Sequence[str],
    *,
    programme: Annotated[int, Field(ge=1, le=999), LimitedBy("tool", "programme")],
    level: Annotated[float, Quantity("percent", 0, 100), LimitedBy("tool", "level")] = "100 percent",  # type: ignore[assignment]  # converted
    duration: Annotated[float, Quantity("min", 0, 10080), LimitedBy("tool", "duration", 60.0)],
    rest: Annotated[float, Quantity("min", 0, 10080), LimitedBy("tool", "rest", 60.0)] = "0 min",  # type: ignore[assignment]
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "60 s",  # type: ignore[assignment]
) -> Plan:
    """Work at a level for a time, then rest until the door may be opened.

    The stream ``result`` has the ``dose`` [h]: the time at full level that the programme came to. Safe state: the
    programme is dropped.

    Args:
        tool: that holds the samples.
        samples: everything in the load.
        programme: number of the stored programme.
        level: how hard it works [percent].
        duration: how long it works [min].
        rest: how long it rests after that, with its door shut [min].
        monitor_period: time between process readings [s].
    """
    yield from bps.mv(tool.programme, programme, tool.level, level)
    yield from bps.mv(tool.duration, duration * 60.0, tool.rest, rest * 60.0)
    limit_s = MARGIN * (duration + rest) * 60.0 + MARGIN_S
    yield from act("programme", lambda: tool.run_programme(limit_s))
    dose = float(tool.dose.get())
    yield from record_result({"dose": (dose, "h")}, tool.link.clock.time(), "what the tool counted")
