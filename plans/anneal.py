"""Heat samples along a temperature programme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from devices.eurotherm3216 import Eurotherm3216
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import act
from plans._operation import Plan, operation

MARGIN_S = 1800.0
"""How much longer than its programme a furnace may take."""
COOLING_LIMIT_S = 12 * 3600.0
COOLING_S = 3600.0


def _go_on(
    furnace: Eurotherm3216,
    samples: Sequence[str],
    *,
    temperature: float,
    ramp_rate: float,
    dwell: float,
    unload_below: float,
    monitor_period: float,
) -> Plan:
    """Wait for the end of a programme that the furnace's controller runs already, then for the cold furnace."""
    limit_s = (temperature / ramp_rate + dwell) * 60 + MARGIN_S
    yield from act("programme", lambda: furnace.await_programme(limit_s))
    yield from act("cooling", lambda: furnace.cool_below(unload_below, COOLING_LIMIT_S))


def _hot(furnace: Eurotherm3216, *, unload_below: float, **_: object) -> str:
    """Return that the furnace is too hot to be unloaded; raises `LinkError`."""
    now = furnace.temperature.get()
    return (
        "" if now < unload_below else f"{furnace.name} has {now:.0f} degC; it is unloaded below {unload_below:g} degC"
    )


def _takes(temperature: float, ramp_rate: float, dwell: float, **_: object) -> float:
    """Return the time [s] of the programme and of the way back, for a furnace that cools in about an hour."""
    return (temperature / ramp_rate + dwell) * 60.0 + COOLING_S


@operation(on_unknown="continue", continued=_go_on, closed=_hot, takes=_takes)
def anneal(
    furnace: Eurotherm3216,
    samples: Sequence[str],
    *,
    temperature: Annotated[float, Quantity("degC", 25, 1800), LimitedBy("furnace", "target_setpoint")],
    ramp_rate: Annotated[float, Quantity("K/min", 0.1, 100), LimitedBy("furnace", "ramp_rate")],
    dwell: Annotated[float, Quantity("min", 0, 12000), LimitedBy("furnace", "dwell")],
    unload_below: Annotated[float, Quantity("degC", 25, 1200)] = "80 degC",  # type: ignore[assignment]  # converted
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "10 s",  # type: ignore[assignment]
) -> Plan:
    """Ramp to a temperature, hold it, switch the heater off and wait until the samples may be unloaded.

    The programme runs in the furnace's own controller. Safe state: heater off, timer reset.

    Args:
        furnace: the controller of the furnace that holds the samples.
        samples: everything in the load.
        temperature: of the dwell [degC].
        ramp_rate: of the way up [K/min].
        dwell: time at temperature [min].
        unload_below: the furnace is left to cool below this [degC].
        monitor_period: time between process readings [s].
    """
    limit_s = (temperature / ramp_rate + dwell) * 60 + MARGIN_S
    yield from act("programme", lambda: furnace.run_programme(ramp_rate, temperature, dwell, limit_s))
    yield from act("cooling", lambda: furnace.cool_below(unload_below, COOLING_LIMIT_S))
