"""Evacuate a chamber."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps

from devices.pfeiffer_tc400 import PfeifferTC400
from devices.vacuum_gauge import VacuumGauge
from labctl.quantities import Quantity
from plans._act import act, record_result
from plans._operation import Plan, operation

POLL_S = 5.0
GOOD = "000000"


@operation({"pressure": "Pa", "pump_time": "s"}, keeps=("pump",))
def pump_down(
    gauge: VacuumGauge,
    pump: PfeifferTC400,
    samples: Sequence[str],
    *,
    pressure: Annotated[float, Quantity("Pa", 1e-8, 1e4)] = "1e-3 Pa",  # type: ignore[assignment]  # converted
    start_below: Annotated[float, Quantity("Pa", 0.1, 1e4)] = "1 kPa",  # type: ignore[assignment]
    time_limit: Annotated[float, Quantity("min", 1, 1440)] = "120 min",  # type: ignore[assignment]
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "10 s",  # type: ignore[assignment]
) -> Plan:
    """Evacuate with the backing pump, run the turbo pump up, and wait for a pressure.

    Interlocks: the rotor is not driven before the pressure is below `start_below`; a drive that has an error is not
    started; an error of the drive on the way fails the operation. ``result`` has the ``pressure`` [Pa] reached and the
    ``pump_time`` [s]. Safe state: when the pressure is reached, the pump goes on; otherwise its motor is switched off
    and the rotor runs down.

    Args:
        gauge: of the chamber.
        pump: turbo pump whose drive also switches the backing pump.
        samples: in the chamber.
        pressure: to be reached [Pa].
        start_below: pressure below which the rotor may be driven [Pa].
        time_limit: the operation fails when it takes longer [min].
        monitor_period: time between process readings [s].
    """
    clock = gauge.link.clock
    began = clock.monotonic()

    def left_s() -> float:
        return max(1.0, began + time_limit * 60.0 - clock.monotonic())

    def is_below(limit: float) -> bool:
        if (error := pump.error.get()) != GOOD:
            raise RuntimeError(f"{pump.name}: drive says {error}")
        return float(gauge.pressure.get()) < limit

    if not pump.at_speed.get():
        rough = is_below(start_below)  # the drive's error is looked at before anything turns
        if not rough:
            yield from bps.mv(pump.motor, 0)
            yield from bps.mv(pump.pumping, 1)
            yield from act("backing", lambda: gauge.start_action(left_s()).poll(POLL_S, lambda: is_below(start_below)))
        yield from act("run up", lambda: pump.run_up(left_s()))
    yield from act("pressure", lambda: gauge.start_action(left_s()).poll(POLL_S, lambda: is_below(pressure)))
    values = {"pressure": (float(gauge.pressure.get()), "Pa"), "pump_time": (clock.monotonic() - began, "s")}
    yield from record_result(values, clock.time(), "one reading at the end")
