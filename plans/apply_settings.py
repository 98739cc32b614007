"""Set an instrument and let it work for a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import bluesky.plan_stubs as bps

from devices import LinkedDevice, Setting
from labctl.errors import LabError
from labctl.quantities import Quantity
from plans._act import act
from plans._operation import Plan, operation


@operation(takes=lambda duration, **_: 2.0 + duration)
def apply_settings(
    instrument: LinkedDevice,
    samples: Sequence[str],
    *,
    settings: str,
    duration: Annotated[float, Quantity("s", 0, 2_592_000)] = "0 s",  # type: ignore[assignment]  # converted
    monitor_period: Annotated[float, Quantity("s", 0.1, 3600)] = "10 s",  # type: ignore[assignment]
) -> Plan:
    """Set signals of an instrument, in the order given, hold them for a time, then make the instrument safe.

    For an instrument that has no operation of its own, such as one of an instrument file. All settings are checked
    before the first is sent. An optimizer cannot choose them: for that, write an operation with parameters. Safe
    state: that of the instrument.

    Args:
        instrument: any device of the lab file.
        samples: what it works on.
        settings: such as ``setpoint=350 degC; heater=1``: signals and values with units, with ``;`` between them.
        duration: how long they are held [s].
        monitor_period: time between process readings [s].
    """
    for signal, value in list(_parsed(instrument, settings)):
        yield from bps.mv(signal, value)
    yield from act("hold", lambda: instrument.hold(duration))


def _parsed(instrument: LinkedDevice, settings: str) -> Iterator[tuple[Setting, float | str]]:
    """Yield signals and values; raises LabError for what cannot be set, LimitError, ValueError."""
    for part in filter(None, (part.strip() for part in settings.split(";"))):
        name, _, text = (piece.strip() for piece in part.partition("="))
        signal = getattr(instrument, name, None)
        if not isinstance(signal, Setting):
            known = ", ".join(attr for _, attr, each in instrument.walk_signals() if isinstance(each, Setting))
            raise LabError(f"{instrument.name} has no setting {name!r}; it has {known}")
        value = text if signal.dtype == "string" else Quantity(signal.units or "").parse(text)
        signal.check_value(value)
        yield signal, value
