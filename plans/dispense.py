"""Bring liquid onto a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from devices.newera_ne1000 import NewEraNE1000
from labctl.errors import LabError
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import act, record_result
from plans._operation import Plan, operation

TOLERANCE, RESOLVED_ML = 0.01, 0.002
"""By what share the volume may be from what was asked, and by what anyway [mL]: a pump tells four digits."""
MARGIN_S = 30.0


@operation({"volume": "mL"}, takes=lambda volume, rate, **_: 3.0 + 60.0 * volume / rate)
def dispense(
    pump: NewEraNE1000,
    samples: Sequence[str],
    *,
    volume: Annotated[float, Quantity("mL", 0.001, 60), LimitedBy("pump", "volume")],
    rate: Annotated[float, Quantity("mL/min", 0.001, 28), LimitedBy("pump", "rate")],
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "1 s",  # type: ignore[assignment]  # converted
) -> Plan:
    """Infuse a volume at a rate.

    It fails where the pump does not bring it out (a stalled motor). ``result`` has the ``volume`` [mL] that the pump
    counted. Safe state: stopped.

    Args:
        pump: syringe pump with its diameter set and liquid in the syringe.
        samples: below its needle.
        volume: to be brought out [mL].
        rate: how fast [mL/min].
        monitor_period: time between process readings [s].
    """
    before = float(pump.infused.get())
    yield from act("dispense", lambda: pump.dispense(volume, rate, 60.0 * volume / rate + MARGIN_S))
    out = float(pump.infused.get()) - before
    if abs(out - volume) > max(TOLERANCE * volume, RESOLVED_ML):
        raise LabError(f"{pump.name}.infused grew by {out:.4g} mL, not by {volume:.4g} mL")
    yield from record_result({"volume": (out, "mL")}, pump.link.clock.time(), "what the pump counted")
