"""Every check of a lab file that needs no connection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from labctl.errors import FileError, LabError, Problem
from labctl.files import as_far_as_right, closest, nearest, problems_of, read_yaml
from labctl.lab._described_kind import described_kind, is_described, is_remembered
from labctl.lab._file import CASSETTE, LabFile
from labctl.lab._ical import WORKING_HOURS, CalendarEvent, read_calendar
from labctl.lab._interlocks import read_interlocks
from labctl.lab._kinds import device_kind, is_kind
from labctl.lab._limits import narrowed_limits
from labctl.lab._safe_order import safe_order_problems
from labctl.lab._substrates import read_substrates
from labctl.link import read_cassette
from labctl.notices import without_addresses
from labctl.recipes import OperationSchema

_ADDRESSES = "'GPIB0::24::INSTR', 'ASRL3::INSTR' or 'TCPIP::10.0.0.5::5025::SOCKET'"
_LARGEST_PORT = 65535


def read_lab(path: Path, schemas: Mapping[str, OperationSchema]) -> LabFile:
    """Return a lab file after every check that needs no connection.

    Args:
        path: of the file.
        schemas: every kind of operation there is.

    Raises:
        FileError: with everything that is wrong with it.
    """
    file, problems = check_lab(read_yaml(path), schemas, path.parent)
    if problems:
        raise FileError(str(path), problems)
    return file


def check_lab(content: object, schemas: Mapping[str, OperationSchema], folder: Path) -> tuple[LabFile, list[Problem]]:
    """Return a lab file as far as it is right, and everything that is wrong with it.

    Args:
        content: as read from the file.
        schemas: every kind of operation there is.
        folder: of the file; paths in it count from here, and are absolute in what is returned.
    """
    try:
        file, problems = LabFile.model_validate(content), []
    except ValidationError as error:
        file, problems = as_far_as_right(LabFile, content), problems_of(error, LabFile)
    paths = {
        key: str((folder / path).absolute())
        for key in ("substrates", "calendar", "cassette")
        if (path := getattr(file, key))
    }
    file = _with_instrument_files(file.model_copy(update=paths), folder)
    found = [
        *_backend_problems(file),
        *_device_problems(file),
        *_station_problems(file, schemas),
        *_timing_problems(file),
        *_mover_problems(file),
        *_name_problems(file),
        *safe_order_problems(file),
        *_calendar_problems(file),
        *read_interlocks(file)[1],
        *_fault_problems(file),
        *_fitting_problems(file),
        *(() if any(p.where.startswith("racks") for p in problems) else _substrate_problems(file)),
    ]
    told = {problem.where for problem in problems}
    return file, without_addresses(problems + [problem for problem in found if problem.where not in told])


def _with_instrument_files(file: LabFile, folder: Path) -> LabFile:
    """Return the file with absolute paths where a device's class is an instrument file."""
    devices = {
        name: entry.model_copy(update={"kind": str((folder / entry.kind).absolute())})
        if is_described(entry.kind)
        else entry
        for name, entry in file.devices.items()
    }
    return file.model_copy(update={"devices": devices})


def _unknown(what: str, name: str, known: Iterable[str], where: str) -> Problem:
    return Problem(where, f"unknown {what} {name!r}{nearest(name, tuple(known))}")


def _backend_problems(file: LabFile) -> list[Problem]:
    from pyvisa.highlevel import list_backends

    path, at, wrapper = file.backend.partition("@")
    known = ("simulated", CASSETTE, *(f"@{name}" for name in list_backends()))
    if file.backend == CASSETTE:
        return _cassette_problems(file)
    if (at and wrapper in list_backends()) or file.backend in ("simulated", ""):
        return []
    if at or not re.search(r"[./\\]", path):
        return [_unknown("backend", file.backend, known, "backend")]
    return [] if Path(path).exists() or path == Path(path).name else [Problem("backend", f"no such file: {path}")]


def _cassette_problems(file: LabFile) -> list[Problem]:
    if not file.cassette:
        return [Problem("cassette", "the path of a recording is needed with backend: cassette")]
    try:
        cassette = read_cassette(Path(file.cassette))
    except LabError as error:
        return [Problem("cassette", str(error))]
    recorded = {one.device for one in cassette.exchanges}
    missing = [name for name, one in file.devices.items() if name not in recorded and not is_remembered(one.kind)]
    return [Problem("cassette", f"holds nothing of {', '.join(missing)}")] if missing else []


def _device_problems(file: LabFile) -> list[Problem]:
    from devices import DEVICES

    problems, taken = [], dict[str, str]()
    for name, entry in file.devices.items():
        where = f"devices.{name}"
        try:
            address = _normal_address(entry.address, entry.kind) if entry.address else name
        except ValueError as error:
            problems.append(Problem(f"{where}.address", str(error)))
        else:
            if taken.setdefault(address, name) != name:
                problems.append(Problem(f"{where}.address", f"{entry.address} is also the address of {taken[address]}"))
        if is_kind(entry.kind):
            problems += narrowed_limits(device_kind(entry.kind), entry.limits, f"{where}.limits")[1]
        elif is_described(entry.kind):
            problems += _instrument_problems(entry.kind, f"{where}.class")
        elif entry.kind:
            problems.append(_unknown("device", entry.kind, DEVICES, f"{where}.class"))
    return problems


def _instrument_problems(path: str, where: str) -> list[Problem]:
    try:
        described_kind(path)
    except FileError as error:
        return [Problem(where, f"{Path(path).name}: {problem}") for problem in error.problems]
    return []


def _normal_address(address: str, kind: str) -> str:
    from pyvisa import rname

    if is_remembered(kind):
        if is_kind(kind):
            described_kind(kind).world.address(address)
        return address
    try:
        parsed = rname.ResourceName.from_string(address)
    except rname.InvalidResourceName as error:
        raise ValueError(f"{address!r} is no VISA address such as {_ADDRESSES}") from error
    port = getattr(parsed, "port", "0")
    if not (port.isdigit() and int(port) <= _LARGEST_PORT):
        raise ValueError(f"{address!r}: port {port!r} is not in 0..{_LARGEST_PORT}")
    return str(parsed)


def _station_problems(file: LabFile, schemas: Mapping[str, OperationSchema]) -> list[Problem]:
    problems, owner = [], dict[str, str]()
    for station, entry in file.stations.items():
        for kind, roles in entry.operations.items():
            where = f"stations.{station}.operations.{kind}"
            if kind not in schemas:
                problems.append(_unknown("operation", kind, schemas, where))
                continue
            wanted, holder = schemas[kind].roles, dict[str, str]()
            problems += [_unknown("role", role, wanted, f"{where}.{role}") for role in roles if role not in wanted]
            mistyped = {closest(role, tuple(wanted)) for role in roles if role not in wanted}
            for role, wanted_kind in wanted.items():
                device = roles.get(role, "")
                if role not in roles:
                    text = "" if role in mistyped else f"is required: a device of class {wanted_kind}"
                elif not (text := _role_problem(file, device, wanted_kind)):
                    if owner.setdefault(device, station) != station:
                        text = f"{device} belongs to station {owner[device]}; a device has one station"
                    elif holder.setdefault(device, role) != role:
                        text = f"{device} is the {holder[device]} already; each role needs a device of its own"
                if text:
                    problems.append(Problem(f"{where}.{role}", text))
    return problems


def _timing_problems(file: LabFile) -> list[Problem]:
    """Say which of the stations' durations are of nothing that the station does, and which loads do not fit."""
    problems = []
    for station, entry in file.stations.items():
        for key in ("takes", "set_up", "clean_down"):
            for kind in getattr(entry, key):
                if kind not in entry.operations:
                    problems.append(_unknown("operation", kind, entry.operations, f"stations.{station}.{key}.{kind}"))
        if entry.load_fill is not None and entry.load_fill > entry.places:
            text = f"{entry.load_fill} samples do not fit into {entry.places} places"
            problems.append(Problem(f"stations.{station}.load_fill", text))
    return problems


def _role_problem(file: LabFile, device: str, wanted: str) -> str:
    """Return why a device cannot have a role for which a class is wanted, or an empty text."""
    if device not in file.devices:
        return f"unknown device {device!r}{nearest(device, tuple(file.devices))}"
    kind = file.devices[device].kind
    if not is_kind(kind) or wanted in {each.__name__ for each in device_kind(kind).__mro__}:
        return ""
    return f"{device} is of class {device_kind(kind).__name__}; {wanted} is needed"


def _mover_problems(file: LabFile) -> list[Problem]:
    able = [name for name, entry in file.stations.items() if "transfer" in entry.operations]
    if file.mover and file.mover not in able:
        return [Problem("mover", f"{file.mover!r} is no station with 'transfer'{nearest(file.mover, able)}")]
    if able and not file.mover:
        return [Problem("mover", f"is required: station {able[0]} offers 'transfer'")]
    return []


def _name_problems(file: LabFile) -> list[Problem]:
    problems = []
    for rack in file.racks:
        if rack in file.stations:
            problems.append(Problem(f"racks.{rack}", f"{rack!r} is also the name of a station"))
    owner = {
        device: name
        for name, s in file.stations.items()
        for roles in s.operations.values()
        for device in roles.values()
    }
    for index, name in enumerate(file.ambient):
        where = f"ambient[{index}]"
        if name not in file.devices:
            problems.append(_unknown("device", name, file.devices, where))
        elif name in owner:
            problems.append(
                Problem(where, f"{name} belongs to station {owner[name]}; its operations record it already")
            )
        elif name in file.ambient[:index]:
            problems.append(Problem(where, f"{name!r} is given twice"))
    return problems


def _fitting_problems(file: LabFile) -> list[Problem]:
    """Say which of the fittings that the simulated plant reads are wrong; the others are free."""
    from labctl.lab._simulated import FITTINGS

    problems = []
    for station, entry in file.stations.items():
        for name, value in entry.fittings.items():
            if file.is_simulated and name in FITTINGS:
                try:
                    FITTINGS[name].parse(value)
                except ValueError as error:
                    problems.append(Problem(f"stations.{station}.fittings.{name}", str(error)))
    return problems


def _substrate_problems(file: LabFile) -> list[Problem]:
    if not file.substrates:
        return []
    path = Path(file.substrates)
    try:
        rows = read_substrates(path, file.racks)
    except FileError as error:
        return [Problem("substrates", f"{path.name}: {problem}") for problem in error.problems]
    if file.is_simulated:
        wrong = [row["substrate"] for row in rows.values() if isinstance(row.get("roughness_nm"), str)]
        return [Problem("substrates", f"{path.name}: roughness_nm of {wrong[0]} is no number")] if wrong else []
    return []


def _calendar_problems(file: LabFile) -> list[Problem]:
    """Say what is wrong with the calendar file, and which stations wait for people of whom it says nothing."""
    attended = [name for name, entry in file.stations.items() if entry.attended]
    events: tuple[CalendarEvent, ...] = ()
    if file.calendar:
        path = Path(file.calendar)
        try:
            events = read_calendar(path, file.stations)
        except FileError as error:
            return [Problem("calendar", f"{path.name}: {problem}") for problem in error.problems]
    present = [event for event in events if event.is_presence]
    alone = [name for name in attended if not any(event.concerns(name) for event in present)]
    text = f"a person has to be there, but no event of the category {WORKING_HOURS} in `calendar` says when"
    return [Problem(f"stations.{name}.attended", text) for name in alone]


def _fault_problems(file: LabFile) -> list[Problem]:
    from labctl.lab._simulated import fault_kinds

    problems = []
    for index, fault in enumerate(file.simulated.faults):
        where = f"simulated.faults[{index}]"
        if fault.device and fault.device not in file.devices:
            problems.append(_unknown("device", fault.device, file.devices, f"{where}.device"))
        elif fault.kind and fault.device and is_kind(file.devices[fault.device].kind):
            known = fault_kinds(file.devices[fault.device].kind)
            if fault.kind not in known:
                text = f"{fault.device} has no fault {fault.kind!r}{nearest(fault.kind, known)}"
                problems.append(Problem(f"{where}.kind", text))
    return problems
