"""Facts by the role of a device, which equivalent stations share, in the place of its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


def by_role(key: str, roles: Mapping[str, Sequence[Any]], n: int) -> Mapping[str, Sequence[int]]:
    """Return a fact's name with the role in place of the device, and the samples (row numbers) that have it so.

    Args:
        key: such as ``asrun.heat.furnace_a_control_temperature.max``.
        roles: device of each sample, or none, by fact such as ``role.heat.furnace``.
        n: how many samples.
    """
    group, _, rest = key.partition(".")
    operation, _, signal = rest.partition(".")
    rows = dict[str, list[int]]()
    for role, devices in roles.items():
        _, of, name = role.split(".", 2)
        for row, device in enumerate(devices):
            if of == operation and isinstance(device, str) and re.match(rf"{re.escape(device)}_", signal):
                rows.setdefault(f"{group}.{operation}.{name}.{signal[len(device) + 1 :]}", []).append(row)
    taken = {row for told in rows.values() for row in told}
    left = [row for row in range(n) if row not in taken]
    return rows | ({key: left} if left else {})


__all__ = ["by_role"]
