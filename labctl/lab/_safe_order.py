"""In which order the devices of a laboratory are made safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from labctl.clock import Clock, together
from labctl.errors import LabError, Problem
from labctl.files import nearest
from labctl.lab._file import LabFile


def station_devices(file: LabFile) -> dict[str, tuple[str, ...]]:
    """Return the names of the devices of each station, once."""
    return {
        name: tuple(dict.fromkeys(device for roles in entry.operations.values() for device in roles.values()))
        for name, entry in file.stations.items()
    }


def safe_order(file: LabFile) -> tuple[tuple[str, ...], ...]:
    """Return every device: group after group, those of a group side by side."""
    given = [(entry,) if isinstance(entry, str) else tuple(entry) for entry in file.safe_order]
    named = {name for group in given for name in group}
    return (*given, *((name,) for name in file.devices if name not in named))


def flat_order(file: LabFile) -> list[str]:
    """Return every device in the order in which it is made safe."""
    return [name for group in safe_order(file) for name in group]


def safe_order_problems(file: LabFile) -> list[Problem]:
    """Return what is wrong with the order that a lab file gives."""
    problems, seen = [], set[str]()
    for index, entry in enumerate(file.safe_order):
        places = [(f"safe_order[{index}]", entry)]
        if not isinstance(entry, str):
            places = [(f"safe_order[{index}][{inner}]", name) for inner, name in enumerate(entry)]
        for where, name in places:
            if name not in file.devices:
                problems.append(Problem(where, f"unknown device {name!r}{nearest(str(name), tuple(file.devices))}"))
            elif name in seen:
                problems.append(Problem(where, f"{name!r} is given twice"))
            seen.add(str(name))
    return problems


def do_in_order(groups: Iterable[Sequence[tuple[str, Callable[[], None]]]], clock: Clock) -> list[str]:
    """Do everything, group after group and side by side within one, whatever fails; return what failed, in words.

    Args:
        groups: name and call of each.
        clock: the lab's.
    """
    failures = []
    for group in groups:
        outcomes = together(clock, [call for _, call in group], "safe")
        for (name, _), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, LabError):
                failures.append(f"{name} may NOT be safe: {outcome}")
            elif isinstance(outcome, Exception):  # a defect in one driver keeps no other from being safe
                failures.append(f"{name} may NOT be safe: {type(outcome).__name__}: {outcome}")
    return failures
