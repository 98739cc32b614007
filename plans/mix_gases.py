"""Let two gases flow in a ratio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps

from devices.flow_controller import FlowController
from labctl.errors import LabError
from labctl.quantities import Quantity
from plans._act import act, record_result
from plans._operation import Plan, operation


@operation({"share": "", "total_flow": "sccm"}, takes=lambda settle, duration, **_: 2.0 + settle + duration)
def mix_gases(
    carrier: FlowController,
    admixture: FlowController,
    samples: Sequence[str],
    *,
    total_flow: Annotated[float, Quantity("sccm", 0.1, 1000)],
    share: Annotated[float, Quantity("", 0, 1)],
    duration: Annotated[float, Quantity("min", 0, 10080)],
    settle: Annotated[float, Quantity("s", 0, 3600)] = "30 s",  # type: ignore[assignment]  # converted
    tolerance: Annotated[float, Quantity("sccm", 0.01, 100)] = "0.5 sccm",  # type: ignore[assignment]
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "5 s",  # type: ignore[assignment]
) -> Plan:
    """Hold a total flow and the share of one gas in it over the samples, then close both valves.

    Both set points are checked before either valve opens. It fails where a flow is not within the tolerance of its set
    point after settling or at the end (an empty bottle, a blocked line). ``result`` has ``share`` and ``total_flow``
    [sccm] as the controllers read them at the end. Safe state: both flows at zero.

    Args:
        carrier: flow controller of the main gas.
        admixture: flow controller of the gas that is added.
        samples: everything in the gas.
        total_flow: of both together [sccm].
        share: of the admixture in the total flow, 0 to 1.
        duration: how long the mixture flows after it has settled [min].
        settle: for the flows to become steady [s].
        tolerance: how far a flow may be from its set point [sccm].
        monitor_period: time between process readings [s].
    """
    wanted = {carrier: total_flow * (1.0 - share), admixture: total_flow * share}
    for controller, flow in wanted.items():
        controller.setpoint.check_value(flow)
    for controller, flow in wanted.items():
        yield from bps.mv(controller.setpoint, flow)
    yield from act("settle", lambda: carrier.hold(settle))
    _flows(wanted, tolerance)
    yield from act("flow", lambda: carrier.hold(duration * 60.0))
    first, second = _flows(wanted, tolerance)
    total = first + second
    values = {"share": (second / total if total else 0.0, ""), "total_flow": (total, "sccm")}
    yield from record_result(values, carrier.link.clock.time(), "the flows at the end")


def _flows(wanted: dict[FlowController, float], tolerance: float) -> list[float]:
    """Return the flows; raises LabError where one is not as it should be."""
    flows = []
    for controller, flow in wanted.items():
        flows.append(float(controller.flow.get()))
        if abs(flows[-1] - flow) > tolerance:
            raise LabError(
                f"{controller.name}.flow={flows[-1]:.2f} sccm is not within {tolerance:g} of {flow:.2f} sccm"
            )
    return flows
