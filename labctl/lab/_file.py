"""The lab file: what a laboratory has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labctl.errors import FileError, Problem
from labctl.files import read_yaml
from labctl.metadata import AccessPolicy
from labctl.quantities import Quantity
from labctl.recipes import OperationSchema, nearest, problems_of

Seconds = Annotated[float, Quantity("s", 0)]
_NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=_NAME)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeviceEntry(_Part):
    """One instrument."""

    kind: str = Field(alias="class", description="class in the package devices")
    address: str = Field(min_length=1, description="VISA resource name")
    limits: dict[str, tuple[str | float, str | float]] = Field(
        default_factory=dict, description="lowest and highest value of a signal, narrower than the class's own"
    )
    calibration: str = Field(default="", description="when and by whom, in words; recorded with every run")
    timeout: Annotated[float, Quantity("s", 0.01, 600)] = Field(default="2 s", validate_default=True)
    retries: int = Field(default=1, ge=0, le=10, description="how often a failed exchange is repeated")
    wire_log: bool = Field(default=False, description="write every exchange to a file in the store")


class StationEntry(_Part):
    """One tool."""

    operations: dict[str, dict[str, str]] = Field(
        min_length=1, description="kinds of operation it offers, with the device of each role"
    )
    places: int = Field(default=1, ge=1, le=1000, description="how many samples it holds")
    load_wait: Seconds = Field(
        default="0 s", validate_default=True, description="how long a load that is not full waits"
    )


class FaultEntry(_Part):
    """One fault of a simulated instrument."""

    device: str
    kind: str
    start: Seconds = Field(default="0 s", validate_default=True, description="lab time since the start")
    duration: Seconds | None = Field(default=None, description="how long; for ever when omitted")
    probability: float = Field(default=1.0, ge=0, le=1, description="of striking at each reply; for faults of the wire")
    amount: float = 0.0


class Simulated(_Part):
    """How a simulated laboratory behaves."""

    seed: int = Field(
        default=0, ge=0, description="of noise, weather and faults; a campaign's own seed comes before it"
    )
    furnace_oxygen: float = Field(default=0.21, gt=0, le=1, description="oxygen in the furnaces' gas")
    target_used: Annotated[float, Quantity("kWh", 0, 60)] = Field(default="2 kWh", validate_default=True)
    move_time: Annotated[float, Quantity("s", 1, 3600)] = Field(default="60 s", validate_default=True)
    measure_time: Annotated[float, Quantity("s", 0, 86400)] = Field(
        default="10 min",
        validate_default=True,
        description="how long a table of measured recipes takes for a row",
    )
    faults: list[FaultEntry] = Field(default_factory=list)


class LabFile(_Part):
    """A laboratory: instruments, stations, racks."""

    lab: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="name of the laboratory")
    description: str = ""
    backend: str = Field(
        default="simulated", description="'simulated', or pyvisa's '@py', '@ivi' or path of a VISA library"
    )
    operator: str = Field(min_length=1, description="person who is responsible; recorded with every run")
    policy: AccessPolicy = Field(default_factory=AccessPolicy)
    devices: dict[Name, DeviceEntry] = Field(min_length=1)
    stations: dict[Name, StationEntry] = Field(min_length=1)
    racks: dict[Name, Annotated[int, Field(ge=1, le=10000)]] = Field(min_length=1, description="places of each rack")
    mover: str = Field(default="", description="the station that carries samples; empty: samples need not be carried")
    ambient: list[str] = Field(default_factory=list, description="devices read before and after each operation")
    simulated: Simulated = Field(default_factory=Simulated)

    @property
    def is_simulated(self) -> bool:
        """Whether the instruments are simulated."""
        return self.backend == "simulated"


def read_lab(path: Path, schemas: Mapping[str, OperationSchema]) -> LabFile:
    """Return a lab file after every check that needs no connection.

    Args:
        path: of the file.
        schemas: every kind of operation there is.

    Raises:
        FileError: with everything that is wrong with it.
    """
    content = read_yaml(path)
    try:
        file = LabFile.model_validate(content)
    except ValidationError as error:
        raise FileError(str(path), problems_of(error, _known_keys())) from error
    problems = [*_device_problems(file), *_station_problems(file, schemas), *_name_problems(file)]
    if problems:
        raise FileError(str(path), problems)
    return file


def _known_keys() -> tuple[str, ...]:
    models = (LabFile, DeviceEntry, StationEntry, FaultEntry, Simulated, AccessPolicy)
    return tuple(dict.fromkeys(field.alias or name for m in models for name, field in m.model_fields.items()))


def _device_problems(file: LabFile) -> list[Problem]:
    from pyvisa import rname

    from devices import DEVICES, device_class

    problems, taken = [], dict[str, str]()
    for name, entry in file.devices.items():
        where = f"devices.{name}"
        if entry.kind not in DEVICES:
            known = nearest(entry.kind, tuple(DEVICES))
            problems.append(Problem(f"{where}.class", f"unknown device {entry.kind!r}{known}"))
            continue
        try:
            address = str(rname.ResourceName.from_string(entry.address))
        except rname.InvalidResourceName:
            example = "'GPIB0::24::INSTR', 'ASRL3::INSTR' or 'TCPIP::10.0.0.5::5025::SOCKET'"
            problems.append(Problem(f"{where}.address", f"{entry.address!r} is no VISA address such as {example}"))
        else:
            if address in taken:
                problems.append(Problem(f"{where}.address", f"{entry.address} is also the address of {taken[address]}"))
            taken[address] = name
        problems += narrowed_limits(device_class(entry.kind), entry.limits, f"{where}.limits")[1]
    return problems


def narrowed_limits(
    kind: Any,  # an ophyd device class
    given: Mapping[str, tuple[str | float, str | float]],
    where: str,
) -> tuple[dict[str, tuple[float, float]], list[Problem]]:
    """Return limits in the signals' units, and what is wrong with them."""
    limits, problems = {}, []
    settable = {attr: component.kwargs for attr, component in kind._sig_attrs.items()}
    for signal, (low_text, high_text) in given.items():
        own = settable.get(signal, {}).get("limits")
        if own is None:
            known = [attr for attr, kwargs in settable.items() if kwargs.get("limits") is not None]
            problems.append(Problem(f"{where}.{signal}", f"has no limits to narrow{nearest(signal, known)}"))
            continue
        quantity = Quantity(settable[signal].get("units") or "", *own)
        try:
            low, high = quantity.parse(low_text), quantity.parse(high_text)
        except ValueError as error:
            problems.append(Problem(f"{where}.{signal}", str(error)))
            continue
        if low >= high:
            problems.append(Problem(f"{where}.{signal}", f"low {low_text} must be below high {high_text}"))
        limits[signal] = (low, high)
    return limits, problems


def _station_problems(file: LabFile, schemas: Mapping[str, OperationSchema]) -> list[Problem]:
    problems, owner = [], dict[str, str]()
    for station, entry in file.stations.items():
        for kind, roles in entry.operations.items():
            where = f"stations.{station}.operations.{kind}"
            if kind not in schemas:
                problems.append(Problem(where, f"unknown operation{nearest(kind, tuple(schemas))}"))
                continue
            wanted = schemas[kind].roles
            for role in sorted(set(roles) - set(wanted)):
                problems.append(Problem(f"{where}.{role}", f"unknown role{nearest(role, tuple(wanted))}"))
            for role, device_kind in wanted.items():
                if role not in roles:
                    problems.append(Problem(f"{where}.{role}", f"is required: a device of class {device_kind}"))
                    continue
                device = roles[role]
                if device not in file.devices:
                    text = f"unknown device {device!r}{nearest(device, tuple(file.devices))}"
                    problems.append(Problem(f"{where}.{role}", text))
                    continue
                if file.devices[device].kind != device_kind:
                    text = f"{device} is a {file.devices[device].kind}; {device_kind} is needed"
                    problems.append(Problem(f"{where}.{role}", text))
                if owner.setdefault(device, station) != station:
                    text = f"{device} belongs to station {owner[device]}; a device has one station"
                    problems.append(Problem(f"{where}.{role}", text))
    return problems


def _name_problems(file: LabFile) -> list[Problem]:
    problems = []
    if file.mover and (file.mover not in file.stations or "transfer" not in file.stations[file.mover].operations):
        able = [name for name, entry in file.stations.items() if "transfer" in entry.operations]
        problems.append(Problem("mover", f"{file.mover!r} is no station with 'transfer'{nearest(file.mover, able)}"))
    if not file.mover and any("transfer" in entry.operations for entry in file.stations.values()):
        problems.append(Problem("mover", "is required: a station offers 'transfer'"))
    for rack in sorted(set(file.racks) & set(file.stations)):
        problems.append(Problem(f"racks.{rack}", "is also the name of a station"))
    for index, name in enumerate(file.ambient):
        if name not in file.devices:
            text = f"unknown device {name!r}{nearest(name, tuple(file.devices))}"
            problems.append(Problem(f"ambient[{index}]", text))
    for index, fault in enumerate(file.simulated.faults):
        if fault.device not in file.devices:
            text = f"unknown device {fault.device!r}{nearest(fault.device, tuple(file.devices))}"
            problems.append(Problem(f"simulated.faults[{index}].device", text))
        elif file.devices[fault.device].kind:
            problems += _fault_kind_problems(file, index, fault)
    return problems


def _fault_kind_problems(file: LabFile, index: int, fault: FaultEntry) -> list[Problem]:
    from labctl.lab._simulated import fault_kinds

    known = fault_kinds(file.devices[fault.device].kind)
    if fault.kind in known:
        return []
    text = f"{fault.device} has no fault {fault.kind!r}{nearest(fault.kind, known)}"
    return [Problem(f"simulated.faults[{index}].kind", text)]
