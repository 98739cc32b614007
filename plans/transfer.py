"""Carry a sample from a place to another."""

from __future__ import annotations

from collections.abc import Sequence

from devices.sample_mover import SampleMover
from plans._act import act
from plans._operation import Plan, operation

LIMIT_S = 1800.0
MOVE_S = 60.0


@operation(on_unknown="ask", takes=lambda **_: MOVE_S)
def transfer(mover: SampleMover, samples: Sequence[str], *, source: str, destination: str) -> Plan:
    """Move one sample; the mover checks that the source is full and the destination empty.

    Safe state: halted, the sample stays gripped.

    Args:
        mover: a robot, or a person with a terminal.
        samples: the one sample.
        source: place it lies in, e.g. ``rack.3``.
        destination: place it is brought to.
    """
    yield from act(f"{source} > {destination}", lambda: mover.move(source, destination, timeout_s=LIMIT_S))
