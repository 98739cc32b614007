"""The lab file: what a laboratory has."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from labctl.files import LABEL, Day, Scalar, Text
from labctl.lab._interlock_entries import InterlockEntry
from labctl.lab._watchdog_entries import WatchdogLimits
from labctl.metadata import AccessPolicy
from labctl.notices import NoticesEntry
from labctl.quantities import Quantity

Seconds = Annotated[float, Quantity("s", 0)]
Name = Annotated[str, Text("[a-z][a-z0-9_]*", "lower-case letters, digits and '_', a letter first")]


CASSETTE = "cassette"
"""The backend of instruments that are played back."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CalibrationEntry(_Part):
    """The calibration in force."""

    date: Annotated[str, Day()] = Field(default="", description="day it was done")
    by: str = Field(default="", description="who did it")
    due: Annotated[str, Day()] = Field(default="", description="last day it holds; later runs are flagged as suspect")
    note: str = Field(default="", description="how: range, gas, certificate")

    @model_validator(mode="after")
    def _in_order(self) -> CalibrationEntry:
        if self.date and self.due and self.due < self.date:
            raise ValueError(f"due {self.due} is before date {self.date}")
        return self


class DeviceEntry(_Part):
    """One instrument."""

    kind: str = Field(
        alias="class",
        description="class in the package devices, or path of an instrument file (`.yaml`), from this file's folder",
    )
    address: str = Field(min_length=1, description="VISA resource name; of an instrument file's, as its library has it")
    limits: dict[str, Annotated[list[Scalar], Field(min_length=2, max_length=2)]] = Field(
        default_factory=dict, description="lowest and highest value of a signal, narrower than the class's own"
    )
    calibration: CalibrationEntry = Field(default_factory=CalibrationEntry, description="recorded with every run")
    timeout: Annotated[float, Quantity("s", 0.01, 600)] = Field(default="2 s", validate_default=True)
    retries: int = Field(default=1, ge=0, le=10, description="how often a failed exchange is repeated")
    wire_log: bool = Field(default=False, description="write every exchange to a file in the store")


class StationEntry(_Part):
    """One tool."""

    operations: dict[str, dict[str, str]] = Field(
        min_length=1, description="kinds of operation it offers, with the device of each role"
    )
    places: int = Field(default=1, ge=1, le=1000, description="how many samples it holds")
    fittings: dict[Name, Scalar] = Field(
        default_factory=dict, description="what is fitted (target, gas, tube, probe head), recorded with every run"
    )
    load_wait: Seconds = Field(
        default="0 s", validate_default=True, description="how long a load that is not full waits"
    )
    load_fill: int | None = Field(
        default=None, ge=1, le=1000, description="a load of so many waits no longer; all places when omitted"
    )
    takes: dict[str, Seconds] = Field(
        default_factory=dict, description="by kind of operation: how long it is estimated to take"
    )
    set_up: dict[str, Seconds] = Field(
        default_factory=dict,
        description="by kind of operation: how long the station is got ready for it after one of another kind",
    )
    clean_down: dict[str, Seconds] = Field(
        default_factory=dict,
        description="by kind of operation: how long the station is cleaned after it, before one of another kind",
    )
    attended: bool = Field(
        default=False, description="a person has to be there while it works: it works in working hours only"
    )


class FaultEntry(_Part):
    """One fault of a simulated instrument."""

    device: str
    kind: str
    start: Seconds = Field(default="0 s", validate_default=True, description="lab time since the start")
    duration: Annotated[float, Quantity("s", 0.001)] | None = Field(
        default=None, description="how long; for ever when omitted"
    )
    probability: float = Field(default=1.0, ge=0, le=1, description="of striking at each reply; for faults of the wire")
    amount: float = Field(default=0.0, allow_inf_nan=False)


class Simulated(_Part):
    """How a simulated laboratory behaves."""

    seed: int = Field(
        default=0, ge=0, description="of noise, weather and faults; a campaign's own seed comes before it"
    )
    move_time: Annotated[float, Quantity("s", 1, 3600)] = Field(default="60 s", validate_default=True)
    measure_time: Annotated[float, Quantity("s", 0, 86400)] = Field(
        default="10 min",
        validate_default=True,
        description="how long a table of measured recipes takes for a row",
    )
    faults: list[FaultEntry] = Field(default_factory=list)


class SupervisorEntry(_Part):
    """The process that makes the laboratory safe when the controller dies or hangs."""

    limit: Annotated[float, Quantity("s", 2, 600)] = Field(
        default="15 s", validate_default=True, description="how long the controller may give no sign of life"
    )
    interlocks: bool = Field(
        default=False,
        description="whether it also watches the interlocks whose action is `safe`, over connections of its own; only "
        "where their instruments accept two clients",
    )


class LabFile(_Part):
    """A laboratory: instruments, stations, racks."""

    lab: Annotated[str, LABEL] = Field(description="name of the laboratory")
    description: str = ""
    backend: str = Field(
        default="simulated",
        description="'simulated', 'cassette', or pyvisa's '@py', '@ivi' or path of a VISA library",
    )
    cassette: str = Field(
        default="",
        description="path of a recording (`labctl lab record`), from this file's folder, from which instruments are "
        "played back; for the backend 'cassette'",
    )
    operator: str = Field(min_length=1, description="person who is responsible; recorded with every run")
    policy: AccessPolicy = Field(default_factory=AccessPolicy)
    devices: dict[Name, DeviceEntry] = Field(min_length=1)
    stations: dict[Name, StationEntry] = Field(min_length=1)
    racks: dict[Name, Annotated[int, Field(ge=1, le=10000)]] = Field(min_length=1, description="places of each rack")
    substrates: str = Field(
        default="",
        description="path of a CSV file, from this file's folder, with the columns place and substrate and what else "
        "the substrates' certificates tell; recorded with every run of the sample",
    )
    calendar: str = Field(
        default="",
        description="path of an iCalendar file, from this file's folder: when stations are taken or closed, and when "
        "people are there",
    )
    mover: str = Field(default="", description="the station that carries samples; empty: samples need not be carried")
    ambient: list[str] = Field(default_factory=list, description="devices read before and after each operation")
    safe_order: list[str | list[str]] = Field(
        default_factory=list,
        description="devices in the order in which they are made safe, those of an inner list side by side; the "
        "others follow in the order of this file",
    )
    interlocks: dict[Name, InterlockEntry] = Field(
        default_factory=dict, description="conditions that the controller watches, and what it does"
    )
    watch_period: Annotated[float, Quantity("s", 0.1, 600)] = Field(
        default="5 s", validate_default=True, description="how often the signals of interlocks are read"
    )
    watchdogs: WatchdogLimits = Field(default_factory=WatchdogLimits)
    supervisor: SupervisorEntry = Field(default_factory=SupervisorEntry)
    notices: NoticesEntry | None = Field(
        default=None, description="who is told when something happens; nobody when omitted"
    )
    simulated: Simulated = Field(default_factory=Simulated)

    @property
    def is_simulated(self) -> bool:
        """Whether no real instrument is there: they are simulated, or played back from a cassette."""
        return self.backend in ("simulated", CASSETTE)
