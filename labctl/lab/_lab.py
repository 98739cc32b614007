"""A laboratory that can be worked with: devices on links, grouped into stations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyvisa

from labctl.clock import Clock
from labctl.errors import LabError
from labctl.interlocks import Interlock
from labctl.lab._calendar import ALWAYS, Calendar
from labctl.lab._described_kind import is_remembered
from labctl.lab._file import CASSETTE, DeviceEntry, LabFile
from labctl.lab._ical import CalendarEvent, read_calendar
from labctl.lab._interlocks import read_interlocks
from labctl.lab._kinds import device_kind
from labctl.lab._limits import limits_of, narrowed_limits
from labctl.lab._opening import StationCalendar
from labctl.lab._safe_order import do_in_order, safe_order
from labctl.lab._substrates import Certificate, read_substrates
from labctl.lab._watchdog_entries import WatchdogLimits
from labctl.link import Exchange, LibraryLink, Link, read_cassette
from labctl.metadata import LabMetadata, source_revision, versions
from labctl.recipes import OperationSchema

if TYPE_CHECKING:
    from devices import EventLog, Identity, LinkedDevice
    from labctl.lab._simulated import SimulatedPlant


@dataclass(frozen=True)
class Station:
    """One tool: the devices of each operation it offers, and its places."""

    name: str
    operations: Mapping[str, tuple[LinkedDevice, ...]]
    """Devices in the order of the operation's roles."""
    places: int = 1
    load_wait_s: float = 0.0
    """How long a load that is not full waits [s]."""
    load_fill: int = 0
    """A load of so many samples waits no longer; 0: as many as there are places."""
    takes_s: Mapping[str, float] = field(default_factory=dict)
    """Estimated duration [s] of each kind of operation that the lab file has one of."""
    set_up_s: Mapping[str, float] = field(default_factory=dict)
    clean_down_s: Mapping[str, float] = field(default_factory=dict)
    attended: bool = False
    """A person has to be there while it works."""
    calendar: Calendar = ALWAYS
    """When it may work."""
    fittings: Mapping[str, str | float | int | bool] = field(default_factory=dict)
    """What is fitted to it, recorded with every run."""
    events: EventLog | None = None
    """What happens on it besides its readings; recorded in the run that is open then, or in the next."""

    @property
    def devices(self) -> tuple[LinkedDevice, ...]:
        """Every device, once."""
        return tuple(dict.fromkeys(device for group in self.operations.values() for device in group))

    def changeover_s(self, before: str, kind: str) -> float:
        """Return how long it is cleaned and got ready between operations of two kinds [s].

        Args:
            before: what it did last; empty when nothing yet.
            kind: what comes next.
        """
        if before in ("", kind):
            return 0.0
        return self.clean_down_s.get(before, 0.0) + self.set_up_s.get(kind, 0.0)

    def exchanges(self) -> list[tuple[str, Exchange]]:
        """Return what was lately said on the wire, each with the device's name, the first first; any thread may ask."""
        said = [(device.name, exchange) for device in self.devices for exchange in tuple(device.link.log)]
        return sorted(said, key=lambda entry: entry[1].time)

    def refusals(self, schema: OperationSchema, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Return, by parameter, why this station cannot do an operation: a device's limits forbid the value.

        Args:
            schema: of an operation that the station offers.
            parameters: values in the units that the schema declares.
        """
        devices = dict(zip(schema.roles, self.operations[schema.kind], strict=True))

        def of_signal(role: str, attribute: str) -> tuple[str, tuple[float, float] | None]:
            signal = getattr(devices[role], attribute)
            return signal.name, signal.limits

        limits = limits_of(schema, self.name, of_signal)
        refused = {name: limits[name].refusal(value) for name, value in parameters.items() if name in limits}
        return {name: reason for name, reason in refused.items() if reason}


@dataclass
class Lab:
    """Stations, racks and devices of one laboratory on one clock; nothing is connected before it is used."""

    name: str
    clock: Clock
    metadata: LabMetadata
    devices: dict[str, LinkedDevice]
    stations: dict[str, Station]
    racks: dict[str, int]
    mover: str = ""
    """Station that carries samples; empty when samples need not be carried."""
    ambient: tuple[LinkedDevice, ...] = ()
    """Read before and after every operation."""
    substrates: Mapping[str, Certificate] = field(default_factory=dict)
    """What is known of the substrate that lies in a rack place at the beginning."""
    plant: SimulatedPlant | None = None
    """What is behind simulated instruments; None for real ones."""
    safe_order: tuple[tuple[str, ...], ...] = ()
    """Devices in the order in which they are made safe, those of a group side by side; the others follow."""
    interlocks: tuple[Interlock, ...] = ()
    watch_period_s: float = 5.0
    """How often the signals of interlocks are read [s]."""
    watchdogs: WatchdogLimits = field(default_factory=WatchdogLimits)
    wire_logs: Path | None = None
    """Directory for the wire logs of the devices that ask for one."""
    manager: Any = field(default=None, repr=False)
    """pyvisa's resource manager, which opens the links."""

    def connect(self) -> dict[str, Identity | LabError]:
        """Ask every instrument who it is; return the answer or the error of each."""
        found: dict[str, Identity | LabError] = {}
        for name, device in self.devices.items():
            try:
                found[name] = device.connect()
            except LabError as error:
                found[name] = error
        return found

    def make_safe(self, which: Collection[str] | None = None) -> list[str]:
        """Make devices safe in the order of `safe_order`, whatever fails on the way; return what failed, in words.

        Args:
            which: names of devices; all when omitted.

        Raises:
            KeyError: there is no such device.
        """
        wanted = set(self.devices) if which is None else set(which)
        if unknown := wanted - set(self.devices):
            raise KeyError(f"no device {sorted(unknown)}; known: {', '.join(self.devices)}")
        groups = [[name for name in group if name in wanted] for group in self.safe_order]
        named = {name for group in groups for name in group}
        groups += [[name] for name in self.devices if name in wanted and name not in named]
        calls = [[(name, self.devices[name].make_safe) for name in group] for group in groups if group]
        return do_in_order(calls, self.clock)

    def fail_fast(self) -> None:
        """Let no link retry or wait long any more."""
        for device in self.devices.values():
            device.link.fail_fast()

    def release(self) -> None:
        """Let other processes have the instruments; the next exchange with one opens its link again."""
        for device in self.devices.values():
            device.link.release()

    def close(self) -> None:
        """Close every link."""
        for device in self.devices.values():
            device.link.close()
        self.manager.close()
        if self.plant is not None and self.plant.memory is not None:
            self.plant.memory.close()


def build_lab(
    file: LabFile,
    clock: Clock,
    schemas: Mapping[str, OperationSchema],
    *,
    seed: int | None = None,
    rows: Sequence[Mapping[str, float]] | None = None,
    wire_logs: Path | None = None,
    plant_memory: Path | None = None,
) -> Lab:
    """Return the laboratory of a checked lab file; nothing is connected yet.

    Args:
        file: as `read_lab` gives it.
        clock: for everything in the laboratory.
        schemas: every kind of operation there is.
        seed: of a simulated laboratory; the lab file's own when omitted.
        rows: what simulated tables of measured recipes answer with.
        wire_logs: directory for the wire logs of the devices that ask for one.
        plant_memory: file from which a simulated plant is brought back, and in which it goes on.

    Raises:
        LabError: the VISA library cannot be loaded.
    """
    substrates = read_substrates(Path(file.substrates), file.racks) if file.substrates else {}
    events = read_calendar(Path(file.calendar), file.stations) if file.calendar else ()
    plant = None
    library: Any = file.backend
    if file.backend == CASSETTE:
        from sim_devices.cassette import cassette_library

        addresses = {name: entry.address for name, entry in file.devices.items() if not is_remembered(entry.kind)}
        library = cassette_library(read_cassette(Path(file.cassette)), clock, addresses)
    elif file.is_simulated:
        from labctl.lab._simulated import build_plant

        plant = build_plant(file, clock, file.simulated.seed if seed is None else seed, rows, substrates)
        library = plant.library(clock, {name: entry.address for name, entry in file.devices.items()}, plant_memory)
    try:
        manager = pyvisa.ResourceManager(library)
    except (OSError, ValueError) as error:
        raise LabError(f"VISA library {file.backend!r} cannot be loaded: {error}") from error
    devices = {name: build_device(file, name, manager, clock, wire_logs) for name in file.devices}
    stations = {name: build_station(file, name, devices, schemas, events, clock) for name in file.stations}
    metadata = LabMetadata(
        lab=file.lab,
        station="-",
        operator=file.operator,
        simulated=file.is_simulated,
        versions=versions(),
        source_revision=source_revision(),
        policy=file.policy,
    )
    ambient = tuple(devices[name] for name in file.ambient)
    return Lab(
        file.lab,
        clock,
        metadata,
        devices,
        stations,
        file.racks,
        file.mover,
        ambient,
        substrates,
        plant,
        safe_order(file),
        read_interlocks(file)[0],
        file.watch_period,
        file.watchdogs,
        wire_logs=wire_logs,
        manager=manager,
    )


def build_station(
    file: LabFile,
    name: str,
    devices: Mapping[str, LinkedDevice],
    schemas: Mapping[str, OperationSchema],
    events: Sequence[CalendarEvent],
    clock: Clock,
) -> Station:
    """Return a station of a checked lab file, with its devices and its part of the laboratory's calendar."""
    from devices import EventLog

    entry = file.stations[name]
    return Station(
        name,
        {kind: tuple(devices[roles[role]] for role in schemas[kind].roles) for kind, roles in entry.operations.items()},
        entry.places,
        entry.load_wait,
        entry.load_fill or 0,
        entry.takes,
        entry.set_up,
        entry.clean_down,
        entry.attended,
        _calendar(events, name, attended=entry.attended),
        fittings=entry.fittings,
        events=EventLog(clock),
    )


def _calendar(events: Sequence[CalendarEvent], station: str, *, attended: bool) -> Calendar:
    mine = [event for event in events if event.concerns(station)]
    return StationCalendar(mine, attended=attended) if mine else ALWAYS


def build_device(file: LabFile, name: str, manager: Any, clock: Clock, wire_logs: Path | None) -> LinkedDevice:
    """Return a device of a checked lab file on its link; nothing is opened yet."""
    entry = file.devices[name]
    kind = device_kind(entry.kind, simulated=file.is_simulated)
    log_file = wire_logs / f"{name}.log" if entry.wire_log and wire_logs is not None else None
    limits, _ = narrowed_limits(kind, entry.limits, name)
    link = (
        _library_link(kind, file, name, manager, clock, log_file)
        if is_remembered(entry.kind)
        else _link(kind, entry, name, manager, clock, log_file)
    )
    return kind(name=name, link=link, narrowed_limits=limits, calibration=entry.calibration.model_dump())


def _link(
    kind: type[LinkedDevice], entry: DeviceEntry, name: str, manager: Any, clock: Clock, log_file: Path | None
) -> Link:
    options = dict(kind.open_options)
    return Link(
        manager,
        entry.address,
        clock,
        device=name,
        timeout_s=entry.timeout,
        retries=entry.retries,
        read_termination=options.pop("read_termination", "\n"),
        write_termination=options.pop("write_termination", "\n"),
        log_file=log_file,
        open_options={key: value for key, value in options.items() if entry.address.upper().startswith("ASRL")},
    )


def _library_link(
    kind: Any,  # a described device's class
    file: LabFile,
    name: str,
    manager: Any,
    clock: Clock,
    log_file: Path | None,
) -> LibraryLink:
    """Return the connection of a device that a library speaks to; in a simulated laboratory, to what it remembers."""
    entry = file.devices[name]
    memory = kind.world.memory(kind.initially, kind.options) if file.is_simulated else None

    def connect(timeout_s: float) -> Any:
        return kind.world.connect(entry.address, kind.options, manager.visalib, timeout_s)

    return LibraryLink(
        entry.address,
        clock,
        device=name,
        connect=(lambda _: memory) if file.is_simulated else connect,
        disconnect=(lambda _: None) if file.is_simulated else kind.world.disconnect,
        timeout_s=entry.timeout,
        retries=entry.retries,
        log_file=log_file,
    )
