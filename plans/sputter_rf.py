"""Deposit a film by radio-frequency magnetron sputtering in argon and oxygen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps

from devices import LinkedDevice, Setting
from devices.flow_controller import FlowController
from devices.inficon_sqm160 import InficonSQM160
from devices.tcpower_cxn import TCPowerCXN
from devices.vacuum_gauge import VacuumGauge
from labctl.errors import LabError
from labctl.quantities import Quantity
from labctl.recipes import LimitedBy
from plans._act import act
from plans._operation import Plan, operation

RATE_NM_PER_WS = 1.0 / 1200.0
"""About how much of a film grows for the energy [nm/(W s)]; gas and target change it."""


def _takes(power: float, thickness: float, presputter: float, settle: float, **_: object) -> float:
    return settle + presputter + thickness / (power * RATE_NM_PER_WS)


@operation(takes=_takes)
def sputter_rf(
    supply: TCPowerCXN,
    shutter: LinkedDevice,
    argon: FlowController,
    oxygen: FlowController,
    gauge: VacuumGauge,
    monitor: InficonSQM160,
    samples: Sequence[str],
    *,
    power: Annotated[float, Quantity("W", 1, 300), LimitedBy("supply", "setpoint")],
    thickness: Annotated[float, Quantity("nm", 1, 5000)],
    argon_flow: Annotated[float, Quantity("sccm", 1, 1000), LimitedBy("argon", "setpoint")],
    oxygen_flow: Annotated[float, Quantity("sccm", 0, 1000), LimitedBy("oxygen", "setpoint")] = "0 sccm",  # type: ignore[assignment]  # converted
    presputter: Annotated[float, Quantity("s", 0, 3600)] = "120 s",  # type: ignore[assignment]
    reflected_limit: Annotated[float, Quantity("percent", 0.1, 100)] = "10 percent",  # type: ignore[assignment]
    settle: Annotated[float, Quantity("s", 0, 3600)] = "30 s",  # type: ignore[assignment]
    time_limit: Annotated[float, Quantity("min", 1, 1440)] = "180 min",  # type: ignore[assignment]
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "5 s",  # type: ignore[assignment]
) -> Plan:
    """Clean the target behind the closed shutter while the network matches, then deposit to a thickness.

    It fails where the radio frequency goes off, or where more power comes back than `reflected_limit` after the
    presputtering or during the deposition. Safe state: radio frequency off, shutter as its own safe state says, flows
    at zero.

    Args:
        supply: of the magnetron, with its matching network.
        shutter: any device whose setting `open` is 1 while the shutter is open, such as a relay of an instrument file.
        argon: flow controller.
        oxygen: flow controller.
        gauge: of the chamber.
        monitor: quartz crystal beside the sample.
        samples: on the holder.
        power: set point of the forward power [W].
        thickness: at which the shutter closes, as the monitor shows it [nm].
        argon_flow: set point [sccm].
        oxygen_flow: set point [sccm].
        presputter: time with the plasma on before the shutter opens [s].
        reflected_limit: highest reverse power as a share of the forward power [percent].
        settle: for flows and pressure to become steady before the plasma is lit [s].
        time_limit: the deposition fails when it takes longer [min].
        monitor_period: time between process readings [s].
    """
    opened = getattr(shutter, "open", None)
    if not isinstance(opened, Setting):
        raise LabError(f"{shutter.name} has no setting 'open': it cannot be a shutter")

    def check() -> None:
        if not supply.output.get():
            raise RuntimeError(f"{supply.name} went off")
        forward, reverse = float(supply.forward_power.get()), float(supply.reverse_power.get())
        if reverse > forward * reflected_limit / 100.0:
            raise RuntimeError(
                f"{supply.name}: {reverse:.0f} W of {forward:.0f} W come back; the plasma is not matched"
            )

    def is_thick() -> bool:
        check()
        return float(monitor.thickness.get()) >= thickness

    yield from bps.mv(opened, 0)
    yield from bps.mv(argon.setpoint, argon_flow, oxygen.setpoint, oxygen_flow)
    yield from act("gas", lambda: gauge.hold(settle))
    yield from bps.mv(supply.setpoint, power)
    yield from bps.mv(supply.output, 1)
    yield from act("presputter", lambda: supply.hold(presputter))
    check()
    yield from act("zero", monitor.start_from_zero)
    yield from bps.mv(opened, 1)
    yield from act("deposition", lambda: monitor.start_action(time_limit * 60).poll(1.0, is_thick, patience_s=0))
    yield from bps.mv(opened, 0)
    yield from bps.mv(supply.output, 0)
