"""What the limits of devices leave of the parameters of operations."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from labctl.errors import Problem
from labctl.files import nearest
from labctl.lab._file import LabFile
from labctl.lab._kinds import device_kind, is_kind
from labctl.quantities import Quantity
from labctl.recipes import OperationSchema

Limits: TypeAlias = Mapping[str, "Limit"]
"""By parameter; one without an entry has no limit but its plan's."""


@dataclass(frozen=True)
class Limit:
    """What a device's limits leave of a parameter on a station."""

    low: float
    """Lowest value that the signal may have [the signal's unit]."""
    high: float
    """Highest value that the signal may have [the signal's unit]."""
    scale: float
    """Value of the signal for a parameter of 1."""
    unit: str
    """Of the parameter."""
    signal: str
    """Full name of the signal."""
    station: str

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest value of the parameter [unit]."""
        return self.low / self.scale, self.high / self.scale

    def refusal(self, value: object) -> str:
        """Return why the parameter cannot have this value [unit], or an empty text."""
        if not isinstance(value, int | float) or self.low <= value * self.scale <= self.high:
            return ""
        allowed = f"{self.span[0]:g}..{self.span[1]:g} {self.unit}".strip()
        text = f"{value:g} {self.unit}".strip()
        return f"{text} is outside {allowed}, the limits of {self.signal} on station {self.station}"


def limits_of(
    schema: OperationSchema, station: str, of_signal: Callable[[str, str], tuple[str, tuple[float, float] | None]]
) -> Limits:
    """Return the limits that a station's devices set to the parameters of an operation.

    Args:
        schema: of the operation.
        station: its name.
        of_signal: returns full name and limits of a signal, given its role and attribute.
    """
    found = {}
    for parameter in schema.parameters:
        bound = schema.limited_by(parameter)
        name, limits = of_signal(bound.role, bound.signal) if bound is not None else ("", None)
        if bound is not None and limits is not None and not all(map(math.isinf, limits)):
            found[parameter] = Limit(*limits, bound.scale, schema.units().get(parameter, ""), name, station)
    return found


def abilities(file: LabFile, schemas: Mapping[str, OperationSchema]) -> dict[str, dict[str, Limits]]:
    """Return the limits of each station that offers an operation, by kind and station; nothing is opened.

    Args:
        file: a lab file; the devices that are wrong in it have no limits.
        schemas: every kind of operation there is.
    """
    found: dict[str, dict[str, Limits]] = {}
    for station, entry in file.stations.items():
        for kind, roles in entry.operations.items():
            if kind in schemas:
                limits = limits_of(schemas[kind], station, functools.partial(_signal_limits, file, roles))
                found.setdefault(kind, {})[station] = limits
    return found


def _signal_limits(
    file: LabFile, roles: Mapping[str, str], role: str, signal: str
) -> tuple[str, tuple[float, float] | None]:
    name = roles.get(role, "")
    if name not in file.devices or not is_kind(file.devices[name].kind):
        return name, None
    kind: Any = device_kind(file.devices[name].kind)  # ophyd's classes are untyped
    narrowed, _ = narrowed_limits(kind, file.devices[name].limits, "")
    component = kind._sig_attrs.get(signal)
    return f"{name}_{signal}", narrowed.get(signal) or (component.kwargs.get("limits") if component else None)


def narrowed_limits(
    kind: Any,  # an ophyd device class
    given: Mapping[str, Sequence[object]],
    where: str,
) -> tuple[dict[str, tuple[float, float]], list[Problem]]:
    """Return limits in the signals' units, and what is wrong with them.

    Args:
        kind: the device's class.
        given: lowest and highest value of signals, as a lab file has them.
        where: path of the limits in the lab file.
    """
    limits, problems = {}, []
    signals = {attr: component.kwargs for attr, component in kind._sig_attrs.items()}
    for signal, pair in given.items():
        own = signals.get(signal, {}).get("limits")
        if own is None:
            known = [attr for attr, kwargs in signals.items() if kwargs.get("limits") is not None]
            text = f"{kind.__name__} has no limits of {signal!r} to narrow{nearest(signal, known)}"
            problems.append(Problem(f"{where}.{signal}", text))
            continue
        unit, ends = signals[signal].get("units") or "", []
        for index, end in enumerate(pair):
            try:
                ends.append(Quantity(unit).parse(end))
                if not own[0] <= ends[-1] <= own[1]:
                    raise ValueError(
                        f"{end} is outside {Quantity(unit, *own).range_text()}, what {kind.__name__} takes"
                    )
            except ValueError as error:
                problems.append(Problem(f"{where}.{signal}[{index}]", str(error)))
        if len(ends) == 2 and ends[0] >= ends[1]:
            problems.append(Problem(f"{where}.{signal}", f"low {pair[0]} must be below high {pair[1]}"))
        elif len(ends) == 2:
            limits[signal] = (ends[0], ends[1])
    return limits, problems
