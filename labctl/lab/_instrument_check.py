"""What is wrong with an instrument file, beyond the form of its fields."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.errors import Problem
from labctl.files import nearest
from labctl.lab._instrument_file import DTYPES, InstrumentFile, SignalEntry, value_of
from labctl.quantities import is_unit


def instrument_problems(file: InstrumentFile) -> Iterator[Problem]:
    """Yield everything that is wrong with an instrument file."""
    from devices.described import WORLDS, DescribedDevice, world

    taken = (world(file.protocol).base if file.protocol in WORLDS else None) or DescribedDevice
    for name, entry in file.signals.items():
        where = f"signals.{name}"
        yield from (Problem(f"{where}.{key}", text) for key, text in _place_problems(file, entry))
        if entry.measured and (entry.is_settable or name in file.process):
            yield Problem(f"{where}.measured", "what is set or recorded all through cannot be measured on asking only")
        if hasattr(taken, name):
            yield Problem(where, f"{name!r} is the name of something that every device has")
        yield from (Problem(f"{where}.{key}", text) for key, text in _signal_problems(entry))
    for name, value in file.make_safe.items():
        where = f"make_safe.{name}"
        if name not in file.signals or not file.signals[name].is_settable:
            known = [signal for signal, entry in file.signals.items() if entry.is_settable]
            yield Problem(where, f"no signal {name!r} can be set{nearest(name, known)}")
        else:
            try:
                value_of(file.signals[name], value)
            except ValueError as error:
                yield Problem(where, str(error))
    if file.protocol == "secsgem":
        yield from _secsgem_problems(file)
    elif file.events:
        yield Problem("events", f"{file.protocol} has none")
    for index, name in enumerate(file.process):
        if name not in file.signals:
            yield Problem(f"process[{index}]", f"unknown signal {name!r}{nearest(name, tuple(file.signals))}")


def _place_problems(file: InstrumentFile, entry: SignalEntry) -> Iterator[tuple[str, str]]:
    from devices.described import WORLDS, world

    if file.protocol in WORLDS and (library := world(file.protocol)).open_options is not None:
        try:
            library.point(entry.at, entry.place_to_set, DTYPES[entry.type])
        except ValueError as error:
            yield "set_at" if entry.set_at else "at", str(error)


def _secsgem_problems(file: InstrumentFile) -> Iterator[Problem]:
    for key in ("start", "finished"):
        if key not in file.options:
            yield Problem(f"options.{key}", "is required of secsgem")
    if ("select" in file.options) != ("program" in file.options):
        yield Problem("options.select", "and `program`, the name of its parameter, belong together")
    for key in ("finished", "failed"):
        if key in file.options and file.options[key] not in file.events:
            known = nearest(str(file.options[key]), tuple(file.events))
            yield Problem(f"options.{key}", f"no event {file.options[key]!r}{known}")


def _signal_problems(entry: SignalEntry) -> Iterator[tuple[str, str]]:
    if entry.type != "number":
        if entry.unit is not None:
            yield "unit", "only a number has a unit"
    elif entry.unit is None:
        yield "unit", "is required of a number; '' for one without"
    elif not is_unit(entry.unit):
        yield "unit", f"{entry.unit!r} is not a unit"
        return
    if entry.limits is None:
        if entry.is_settable and entry.type != "text":
            yield "limits", "are required of what is set"
        return
    if entry.type == "text":
        yield "limits", "text has none"
        return
    try:
        low, high = entry.span or (0.0, 0.0)
    except ValueError as error:
        yield "limits", str(error)
    else:
        if low >= high:
            yield "limits", f"low {entry.limits[0]} must be below high {entry.limits[1]}"
