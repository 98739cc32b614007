"""Instruments that have no class of their own: a file says what they have, another library speaks to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Protocol

from ophyd import Component
from ophyd.status import Status
from pyvisa import rname
from typing_extensions import override

from devices._device import Identity, LinkedDevice
from devices._signals import Readback, Setting
from labctl.errors import LabError
from labctl.link import LibraryLink

WORLDS = {
    "epics": "devices.epics",
    "modbus": "devices.described_modbus",
    "opcua": "devices.opcua",
    "pymeasure": "devices.pymeasure_driver",
    "scpi": "devices.described_scpi",
    "secsgem": "devices.secsgem_equipment",
}
"""Module of each library, by the name that instrument files have for it; each has one as `WORLD`."""
AGREES = 1e-3
"""Share of a signal's limits within which it is what it was set to."""


class LibraryPoint(Protocol):
    """One quantity as a library has it: a `Point` whose link is a `LibraryLink`."""

    def read(self, link: LibraryLink) -> Any:  # as the library gives it
        """Return the present value; raises `LinkError`."""
        ...

    def write(self, link: LibraryLink, value: Any) -> None:
        """Set a new value; raises `LinkError`, or TypeError where the quantity is read-only."""
        ...


@dataclass(frozen=True)
class World:
    """How a library reaches instruments. Nothing of it is imported before a device connects."""

    extra: str
    """What is installed for it: ``labctl[...]``."""
    address: Callable[[str], object]
    """Takes an address; raises ValueError for one that the library cannot have."""
    point: Callable[[str, str, str], LibraryPoint]
    """Takes where a quantity is read, where it is set, and its type ("number", "integer", "string")."""
    connect: Callable[[str, Mapping[str, Any], Any, float], Any]
    """Takes the address, the instrument file's options, the laboratory's VISA library and the time-out [s]; returns
    the library's object, connected."""
    disconnect: Callable[[Any], object]
    """Takes that object."""
    open_options: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Takes the file's options and returns how the line is opened, where no library is needed: the points speak over
    a `Link` of the laboratory, and `connect` and `disconnect` are not called. None for a library."""
    base: type[DescribedDevice] | None = None
    """What is known of such devices beyond their signals."""
    memory: Callable[[Mapping[str, Any], Mapping[str, Any]], Any] = lambda values, options: dict(values)
    """Takes the values of the signals and the options; returns what stands in the place of the library's object where
    there is no instrument."""


def visa_address(address: str) -> None:
    """Raise ValueError for what is no VISA resource name."""
    try:
        rname.ResourceName.from_string(address)
    except rname.InvalidResourceName as error:
        raise ValueError(f"{address!r} is no VISA address") from error


def world(name: str) -> World:
    """Return a library by its name; raises KeyError for one that is not in `WORLDS`."""
    found: World = import_module(WORLDS[name]).WORLD
    return found


def needed(extra: str, error: ImportError) -> LabError:
    """Return what to tell when a library is missing."""
    return LabError(f"{error.name or error} is not installed; install labctl[{extra}]")


class DescribedDevice(LinkedDevice):
    """An instrument as a file describes it."""

    link: Any  # a LibraryLink; a Link where no library is needed
    world: ClassVar[World]
    options: ClassVar[Mapping[str, Any]] = {}
    """For the library."""
    made_by: ClassVar[str] = ""
    told_by: ClassVar[LibraryPoint | None] = None
    """Where the instrument says who it is, if it does."""
    safe_values: ClassVar[Mapping[str, float | str]] = {}
    """By attribute, in the order in which they are set: what makes it safe."""
    measured: ClassVar[Mapping[str, LibraryPoint]] = {}
    """By attribute: what is asked for only when a reading is taken, because asking makes the instrument act."""
    verified = "not yet on hardware"

    @override
    def identify(self) -> Identity:
        """Ask who it is; where it cannot say, read every signal and believe the file. Raises `LinkError`."""
        if self.told_by is None:
            for signal in self._readable():
                signal.get()
            return Identity(self.made_by, self.models[0])
        told = str(self.told_by.read(self.link))
        parts = [part.strip() for part in told.split(",", 3)]
        return Identity(*parts) if len(parts) == 4 else Identity(self.made_by, told.strip())

    def _readable(self) -> list[Readback]:
        return [signal for _, _, signal in self.walk_signals() if isinstance(signal, Readback)]

    @override
    def trigger(self) -> Status:
        """Take a reading of what is measured only then; return a finished status. Raises `LinkError`."""
        for attribute, point in self.measured.items():
            signal = getattr(self, attribute)
            signal.put(type(signal.get())(point.read(self.link)))
        return self.finished()

    @override
    def make_safe(self) -> None:
        """Set what makes it safe, whatever fails on the way, and look; raises LabError."""
        failures = []
        for attribute, value in self.safe_values.items():
            signal = getattr(self, attribute)
            try:
                signal.put(value)
                if not _agrees(signal.get(), value, signal):
                    failures.append(f"{signal.name} is not {value} after it was set")
            except LabError as error:
                failures.append(str(error))
        if failures:
            raise LabError("; ".join(failures))


def _agrees(told: float | str, value: float | str, signal: Setting) -> bool:
    if isinstance(told, str) or isinstance(value, str):
        return told == value
    low, high = signal.limits or (value, value)
    return math.isclose(told, value, rel_tol=AGREES, abs_tol=AGREES * (high - low))


def described_class(
    name: str,
    about: str,
    signals: Mapping[str, Component],
    **facts: Any,  # class attributes of `DescribedDevice`
) -> type[DescribedDevice]:
    """Return a device class made of signals and facts.

    Args:
        name: of the class.
        about: its docstring.
        signals: components of the classes `Readback`, `Setting` and `Soft`, by attribute.
        facts: what the class says of itself, by the names of the class attributes.
    """
    return type(
        name, (facts["world"].base or DescribedDevice,), {"__doc__": about, "__module__": __name__, **facts, **signals}
    )
