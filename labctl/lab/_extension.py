"""Taking stations into a laboratory that works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from labctl.errors import LabError, Problem
from labctl.lab._described_kind import is_described
from labctl.lab._file import CASSETTE, DeviceEntry, LabFile
from labctl.lab._ical import read_calendar
from labctl.lab._interlocks import read_interlocks
from labctl.lab._lab import Lab, Station, build_device, build_station
from labctl.lab._safe_order import safe_order
from labctl.recipes import OperationSchema

_MAY_GROW = ("devices", "stations", "interlocks")
_MAY_DIFFER = ("description", "safe_order", "substrates", "calendar")
"""What is read again, or concerns what is not begun yet: the files' paths differ where a copy was kept."""


def extension_problems(before: LabFile, after: LabFile) -> list[Problem]:
    """Return why a lab file cannot take the place of another while the laboratory works: only stations may come."""
    problems = [
        Problem(field, "was changed: while the laboratory works only stations, devices and interlocks may be added")
        for field in LabFile.model_fields
        if field not in (*_MAY_GROW, *_MAY_DIFFER) and getattr(before, field) != getattr(after, field)
    ]
    for field in _MAY_GROW:
        old, new = getattr(before, field), getattr(after, field)
        changed = [name for name in old if name not in new or not _is_same(old[name], new[name])]
        problems += [Problem(f"{field}.{name}", "was changed or left out, and works already") for name in changed]
    if before.backend == CASSETTE:
        problems.append(Problem("backend", "a session that is played back has no other stations"))
    if set(after.stations) <= set(before.stations):
        problems.append(Problem("stations", f"none is new; {', '.join(before.stations)} work already"))
    return problems


def _is_same(old: object, new: object) -> bool:
    """Return whether two entries say the same; an instrument file may be a copy."""
    if isinstance(old, DeviceEntry) and isinstance(new, DeviceEntry) and is_described(old.kind):
        is_copy = is_described(new.kind) and Path(old.kind).read_bytes() == Path(new.kind).read_bytes()
        return is_copy and old == new.model_copy(update={"kind": old.kind})
    return old == new


def extend_lab(lab: Lab, before: LabFile, after: LabFile, schemas: Mapping[str, OperationSchema]) -> list[Station]:
    """Return the stations that a lab file newly names, whose instruments answer; the laboratory has them then.

    Args:
        lab: of `before`.
        before: the lab file that it was built from, or was extended by last.
        after: another, without `extension_problems`.
        schemas: every kind of operation there is.

    Raises:
        LabError: an instrument does not answer as it should; the laboratory is as it was.
    """
    names = [name for name in after.stations if name not in before.stations]
    if lab.plant is not None:
        for name in names:
            if name not in lab.plant.stations:
                lab.plant.add_station(after, name)
    used = {d for name in names for roles in after.stations[name].operations.values() for d in roles.values()}
    new = [name for name in after.devices if name in used and name not in before.devices]
    devices = {name: build_device(after, name, lab.manager, lab.clock, lab.wire_logs) for name in new}
    try:
        for device in devices.values():
            device.connect()
    except LabError:
        for device in devices.values():
            device.link.close()
        raise
    lab.devices = {**lab.devices, **devices}
    events = read_calendar(Path(after.calendar), after.stations) if after.calendar else ()
    stations = [build_station(after, name, lab.devices, schemas, events, lab.clock) for name in names]
    lab.stations = {**lab.stations, **{station.name: station for station in stations}}
    lab.safe_order, lab.interlocks = safe_order(after), read_interlocks(after)[0]
    return stations
