"""The history of a sample: everything that was done to it, as a physician's chart has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labctl.errors import StoreError
from labctl.metadata import AccessPolicy
from labctl.records._deviations import Deviation, deviations_of
from labctl.records._quality import Flag, automatic_flags
from labctl.store import RecordedRun, Store, Stream


@dataclass(frozen=True)
class Value:
    """A number, truth value or text with its unit."""

    value: float | int | bool | str
    unit: str = ""

    @override
    def __str__(self) -> str:
        text = f"{self.value:.6g}" if isinstance(self.value, float) else str(self.value)
        return f"{text} {self.unit}".rstrip()


@dataclass(frozen=True)
class Trace:
    """One process quantity all through an operation."""

    key: str
    """Name of the signal."""
    unit: str
    times_s: NDArray[np.float64]
    """(n,) Times since the operation began [s]."""
    values: NDArray[Any]
    """(n,) [unit]; text is an object array."""
    setpoint: str = ""
    """Key of the trace that it should follow; empty where it follows none."""
    tolerance: float | None = None
    """How far it may be from its set point [unit]."""
    gate: str = ""
    """Key of the trace that is not 0 while the set point counts; empty where it always does."""


@dataclass(frozen=True)
class Event:
    """Something that happened during an operation: an alarm, an interlock, a note, an intervention."""

    time: float
    """[s since 1970-01-01 UTC]."""
    kind: str
    """``alarm``, ``interlock``, ``note`` or ``intervention``."""
    severity: str
    """``info``, ``warning`` or ``alarm``."""
    source: str
    """Device or person."""
    message: str


@dataclass(frozen=True)
class Calibration:
    """The calibration that was in force for a device."""

    date: str
    """Day (YYYY-MM-DD); empty when none is known."""
    by: str
    due: str
    """Day (YYYY-MM-DD) after which it is overdue; empty when it never is."""
    note: str
    overdue: bool
    """Whether it was, on the day of the operation."""


@dataclass(frozen=True)
class DeviceRecord:
    """One device as it was during an operation."""

    name: str
    role: str
    """In the operation; empty for a sensor of the room."""
    maker: str
    model: str
    serial: str
    firmware: str
    calibration: Calibration
    configuration: Mapping[str, Value]
    """Other configuration signals, by key."""


@dataclass(frozen=True)
class OperationHistory:
    """One operation that was done to a sample; a move is one too."""

    uid: str
    """Of the run."""
    kind: str
    name: str
    """In the recipe; empty for a move, or outside a campaign."""
    station: str
    operator: str
    time: float
    """Beginning [s since 1970-01-01 UTC]."""
    duration_s: float | None
    """None while it goes on."""
    status: str
    """``success``, ``fail``, ``abort`` or ``running``."""
    reason: str
    location: str
    """Where the sample lay when it began."""
    together_with: tuple[str, ...]
    """The other samples in the load."""
    campaign: str
    trial: str
    asked: Mapping[str, Value]
    """Parameters of the recipe."""
    recipe: Mapping[str, Any]
    """Content of the sample's whole recipe; empty outside a campaign."""
    roles: Mapping[str, str]
    """Device in each role."""
    before: Mapping[str, Value]
    """Every reading and setting of the devices before the operation, by key."""
    after: Mapping[str, Value]
    """The same after it; empty when it did not come so far."""
    traces: Mapping[str, Trace]
    """By key."""
    readings: Mapping[str, Trace]
    """What was measured point by point (stream ``primary``), by key."""
    results: Mapping[str, Value]
    deviations: tuple[Deviation, ...]
    """As-run against set point, worst first."""
    events: tuple[Event, ...]
    flags: tuple[Flag, ...]
    devices: tuple[DeviceRecord, ...]
    ambient: Mapping[str, Value]
    """What the room's sensors showed before it."""
    fittings: Mapping[str, Value]
    """What was fitted to the station."""
    substrate: Mapping[str, Value]
    versions: Mapping[str, str]
    source_revision: str
    simulated: bool
    policy: AccessPolicy = field(default_factory=AccessPolicy)

    @property
    def end(self) -> float | None:
        """End [s since 1970-01-01 UTC]; None while it goes on."""
        return None if self.duration_s is None else self.time + self.duration_s


def operation_history(run: RecordedRun, sample: str) -> OperationHistory:
    """Return what a run did to one of its samples, from its documents alone.

    Raises:
        StoreError: the run does not name the sample.
    """
    start, stop, streams = run.start, run.stop, run.streams
    samples = list(start.get("samples", ()))
    if sample not in samples:
        raise StoreError(f"run {run.uid} names {', '.join(samples) or 'no sample'}, not {sample!r}")
    index = samples.index(sample)
    units = start.get("parameter_units", {})
    roles: Mapping[str, str] = start.get("roles", {})
    baseline = streams.get("baseline")
    before, after = _row(baseline, 0), _row(baseline, 1)
    rooms = _rooms(baseline, roles)
    digest = _at(start.get("recipe_digests"), index)
    return OperationHistory(
        uid=run.uid,
        kind=str(start.get("operation", start.get("plan_name", ""))),
        name=_at(start.get("operation_names"), index),
        station=str(start.get("station", "")),
        operator=str(start.get("operator", "")),
        time=float(start["time"]),
        duration_s=None if stop is None else float(stop["time"]) - float(start["time"]),
        status="running" if stop is None else str(stop.get("exit_status", "fail")),
        reason="" if stop is None else str(stop.get("reason") or ""),
        location=_at(start.get("locations"), index),
        together_with=tuple(name for name in samples if name != sample),
        campaign=str(start.get("campaign", "")),
        trial=_at(start.get("trials"), index),
        asked={name: Value(value, units.get(name, "")) for name, value in start.get("parameters", {}).items()},
        recipe=start.get("recipes", {}).get(digest, {}),
        roles=roles,
        before=before,
        after=after,
        traces=_traces(streams.get("process"), float(start["time"])),
        readings=_traces(streams.get("primary"), float(start["time"])),
        results=_row(streams.get("result"), -1),
        deviations=deviations_of(run),
        events=_events(streams.get("events")),
        flags=automatic_flags(run),
        devices=_devices(run, roles),
        ambient={key: value for key, value in before.items() if any(key.startswith(f"{room}_") for room in rooms)},
        fittings={key: Value(value) for key, value in start.get("fittings", {}).items()},
        substrate={key: Value(value) for key, value in start.get("substrates", {}).get(sample, {}).items()},
        versions=start.get("versions", {}),
        source_revision=str(start.get("source_revision", "")),
        simulated=bool(start.get("simulated", False)),
        policy=AccessPolicy.model_validate(start.get("policy", {})),
    )


def operations_of(store: Store, sample: str) -> list[OperationHistory]:
    """Return everything that was done to a sample, the first thing first; empty when nothing was."""
    return [operation_history(store.run(run.uid), sample) for run in reversed(store.runs(sample=sample))]


def _at(values: Any, index: int) -> str:  # metadata may hold anything
    return str(values[index]) if isinstance(values, list | tuple) and index < len(values) else ""


def _row(stream: Stream | None, index: int) -> dict[str, Value]:
    """Return one row of a stream without what is missing; empty where there is none."""
    if stream is None or not -len(stream.times) <= index < len(stream.times):
        return {}
    return {
        key: Value(_plain(column[index]), stream.units.get(key, ""))
        for key, column in stream.columns.items()
        if column.ndim == 1 and column[index] is not None and column[index] == column[index]  # NaN is missing
    }


def _plain(value: Any) -> Any:  # a numpy scalar becomes Python's
    return value.item() if isinstance(value, np.generic) else value


def _traces(stream: Stream | None, begin: float) -> dict[str, Trace]:
    if stream is None:
        return {}
    traces = {}
    for key, column in stream.columns.items():
        if column.ndim == 1:
            about = stream.description.get(key, {})
            setpoint, tolerance = about.get("setpoint", ""), about.get("tolerance")
            times = stream.timestamps.get(key, stream.times)
            gate = about.get("gate", "")
            traces[key] = Trace(key, stream.units.get(key, ""), times - begin, column, setpoint, tolerance, gate)
    return traces


def _events(stream: Stream | None) -> tuple[Event, ...]:
    if stream is None:
        return ()
    names = ("kind", "severity", "source", "message")
    columns = [[str(value) for value in stream.columns[f"event_{name}"]] for name in names]
    happened = stream.timestamps["event_message"]  # what was told between runs is recorded by the next one
    return tuple(Event(float(time), *texts) for time, *texts in zip(happened, *columns, strict=True))


def _rooms(baseline: Stream | None, roles: Mapping[str, str]) -> list[str]:
    """Return the devices that were read but have no role: the room's sensors; none where no roles were recorded."""
    if baseline is None or not roles:
        return []
    return [name for name in baseline.configuration if name not in roles.values()]


def _devices(run: RecordedRun, roles: Mapping[str, str]) -> tuple[DeviceRecord, ...]:
    baseline = run.streams.get("baseline")
    if baseline is None:
        return ()
    role_of = {device: role for role, device in roles.items()}
    entries = baseline.descriptors[0].get("configuration", {})
    day = _day(float(run.start["time"]))
    found = []
    for name, configuration in baseline.configuration.items():
        about = {key.removeprefix(f"{name}_"): value for key, value in configuration.items()}
        units = {key: str(entry.get("units", "")) for key, entry in entries.get(name, {}).get("data_keys", {}).items()}
        maker, model, serial, firmware = (str(about.pop(key, "")) for key in ("maker", "model", "serial", "firmware"))
        date, by, due, note = (str(about.pop(f"calibration_{key}", "")) for key in ("date", "by", "due", "note"))
        calibration = Calibration(date, by, due, note, bool(due) and due < day)
        others = {f"{name}_{key}": Value(value, units.get(f"{name}_{key}", "")) for key, value in about.items()}
        role = role_of.get(name, "")
        found.append(DeviceRecord(name, role, maker, model, serial, firmware, calibration, others))
    return tuple(found)


def _day(time: float) -> str:
    return str(np.datetime64(int(time), "s").astype("datetime64[D]"))
