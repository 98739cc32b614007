"""Let equipment with a SECS/GEM interface run one of its process programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from devices.secsgem_equipment import SecsEquipment
from labctl.quantities import Quantity
from plans._act import act
from plans._operation import Plan, operation


@operation()
def run_process_program(
    equipment: SecsEquipment,
    samples: Sequence[str],
    *,
    program: str,
    time_limit: Annotated[float, Quantity("min", 0.01, 43200)] = "240 min",  # type: ignore[assignment]  # converted
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "10 s",  # type: ignore[assignment]
) -> Plan:
    """Select a process program, start it, and wait until the equipment announces its end.

    What the equipment announces meanwhile stands in the stream ``events``; the program's text is recorded with the
    state after the operation. Safe state: what runs is aborted, then as the equipment's instrument file says.

    Args:
        equipment: that holds the samples, described by an instrument file with the protocol ``secsgem``.
        samples: everything in the load.
        program: name of the process program.
        time_limit: the operation fails when the program takes longer [min].
        monitor_period: time between process readings [s].
    """
    yield from act("process program", lambda: equipment.run_program(program, time_limit * 60.0))
