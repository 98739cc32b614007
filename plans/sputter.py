"""Deposit a film by DC magnetron sputtering in argon and oxygen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps

from devices.aja_dcxs import AjaDCXS
from devices.flow_controller import FlowController
from devices.inficon_sqm160 import InficonSQM160
from devices.vacuum_gauge import VacuumGauge
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import act
from plans._operation import Plan, operation

RATE_NM_PER_WS = 1.0 / 600.0
"""About how much of a film grows for the energy [nm/(W s)]; gas and target change it."""


def _takes(power: float, thickness: float, presputter: float, settle: float, **_: object) -> float:
    return settle + presputter + thickness / (power * RATE_NM_PER_WS)


@operation(takes=_takes)
def sputter(
    supply: AjaDCXS,
    argon: FlowController,
    oxygen: FlowController,
    gauge: VacuumGauge,
    monitor: InficonSQM160,
    samples: Sequence[str],
    *,
    power: Annotated[float, Quantity("W", 1, 1500), LimitedBy("supply", "setpoint")],
    thickness: Annotated[float, Quantity("nm", 1, 5000)],
    argon_flow: Annotated[float, Quantity("sccm", 1, 1000), LimitedBy("argon", "setpoint")],
    oxygen_flow: Annotated[float, Quantity("sccm", 0, 1000), LimitedBy("oxygen", "setpoint")] = "0 sccm",  # type: ignore[assignment]  # converted
    presputter: Annotated[float, Quantity("s", 0, 99), LimitedBy("supply", "shutter_delay")] = "60 s",  # type: ignore[assignment]
    settle: Annotated[float, Quantity("s", 0, 3600)] = "30 s",  # type: ignore[assignment]
    time_limit: Annotated[float, Quantity("min", 1, 1440)] = "180 min",  # type: ignore[assignment]
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "5 s",  # type: ignore[assignment]
) -> Plan:
    """Clean the target behind the closed shutter, then deposit until the monitor shows the thickness.

    Safe state: supply off, which closes the shutter; flows at zero.

    Args:
        supply: of the magnetron; also moves the shutter.
        argon: flow controller.
        oxygen: flow controller.
        gauge: of the chamber.
        monitor: quartz crystal beside the sample.
        samples: on the holder.
        power: set point of the supply [W].
        thickness: at which the shutter closes, as the monitor shows it [nm].
        argon_flow: set point [sccm].
        oxygen_flow: set point [sccm].
        presputter: time with the plasma on before the supply opens the shutter [s].
        settle: for flows and pressure to become steady before the plasma is lit [s].
        time_limit: the deposition fails when it takes longer [min].
        monitor_period: time between process readings [s].
    """
    yield from bps.mv(argon.setpoint, argon_flow, oxygen.setpoint, oxygen_flow)
    yield from act("gas", lambda: gauge.hold(settle))
    yield from bps.mv(supply.setpoint, power, supply.shutter_delay, presputter)
    yield from bps.mv(supply.output, 1)
    yield from act("presputter", lambda: supply.hold(presputter))
    yield from act("zero", monitor.start_from_zero)

    def is_thick() -> bool:
        if not supply.output.get():
            raise RuntimeError(f"{supply.name} went off during the deposition (fault {supply.fault_code.get()})")
        return float(monitor.thickness.get()) >= thickness

    yield from act("deposition", lambda: monitor.start_action(time_limit * 60).poll(1.0, is_thick, patience_s=0))
    yield from bps.mv(supply.output, 0)
