"""Device classes that instrument files describe."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from typing_extensions import override

from labctl.errors import FileError
from labctl.files import as_far_as_right, problems_of, read_yaml
from labctl.lab._instrument_check import instrument_problems
from labctl.lab._instrument_file import DTYPES, InstrumentFile, value_of

if TYPE_CHECKING:
    from devices.described import DescribedDevice, LibraryPoint
    from labctl.link import LibraryLink

_NOTHING: Mapping[str, float | int | str] = {"number": 0.0, "integer": 0, "text": ""}


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
    problems += [problem for problem in instrument_problems(file) if problem.where not in told]
    if problems:
        raise FileError(path, problems)
    return _made(file, simulated)


def _made(file: InstrumentFile, simulated: bool) -> type[DescribedDevice]:
    from ophyd import Component

    from devices import LinkedDevice, Readback, Setting, Soft
    from devices.described import described_class, world

    library, signals = world(file.protocol), dict[str, Component]()
    on_wire = library.open_options is not None
    measured: dict[str, LibraryPoint] = {}
    for name, entry in file.signals.items():
        set_at, dtype = entry.place_to_set, DTYPES[entry.type]
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
            "limits": entry.span,
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
