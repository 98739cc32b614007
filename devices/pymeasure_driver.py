"""Any instrument that pymeasure has a driver for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from typing import Any

from typing_extensions import override

from devices.described import World, needed
from labctl.errors import LabError
from labctl.link import LibraryLink


@dataclass(frozen=True)
class Attribute:
    """A property of a pymeasure driver; of a channel by its path: ``ch_1.voltage``."""

    path: str
    set_path: str = ""

    @override
    def __str__(self) -> str:
        return self.path

    def read(self, link: LibraryLink) -> Any:  # as the driver gives it
        """Return its value; raises `LinkError`."""
        return link.call(f"{self.path}?", lambda driver: reduce(getattr, self.path.split("."), driver))

    def write(self, link: LibraryLink, value: Any) -> None:
        """Set it; raises `LinkError`, TypeError where it is read-only."""
        if not self.set_path:
            raise TypeError(f"{self.path} is read-only")
        *way, last = self.set_path.split(".")

        def put(driver: Any) -> None:
            setattr(reduce(getattr, way, driver), last, value)

        link.call(f"{self.set_path} = {value!r}", put)


def _check_address(address: str) -> None:
    from pyvisa import rname

    try:
        rname.ResourceName.from_string(address)
    except rname.InvalidResourceName as error:
        raise ValueError(f"{address!r} is no VISA address") from error


def _connect(address: str, options: Mapping[str, Any], library: Any, timeout_s: float) -> Any:
    given = dict(options)
    module, _, name = str(given.pop("driver", "")).rpartition(".")
    try:
        driver = getattr(import_module(module), name)
    except ImportError as error:
        raise needed("pymeasure", error) from error
    except (AttributeError, ValueError) as error:
        raise LabError(f"pymeasure has no driver {module}.{name}") from error
    return driver(address, **{"visa_library": library, "timeout": round(timeout_s * 1000), **given})


WORLD = World(
    extra="pymeasure",
    address=_check_address,
    point=lambda at, set_at, dtype: Attribute(at, set_at),
    connect=_connect,
    disconnect=lambda driver: driver.adapter.close(),
)
"""The option ``driver`` names the class, such as ``pymeasure.instruments.srs.SR830``; the others go to it."""
