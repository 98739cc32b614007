"""Process variables of EPICS, through ophyd's own EpicsSignal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from typing_extensions import override

from devices.described import World, needed
from labctl.link import LibraryLink

T = TypeVar("T")
CLIENTS = ("pyepics", "caproto")
"""What ophyd can speak Channel Access with, the first that is installed."""


@dataclass(frozen=True)
class ProcessVariable:
    """A process variable, named without the device's prefix."""

    name: str
    set_name: str = ""
    is_text: bool = False

    @override
    def __str__(self) -> str:
        return self.name

    def read(self, link: LibraryLink) -> Any:  # as Channel Access gives it
        """Return its present value, asked for anew; raises `LinkError`."""
        wait_s = link.timeout_s

        def get(variables: _Variables) -> Any:
            return variables.signal(self).get(use_monitor=False, timeout=wait_s, connection_timeout=wait_s)

        return link.call(f"{self.name}?", lambda variables: _told(lambda: get(variables)))

    def write(self, link: LibraryLink, value: Any) -> None:
        """Set it and wait until the record is processed; raises `LinkError`, TypeError where it is read-only."""
        if not self.set_name:
            raise TypeError(f"{self.name} is read-only")
        wait_s = link.timeout_s

        def put(variables: _Variables) -> None:
            variables.signal(self).put(value, wait=True, timeout=wait_s, connection_timeout=wait_s)

        link.call(f"{self.set_name} = {value!r}", lambda variables: _told(lambda: put(variables)))


class _Variables:
    """The signals of one device, each made when it is first wanted."""

    def __init__(self, prefix: str) -> None:
        self._prefix, self._signals = prefix, dict[ProcessVariable, Any]()

    def signal(self, variable: ProcessVariable) -> Any:  # ophyd's classes are untyped
        from ophyd import EpicsSignal, EpicsSignalRO

        if variable not in self._signals:
            names = {"name": variable.name, "string": variable.is_text, "auto_monitor": False}
            read = self._prefix + variable.name
            if variable.set_name:
                made = EpicsSignal(read, self._prefix + variable.set_name, **names)
            else:
                made = EpicsSignalRO(read, **names)
            self._signals[variable] = made
        return self._signals[variable]

    def close(self) -> None:
        for signal in self._signals.values():
            signal.destroy()
        self._signals.clear()


def _told(do: Callable[[], T]) -> T:
    """Return what comes of a call to ophyd; its errors in the words of `LibraryLink`."""
    from ophyd.utils import DisconnectedError, ReadOnlyError

    try:
        return do()
    except DisconnectedError as error:
        raise ConnectionError(str(error)) from error
    except ReadOnlyError as error:
        raise ValueError(str(error)) from error


def _connect(prefix: str, options: Mapping[str, Any], library: Any, timeout_s: float) -> _Variables:
    import ophyd

    if ophyd.cl.name == "dummy":
        for client in CLIENTS:
            try:
                ophyd.set_cl(client)
            except ImportError as error:
                missing = error
            else:
                break
        else:
            raise needed("epics", missing) from missing
    return _Variables(prefix)


def _check_address(address: str) -> None:
    if not address.isprintable() or " " in address:
        raise ValueError(f"{address!r} is no prefix of process variables such as 'LAB:FURNACE1:'")


WORLD = World(
    extra="epics",
    address=_check_address,
    point=lambda at, set_at, dtype: ProcessVariable(at, set_at, dtype == "string"),
    connect=_connect,
    disconnect=_Variables.close,
)
"""The address is what the names of all its process variables begin with."""
