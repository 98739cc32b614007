"""What a run says of a sample, as flat facts: a key, a number or text, and a unit."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from labctl.quantities import registry
from labctl.records._deviations import difference_of
from labctl.records._history import DeviceRecord, OperationHistory, Trace, Value
from labctl.records._quality import quality_of
from labctl.records._sample_history import MOVE

UTC = "UTC"
"""Unit of a fact that is a time: its number is in s since 1970-01-01 UTC."""
STATISTICS = ("mean", "min", "max", "last", "std")
"""What is told of a process quantity."""
AGAINST_SETPOINT = ("overshoot", "offset")
"""What is told besides of one that has a set point: how far its highest reading is above the highest set point, and its
mean above the mean of the set point."""
COMPOSITION = ("composition", "target", "source", "precursor", "ink")
"""Names of fittings, or of a substrate's values, that tell what a sample is made from; the first one counts."""
_NO_KEY = re.compile(r"[\s()=!<>~*\"']+")
_AMOUNT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s+(\S.*)", re.ASCII)
_WORD = re.compile(r"[^\W\d_]\w*")
_DIFFERENCE = {"degC": "K", "degF": "delta_degF"}


@dataclass(frozen=True)
class Fact:
    """One thing that is known of a sample."""

    key: str
    """Such as ``asked.heat.temperature``."""
    value: float | str
    """A finite number, or text; truth values are ``true`` and ``false``."""
    unit: str = ""
    """Of a number; ``UTC`` for a time."""


def name_of(operation: OperationHistory) -> str:
    """Return what an operation is called in keys: its name in the recipe, or its kind outside a campaign."""
    return _part(operation.name or operation.kind)


def about_run(operation: OperationHistory) -> tuple[Fact, ...]:
    """Return what is told of the run itself: who, where, when, how it ended."""
    told = {
        "run": operation.uid,
        "kind": operation.kind,
        "operation": name_of(operation),
        "station": operation.station,
        "operator": operation.operator,
        "status": operation.status,
        "reason": operation.reason,
        "quality": quality_of(operation.flags),
        "flags": "; ".join(f"{flag.kind} {flag.key}".rstrip() for flag in operation.flags),
        "location": _place(operation),
        "together_with": ", ".join(operation.together_with),
    }
    facts = [Fact(key, text) for key, text in told.items() if text]
    facts.append(Fact("time", operation.time, UTC))
    if operation.duration_s is not None:
        facts.append(Fact("duration", operation.duration_s, "s"))
    return tuple(facts)


def about_sample(operation: OperationHistory) -> tuple[Fact, ...]:
    """Return everything else that a run says of one of its samples, in the order of `OperationHistory`."""
    name = name_of(operation)
    groups: Iterable[Iterator[Fact]] = (
        _belongings(operation),
        _values(f"asked.{name}", operation.asked),
        _values(f"before.{name}", operation.before),
        _values(f"after.{name}", operation.after),
        _traces(f"asrun.{name}", operation.traces),
        _traces(f"readings.{name}", operation.readings),
        _values(f"result.{name}", operation.results),
        _deviations(operation),
        _events(operation),
        (fact for device in operation.devices for fact in _device(device)),
        _texts(f"role.{name}", operation.roles),
        _values(f"ambient.{name}", operation.ambient),
        _values(f"fittings.{name}", {key: _amount(value) for key, value in operation.fittings.items()}),
        _values("substrate", {key: _with_unit(key, value) for key, value in operation.substrate.items()}),
        _composition(operation),
        _texts("version", operation.versions),
    )
    return tuple({fact.key: fact for group in groups for fact in group}.values())


def _belongings(operation: OperationHistory) -> Iterator[Fact]:
    told = {"campaign": operation.campaign, "trial": operation.trial, "source_revision": operation.source_revision}
    yield from (Fact(key, text) for key, text in told.items() if text)
    yield Fact("simulated", _truth(operation.simulated))
    yield from _texts("policy", {key: str(value) for key, value in operation.policy.model_dump().items()})


def _place(operation: OperationHistory) -> str:
    """Return where the sample lay, or where a move left it: in doubt when it failed."""
    if operation.kind != MOVE or "destination" not in operation.asked:
        return operation.location
    source, destination = (str(operation.asked[key].value) for key in ("source", "destination"))
    return destination if operation.status == "success" else f"{source} or {destination}?"


def _values(group: str, values: Mapping[str, Value]) -> Iterator[Fact]:
    for key, value in values.items():
        if (fact := _fact(f"{group}.{_part(key)}", value)) is not None:
            yield fact


def _fact(key: str, value: Value) -> Fact | None:
    """Return a value as a fact; None for a number that is not finite and for empty text."""
    told = value.value
    if isinstance(told, bool):
        return Fact(key, _truth(told))
    if isinstance(told, float | int):
        return Fact(key, float(told), value.unit) if math.isfinite(told) else None
    text = str(told).strip()
    return Fact(key, text) if text else None


def _texts(group: str, texts: Mapping[str, str]) -> Iterator[Fact]:
    return (Fact(f"{group}.{_part(key)}", text) for key, text in texts.items() if text)


def _traces(group: str, traces: Mapping[str, Trace]) -> Iterator[Fact]:
    for trace in traces.values():
        key = f"{group}.{_part(trace.key)}"
        if trace.values.dtype.kind not in "fiub":
            if len(trace.values) and trace.values[-1] is not None:
                yield Fact(f"{key}.last", str(trace.values[-1]))
            continue
        values = trace.values.astype(float)
        values = values[np.isfinite(values)]
        if len(values):
            figures = (values.mean(), values.min(), values.max(), values[-1], values.std())
            for statistic, figure in zip(STATISTICS, figures, strict=True):
                unit = difference_unit(trace.unit) if statistic == "std" else trace.unit
                yield Fact(f"{key}.{statistic}", float(figure), unit)
        if trace.setpoint in traces:
            yield from _against_setpoint(key, trace, traces)


def _against_setpoint(key: str, trace: Trace, traces: Mapping[str, Trace]) -> Iterator[Fact]:
    asked = traces[trace.setpoint].values
    gate = traces[trace.gate].values if trace.gate in traces else None
    difference = difference_of(trace.values, asked, gate)
    counts = np.isfinite(difference)
    if np.any(counts):
        above = float(trace.values[counts].astype(float).max() - asked[counts].astype(float).max())
        figures = (above, float(difference[counts].mean()))
        for statistic, figure in zip(AGAINST_SETPOINT, figures, strict=True):
            yield Fact(f"{key}.{statistic}", figure, difference_unit(trace.unit))


def _deviations(operation: OperationHistory) -> Iterator[Fact]:
    for deviation in operation.deviations:
        key, unit = f"deviation.{name_of(operation)}.{_part(deviation.key)}", difference_unit(deviation.unit)
        yield Fact(f"{key}.largest", deviation.largest, unit)
        yield Fact(f"{key}.at", deviation.at_s, "s")
        yield Fact(f"{key}.duration", deviation.duration_s, "s")
        yield Fact(f"{key}.area", deviation.area, f"{unit} s".strip())


def _events(operation: OperationHistory) -> Iterator[Fact]:
    group = f"events.{name_of(operation)}"
    for kind, n in Counter(event.kind for event in operation.events).items():
        yield Fact(f"{group}.{_part(kind)}", float(n))
    if operation.events:
        yield Fact(f"{group}.messages", "; ".join(event.message for event in operation.events))


def _device(device: DeviceRecord) -> Iterator[Fact]:
    group = f"device.{_part(device.name)}"
    yield from _texts(group, {name: getattr(device, name) for name in ("maker", "model", "serial", "firmware")})
    calibration = device.calibration
    texts = {f"calibration_{name}": getattr(calibration, name) for name in ("date", "by", "due", "note")}
    yield from _texts(group, texts)
    if calibration.due:
        yield Fact(f"{group}.calibration_overdue", _truth(calibration.overdue))
    yield from _values(group, {key.removeprefix(f"{device.name}_"): v for key, v in device.configuration.items()})


def _composition(operation: OperationHistory) -> Iterator[Fact]:
    for values in (operation.substrate, operation.fittings):
        found = next((str(values[name].value) for name in COMPOSITION if name in values), "")
        if found:
            yield Fact(f"composition.{'substrate' if values is operation.substrate else name_of(operation)}", found)


def difference_unit(unit: str) -> str:
    """Return the unit of a difference of two values: K for temperatures in degC."""
    return _DIFFERENCE.get(unit, unit)


def _amount(value: Value) -> Value:
    """Return text such as ``2 kWh`` as a number with its unit, other values as they are."""
    found = _AMOUNT.fullmatch(value.value) if isinstance(value.value, str) else None
    return value if found is None or not is_unit(found[2]) else Value(float(found[1]), found[2])


def _with_unit(key: str, value: Value) -> Value:
    """Return a number with the unit that its key ends in (``roughness_nm``), other values as they are."""
    _, _, ending = key.rpartition("_")
    is_number = isinstance(value.value, float | int) and not isinstance(value.value, bool)
    return Value(value.value, ending) if is_number and not value.unit and is_unit(ending) else value


@functools.lru_cache(maxsize=1024)
def is_unit(text: str) -> bool:
    """Return whether text names a unit, such as ``nm`` or ``K/min``."""
    words = _WORD.findall(text)
    return bool(words) and not _WORD.sub("", text).strip(" */^()-.0123456789") and all(w in registry() for w in words)


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _part(text: str) -> str:
    """Return text as it may stand in a key."""
    return _NO_KEY.sub("_", text)
