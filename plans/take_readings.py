"""Read whatever an instrument tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import bluesky.plan_stubs as bps
from pydantic import Field

from devices import LinkedDevice
from labctl.errors import LabError
from labctl.quantities import Quantity
from plans._act import record_result
from plans._operation import Plan, operation


def _takes(n_readings: int, interval: float, **_: object) -> float:
    return 2.0 + n_readings * (interval + 1.0)


@operation({"valid": ""}, results_from="quantities", on_unknown="repeat", takes=_takes)
def take_readings(
    instrument: LinkedDevice,
    samples: Sequence[str],
    *,
    quantities: str,
    n_readings: Annotated[int, Field(ge=1, le=10000)] = 1,
    interval: Annotated[float, Quantity("s", 0, 3600)] = "0 s",  # type: ignore[assignment]  # converted
) -> Plan:
    """Read an instrument as it is set; the stream ``primary`` has every reading.

    For an instrument that has no operation of its own, such as one of an instrument file. ``result`` has the mean of
    each of the ``quantities``; ``valid`` is 0 where the instrument says that it was at its limit. Safe state: that of
    the instrument.

    Args:
        instrument: any device of the lab file.
        samples: what it measures.
        quantities: names of the signals whose means are the results, with ``;`` between them.
        n_readings: how many are averaged.
        interval: between two readings [s].
    """
    wanted = quantities.split(";")
    values: dict[str, list[float]] = {name: [] for name in wanted}
    limited = False
    for number in range(n_readings):
        if number:
            yield from bps.sleep(interval)
        reading = yield from bps.trigger_and_read([instrument])
        for name in wanted:
            told = reading.get(f"{instrument.name}_{name}", {}).get("value")
            if not isinstance(told, int | float):
                known = ", ".join(key.removeprefix(f"{instrument.name}_") for key in reading)
                raise LabError(f"{instrument.name} reads no number {name!r}; it reads {known}")
            values[name].append(float(told))
        saturates = [key for key, told in instrument.describe().items() if told.get("saturates")]
        limited = limited or any(reading[key]["value"] for key in saturates)
    means = {name: (sum(told) / n_readings, _unit(instrument, name)) for name, told in values.items()}
    source = f"mean of {n_readings} readings"
    yield from record_result(means | {"valid": (float(not limited), "")}, instrument.link.clock.time(), source)


def _unit(instrument: LinkedDevice, name: str) -> str:
    return str(getattr(instrument, name).units or "")
