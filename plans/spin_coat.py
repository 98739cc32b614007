"""Spin a liquid to a film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from devices.instras_sck300 import InstrasSCK300
from labctl.errors import LabError
from labctl.quantities import Quantity
from plans._act import act
from plans._operation import Plan, operation

TOLERANCE = 0.1
"""By what share the speed may be from what was asked, at the end of a part of the programme."""
REST_S = 20.0


def _takes(spread_time: float, duration: float, **_: object) -> float:
    return spread_time + duration + REST_S


@operation(takes=_takes)
def spin_coat(
    coater: InstrasSCK300,
    samples: Sequence[str],
    *,
    speed: Annotated[float, Quantity("rpm", 300, 6000)],
    duration: Annotated[float, Quantity("s", 1, 3600)],
    spread_speed: Annotated[float, Quantity("rpm", 300, 6000)] = "500 rpm",  # type: ignore[assignment]  # converted
    spread_time: Annotated[float, Quantity("s", 0, 600)] = "5 s",  # type: ignore[assignment]
    monitor_period: Annotated[float, Quantity("s", 0.1, 60)] = "1 s",  # type: ignore[assignment]
) -> Plan:
    """Spread the liquid slowly, spin it off fast, and wait until the chuck stands.

    It fails where the chuck has not the speed at the end of a part: such a film has another thickness. Safe state:
    motor off.

    Args:
        coater: with the wetted sample on its chuck and the lid closed.
        samples: the one sample on the chuck.
        speed: of spinning [rpm].
        duration: of spinning [s].
        spread_speed: of spreading [rpm].
        spread_time: of spreading [s]; 0 leaves it out.
        monitor_period: time between process readings [s].
    """
    if spread_time > 0.0:
        yield from act("spread", lambda: coater.spin(spread_speed, spread_time))
        _check(coater, spread_speed)
    yield from act("spin", lambda: coater.spin(speed, duration))
    _check(coater, speed)
    yield from act("come to rest", coater.come_to_rest)


def _check(coater: InstrasSCK300, speed: float) -> None:
    told = float(coater.speed.get())
    if abs(told - speed) > TOLERANCE * speed:
        raise LabError(f"{coater.name}.speed={told:.0f} rpm at the end of {speed:g} rpm: the chuck slips or is blocked")
