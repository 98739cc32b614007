"""Interlocks of a lab file become conditions in the units of the signals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from labctl.errors import Problem
from labctl.files import nearest
from labctl.interlocks import Condition, Interlock, Range, Rate, Response, SignalName, Stale, States, Unchanged
from labctl.lab._file import LabFile
from labctl.lab._interlock_entries import CONDITIONS, InterlockEntry
from labctl.lab._kinds import device_kind, is_kind
from labctl.lab._safe_order import flat_order, station_devices
from labctl.lab._watchdog_entries import WatchdogLimits
from labctl.quantities import Quantity

_DIFFERENCES = {"degC": "K", "degF": "delta_degF"}
"""Unit of a difference, where it is another."""
WHOLE_LAB = "lab"


def read_interlocks(file: LabFile) -> tuple[tuple[Interlock, ...], list[Problem]]:
    """Return the interlocks that are right, and what is wrong with the others.

    Args:
        file: a lab file, as far as it is right.
    """
    found, problems = [], []
    for name, entry in file.interlocks.items():
        reader = _Reader(file, f"interlocks.{name}")
        interlock = reader.interlock(name, entry)
        problems += reader.problems
        if interlock is not None and not reader.problems:
            found.append(interlock)
    return tuple(found), problems


class _Reader:
    """Reads one entry; collects what is wrong with it."""

    def __init__(self, file: LabFile, where: str) -> None:
        self._file, self._where, self.problems = file, where, list[Problem]()

    def _wrong(self, key: str, text: str) -> None:
        self.problems.append(Problem(f"{self._where}.{key}" if key else self._where, text))

    def interlock(self, name: str, entry: InterlockEntry) -> Interlock | None:
        signal, about = self._signal("signal", entry.signal)
        if name.startswith(tuple(WatchdogLimits.model_fields)):
            self._wrong("", f"{name!r} is the name of a watchdog")
        minus = self._signal("minus", entry.minus) if entry.minus else None
        gate = self._signal("gate", entry.gate)[0] if entry.gate else None
        if signal is None:
            return None
        unit = str(about.get("units") or "")
        if minus is not None:
            self._check_difference(entry, about, minus[1])
            unit = _DIFFERENCES.get(unit, unit)
        return Interlock(
            name,
            signal,
            self._condition(entry, unit, about),
            self._response(entry, signal),
            minus[0] if minus is not None else None,
            gate,
            entry.for_,
            entry.stale,
        )

    def _signal(self, key: str, text: str) -> tuple[SignalName | None, Mapping[str, Any]]:
        """Return a signal and what its class says about it."""
        from devices import Readback

        device, dot, attr = text.partition(".")
        if not (device and dot and attr):
            self._wrong(key, f"{text!r} must be DEVICE.SIGNAL, such as 'furnace_a_control.temperature'")
        elif device not in self._file.devices:
            self._wrong(key, f"unknown device {device!r}{nearest(device, tuple(self._file.devices))}")
        elif is_kind(kind := self._file.devices[device].kind):
            told: Any = device_kind(kind)  # ophyd's classes are untyped
            signals = {a: c.kwargs for a, c in told._sig_attrs.items() if issubclass(c.cls, Readback)}
            if attr in signals:
                return SignalName(device, attr), signals[attr]
            self._wrong(key, f"{kind} has no signal {attr!r}{nearest(attr, tuple(signals))}")
        return None, {}

    def _check_difference(self, entry: InterlockEntry, about: Mapping[str, Any], other: Mapping[str, Any]) -> None:
        if other and (about.get("units") != other.get("units") or "string" in (about.get("dtype"), other.get("dtype"))):
            text = f"{entry.signal} [{about.get('units') or 'no unit'}]"
            self._wrong("minus", f"{entry.minus} [{other.get('units') or 'no unit'}] cannot be taken from {text}")
        if entry.is_ or entry.is_not:
            self._wrong("minus", "a difference has no states")

    def _condition(self, entry: InterlockEntry, unit: str, about: Mapping[str, Any]) -> Condition:
        given = {key for keys in CONDITIONS for key in keys if getattr(entry, _attribute(key)) not in (None, [])}
        kinds = [keys for keys in CONDITIONS if given & set(keys)]
        if len(kinds) > 1 or {"is", "is_not"} <= given:
            self._wrong("", f"{' and '.join(sorted(given))} are different conditions: write an interlock for each")
        if not given:
            if "stale" not in entry.model_fields_set:
                keys = ", ".join(key for kind in CONDITIONS for key in kind)
                self._wrong("", f"has no condition: one of {keys} or stale")
            return Stale()
        if entry.hysteresis is not None and not given & {*CONDITIONS[0], *CONDITIONS[1]}:
            self._wrong("hysteresis", f"has no meaning with {' and '.join(sorted(given))}")
        if entry.unchanged is not None:
            return Unchanged(entry.unchanged)
        if given & {"is", "is_not"}:
            return self._states(entry, about)
        if about.get("dtype") == "string":
            self._wrong(min(given), f"{entry.signal} is text: only is, is_not, unchanged and stale are possible")
            return Stale()
        return self._range(entry, unit, is_rate=bool(given & set(CONDITIONS[1])))

    def _states(self, entry: InterlockEntry, about: Mapping[str, Any]) -> Condition:
        key, told = ("is", entry.is_) if entry.is_ else ("is_not", entry.is_not)
        is_text, values = about.get("dtype") == "string", list[str | float]()
        for index, value in enumerate(told):
            if is_text:
                values.append(str(value))
            elif isinstance(value, str):
                self._wrong(f"{key}[{index}]", f"{value!r} is no number, and {entry.signal} is one")
            else:
                values.append(float(value))
        return States(tuple(values), wrong=key == "is")

    def _range(self, entry: InterlockEntry, unit: str, *, is_rate: bool) -> Condition:
        prefix = "rate_" if is_rate else ""
        step = _DIFFERENCES.get(unit, unit)
        if is_rate:
            unit = step = f"{step or '1'}/min"
        low = self._quantity(f"{prefix}below", getattr(entry, f"{prefix}below"), unit, -math.inf)
        high = self._quantity(f"{prefix}above", getattr(entry, f"{prefix}above"), unit, math.inf)
        hysteresis = self._quantity("hysteresis", entry.hysteresis, step, 0.0)
        if hysteresis < 0:
            self._wrong("hysteresis", f"{entry.hysteresis} must not be negative")
        try:
            if is_rate:
                return Rate(low, high, unit, hysteresis, entry.rate_over)
            return Range(low, high, unit, hysteresis)
        except ValueError as error:
            self._wrong("", str(error))
            return Stale()

    def _quantity(self, key: str, value: object, unit: str, otherwise: float) -> float:
        if value is None:
            return otherwise
        try:
            return Quantity(unit).parse(value)
        except ValueError as error:
            self._wrong(key, str(error))
            return otherwise

    def _response(self, entry: InterlockEntry, signal: SignalName) -> Response:
        members = station_devices(self._file)
        own = [station for station, devices in members.items() if signal.device in devices]
        is_safe = entry.action == "safe"
        if not entry.at and not own and entry.action in ("hold", "abort"):
            self._wrong("at", f"is required: {signal.device} belongs to no station")
        stations, devices = set(own if not entry.at else ()), set[str]()
        if is_safe and not entry.at:
            devices |= {device for station in own for device in members[station]} or {signal.device}
        for index, name in enumerate(entry.at):
            if name == WHOLE_LAB:
                stations |= set(members)
                devices |= set(self._file.devices)
            elif name in members:
                stations.add(name)
                devices |= set(members[name])
            elif is_safe and name in self._file.devices:
                devices.add(name)
                stations |= {station for station, inside in members.items() if name in inside}
            else:
                known = (*members, *(self._file.devices if is_safe else ()), WHOLE_LAB)
                what = "station or device" if is_safe else "station"
                self._wrong(f"at[{index}]", f"unknown {what} {name!r}{nearest(name, known)}")
        order = [name for name in flat_order(self._file) if is_safe and name in devices]
        return Response(entry.action, entry.severity, tuple(name for name in members if name in stations), tuple(order))


def _attribute(key: str) -> str:
    return "is_" if key == "is" else key
