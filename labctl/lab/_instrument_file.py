"""The instrument file: what an instrument has that has no class of its own."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from labctl.errors import FileError, Problem
from labctl.files import Scalar, Text, as_far_as_right, nearest, problems_of, read_yaml
from labctl.quantities import Quantity, is_unit

if TYPE_CHECKING:
    from devices.described import DescribedDevice, LibraryPoint
    from labctl.link import LibraryLink

Name = Annotated[str, Text("[a-z][a-z0-9_]*", "lower-case letters, digits and '_', a letter first")]
ClassName = Annotated[str, Text("[A-Z][A-Za-z0-9]*", "letters and digits, a capital first, such as LockIn")]
Protocol = Literal["scpi", "modbus", "epics", "opcua", "pymeasure", "secsgem"]
_DTYPES = {"number": "number", "integer": "integer", "text": "string"}
_NOTHING: Mapping[str, float | int | str] = {"number": 0.0, "integer": 0, "text": ""}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SignalEntry(_Part):
    """One quantity."""

    at: str = Field(
        min_length=1,
        description="where it is: query (`scpi`), `[UNIT:]REGISTER [FORM] [SCALE]` (`modbus`), or property, process "
        "variable, node of the library",
    )
    set_at: str = Field(
        default="", description="where it is set; it can only be read when neither this nor `set` is given"
    )
    set: bool = Field(default=False, description="it is set where it is read")
    measured: bool = Field(
        default=False,
        description="asking for it makes the instrument act (start a measurement, switch its output on): it is asked "
        "for when a plan takes a reading, never when the state before and after an operation is recorded",
    )
    type: Literal["number", "integer", "text"] = "number"
    unit: str | None = Field(default=None, description="of a number; '' for one without")
    limits: Annotated[list[Scalar], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="lowest and highest value, with unit; required of a number that is set"
    )
    choices: list[Scalar] = Field(default_factory=list, description="what it may be set to")
    kind: Literal["hinted", "normal", "config"] = Field(
        default="normal", description="hinted: the main result; config: hardly ever changes"
    )
    initially: Scalar | None = Field(default=None, description="what it is in a simulated laboratory")

    @property
    def is_settable(self) -> bool:
        """Whether a plan may set it."""
        return self.set or bool(self.set_at)

    @property
    def unit_text(self) -> str:
        """The unit; empty where it has none."""
        return self.unit or ""


class EventEntry(_Part):
    """Something that equipment announces by itself."""

    id: int | str = Field(description="number or name of the collection event")
    variables: list[int | str] = Field(default_factory=list, description="ids of the variables that it tells with it")


class InstrumentFile(_Part):
    """An instrument that speaks SCPI or Modbus, or that another library speaks to, described for this laboratory."""

    instrument: ClassName = Field(description="name of the kind of instrument")
    protocol: Protocol = Field(description="what it speaks, or the library that speaks to it")
    options: dict[str, Scalar] = Field(
        default_factory=dict, description="for the library; `baud_rate` of a serial line, `line_end` of `scpi`"
    )
    about: str = Field(default="", description="what it is")
    maker: str = ""
    models: list[str] = Field(min_length=1, description="texts one of which the model that answers must contain")
    identity: str = Field(default="", description="where it says who it is; without it the file is believed")
    source: str = Field(min_length=1, description="manual that this file was written from: title, revision, pages")
    safe_state: str = Field(min_length=1, description="one sentence: what `make_safe` leaves behind")
    make_safe: dict[Name, Scalar] = Field(
        default_factory=dict, description="what is set, in this order, to make it safe; it is looked at after that"
    )
    process: list[Name] = Field(default_factory=list, description="signals that are recorded all through an operation")
    signals: dict[Name, SignalEntry] = Field(min_length=1)
    events: dict[Name, EventEntry] = Field(
        default_factory=dict, description="what the equipment announces, recorded as events; of secsgem only"
    )


def is_described(kind: str) -> bool:
    """Return whether a lab file's class is an instrument file."""
    return kind.endswith((".yaml", ".yml"))


def is_remembered(kind: str) -> bool:
    """Return whether a lab file's class is an instrument file that needs a library: simulated, it is remembered."""
    return is_described(kind) and not is_on_wire(kind)


def is_on_wire(kind: str) -> bool:
    """Return whether a lab file's class is an instrument file without a mistake whose instrument needs no library."""
    if not is_described(kind):
        return False
    try:
        return described_kind(kind).world.open_options is not None
    except FileError:
        return False


def described_kind(path: str, *, simulated: bool = False) -> type[DescribedDevice]:
    """Return the device class that an instrument file describes.

    Args:
        path: of the file.
        simulated: its signals are remembered and no library is wanted.

    Raises:
        FileError: with everything that is wrong with it.
    """
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError:
        changed = 0
    return _described_kind(path, changed, simulated)


@functools.lru_cache(maxsize=256)
def _described_kind(path: str, changed: int, simulated: bool) -> type[DescribedDevice]:
    content = read_yaml(Path(path))
    try:
        file, problems = InstrumentFile.model_validate(content), []
    except ValidationError as error:
        file, problems = as_far_as_right(InstrumentFile, content), problems_of(error, InstrumentFile)
    told = {problem.where for problem in problems}
    problems += [problem for problem in _problems(file) if problem.where not in told]
    if problems:
        raise FileError(path, problems)
    return _made(file, simulated)


def _problems(file: InstrumentFile) -> Iterator[Problem]:
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
            library.point(entry.at, _set_at(entry), _DTYPES[entry.type])
        except ValueError as error:
            yield "set_at" if entry.set_at else "at", str(error)


def _set_at(entry: SignalEntry) -> str:
    return entry.set_at or (entry.at if entry.set else "")


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
        low, high = (Quantity(entry.unit_text).parse(end) for end in entry.limits)
    except ValueError as error:
        yield "limits", str(error)
    else:
        if low >= high:
            yield "limits", f"low {entry.limits[0]} must be below high {entry.limits[1]}"


def _limits(entry: SignalEntry) -> tuple[float, float] | None:
    if entry.limits is None:
        return None
    low, high = (Quantity(entry.unit_text).parse(end) for end in entry.limits)
    return low, high


def value_of(entry: SignalEntry, value: object) -> float | int | str:
    """Return a value in the signal's unit; raises ValueError where it cannot be set."""
    if entry.type == "text":
        if entry.choices and value not in entry.choices:
            raise ValueError(f"{value!r} is not one of {', '.join(map(str, entry.choices))}")
        return str(value)
    low, high = _limits(entry) or (float("-inf"), float("inf"))
    number = Quantity(entry.unit_text, low, high).parse(value)
    return round(number) if entry.type == "integer" else number


def _made(file: InstrumentFile, simulated: bool) -> type[DescribedDevice]:
    from ophyd import Component

    from devices import LinkedDevice, Readback, Setting, Soft
    from devices.described import described_class, world

    library, signals = world(file.protocol), dict[str, Component]()
    on_wire = library.open_options is not None
    measured: dict[str, LibraryPoint] = {}
    for name, entry in file.signals.items():
        set_at, dtype = _set_at(entry), _DTYPES[entry.type]
        remembered = simulated and not on_wire
        point: LibraryPoint = _Remembered(name, bool(set_at)) if remembered else library.point(entry.at, set_at, dtype)
        if entry.measured:
            measured[name] = point
            signals[name] = Component(Soft, value=_NOTHING[entry.type], units=entry.unit, kind=entry.kind)
            continue
        options: dict[str, Any] = {
            "point": point,
            "units": entry.unit,
            "dtype": dtype,
            "limits": _limits(entry),
            "kind": entry.kind,
            **({"choices": tuple(entry.choices)} if set_at else {}),
        }
        signals[name] = Component(Setting if set_at else Readback, **options)
    facts: dict[str, Any] = {
        "world": library,
        "options": file.options | _announced(file),
        "protocol": file.protocol,
        "source": file.source,
        "safe_state": file.safe_state,
        "models": tuple(file.models),
        "made_by": file.maker,
        "process": tuple(file.process),
        "measured": measured,
        "safe_values": {name: value_of(file.signals[name], value) for name, value in file.make_safe.items()},
        "told_by": None
        if (simulated and not on_wire) or not file.identity
        else library.point(file.identity, "", "string"),
        "file": file,
        "is_checked": file.protocol == "modbus",
        **({"verified": LinkedDevice.verified} if on_wire else {}),
        **({"initially": initially(file)} if simulated and not on_wire else {}),
        **({"open_options": library.open_options(file.options)} if library.open_options is not None else {}),
    }
    return described_class(file.instrument, file.about or f"{file.maker} {file.models[0]}".strip(), signals, **facts)


def _announced(file: InstrumentFile) -> dict[str, Any]:
    return {"events": {name: (entry.id, entry.variables) for name, entry in file.events.items()}} if file.events else {}


# In a simulated laboratory.


@dataclass(frozen=True)
class _Remembered:
    """A quantity that keeps what it was set to."""

    name: str
    is_settable: bool

    @override
    def __str__(self) -> str:
        return self.name

    def read(self, link: LibraryLink) -> Any:  # as it was put there
        return link.call(f"{self.name}?", lambda memory: memory[self.name])

    def write(self, link: LibraryLink, value: Any) -> None:
        if not self.is_settable:
            raise TypeError(f"{self.name} is read-only")
        link.call(f"{self.name} = {value!r}", lambda memory: memory.update({self.name: value}))


def initially(file: InstrumentFile) -> Mapping[str, float | int | str]:
    """Return what every signal is at first: what the file says, what is safe, or nothing."""
    found = dict[str, float | int | str]()
    for name, entry in file.signals.items():
        said = entry.initially if entry.initially is not None else file.make_safe.get(name)
        found[name] = value_of(entry, said) if said is not None else _NOTHING[entry.type]
    return found
