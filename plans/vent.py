"""Bring a chamber to the pressure of the room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from devices.pfeiffer_tc400 import PfeifferTC400
from devices.vacuum_gauge import VacuumGauge
from labctl.quantities import Quantity
from plans._act import act
from plans._operation import Plan, operation

POLL_S = 5.0


def _evacuated(gauge: VacuumGauge, pump: PfeifferTC400, *, open_above: float, **_: object) -> str:
    """Return that the chamber must not be opened yet; raises `LinkError`."""
    now = float(gauge.pressure.get())
    return "" if now > open_above else f"{gauge.name} has {now:.2g} Pa; the chamber is opened above {open_above:g} Pa"


@operation(on_unknown="repeat", closed=_evacuated)
def vent(
    gauge: VacuumGauge,
    pump: PfeifferTC400,
    samples: Sequence[str],
    *,
    open_above: Annotated[float, Quantity("Pa", 0.1, 2e5)] = "90 kPa",  # type: ignore[assignment]  # converted
    slower_than: Annotated[float, Quantity("Hz", 1, 1500)] = "500 Hz",  # type: ignore[assignment]
    time_limit: Annotated[float, Quantity("min", 1, 1440)] = "60 min",  # type: ignore[assignment]
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "10 s",  # type: ignore[assignment]
) -> Plan:
    """Stop the pump, let its rotor run down, and wait until the chamber may be opened.

    The drive opens its vent valve by itself when the rotor is slow enough, as its venting mode is set. Interlock: what
    is in the chamber is not taken out before the pressure is above `open_above`. Safe state: motor off.

    Args:
        gauge: of the chamber.
        pump: its turbo pump.
        samples: in the chamber.
        open_above: pressure at which it may be opened [Pa].
        slower_than: speed of the rotor below which venting has begun [Hz].
        time_limit: of the rotor's way down, and of the pressure's way up [min].
        monitor_period: time between process readings [s].
    """
    yield from act("run down", lambda: pump.run_down(slower_than, time_limit * 60.0))

    def is_vented() -> bool:
        return float(gauge.pressure.get()) > open_above

    yield from act("pressure", lambda: gauge.start_action(time_limit * 60.0).poll(POLL_S, is_vented))
