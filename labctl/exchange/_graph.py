"""The linked entities of a research object, while they are put together."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from labctl.exchange._units import ucum
from labctl.records import DeviceRecord, Value


class Graph:
    """A crate of version 1.1 that is filled entity by entity; an entity is known by its ``@id``."""

    def __init__(self) -> None:
        from rocrate.rocrate import ROCrate

        self.crate: Any = ROCrate(version="1.1")  # an untyped library
        self._entities: dict[str, dict[str, Any]] = {}
        self._devices: dict[str, str] = {}
        self._n_devices: dict[str, int] = {}

    def __contains__(self, entity: str) -> bool:
        return entity in self._entities

    def put(self, entity: str, kind: str | list[str], /, **properties: Any) -> str:
        """Add an entity, or replace it, and return its ``@id``; properties without a value are left out."""
        self._entities[entity] = {"@type": kind} | {k: v for k, v in properties.items() if v not in ("", [], None)}
        return entity

    def add_file(self, path: str, content: str | Path, **properties: Any) -> str:
        """Add a file, made of text or copied, and return its ``@id``."""
        source = content if isinstance(content, Path) else io.BytesIO(content.encode())
        added: str = self.crate.add_file(source, path, properties=properties).id
        return added

    def values(self, prefix: str, values: Mapping[str, Value]) -> list[str]:
        """Add an entity for each value and return their ``@id``."""
        return [
            self.put(
                f"{prefix}-{quote(name)}",
                "PropertyValue",
                name=name,
                value=_in_json(value.value),
                unitText=value.unit,
                unitCode=ucum(value.unit) if value.unit else "",
            )
            for name, value in values.items()
        ]

    def device(self, device: DeviceRecord) -> str:
        """Return the entity of a device as it was: with another firmware or calibration it is another one."""
        calibration = device.calibration
        about = {f"calibration {key}": getattr(calibration, key) for key in ("date", "by", "due", "note")}
        state = json.dumps([device.name, device.maker, device.model, device.serial, device.firmware, about])
        if state not in self._devices:
            n = self._n_devices[device.name] = self._n_devices.get(device.name, 0) + 1
            entity = f"#device-{slug(device.name)}" + (f"-{n}" if n > 1 else "")
            told = {key: Value(text) for key, text in about.items() if text}
            self._devices[state] = self.put(
                entity,
                ["IndividualProduct", "SoftwareApplication"],  # the profile knows instruments that run a program only
                name=device.name,
                manufacturer=device.maker,
                model=device.model,
                serialNumber=device.serial,
                softwareVersion=device.firmware or "unknown",
                additionalProperty=links(self.values(f"{entity}-has", told)),
            )
        return self._devices[state]

    def software(self, versions: Mapping[str, str], revision: str) -> str:
        """Return the entity of the program as it was, with the packages beneath it."""
        version = versions.get("labctl", "unknown")
        entity = f"#software-labctl-{slug(revision or version)}"
        if entity not in self:
            packages = [
                self.put(f"#software-{slug(name)}-{slug(number)}", "SoftwareSourceCode", name=name, version=number)
                for name, number in versions.items()
                if name != "labctl"
            ]
            told = f"{version} ({revision})" if revision else version
            requirements = links(packages)
            self.put(
                entity, "SoftwareApplication", name="labctl", softwareVersion=told, softwareRequirements=requirements
            )
        return entity

    def write(self, out: Path) -> None:
        """Write the crate to a folder, or to a zip file where the name ends in ``.zip``."""
        from rocrate.model.contextentity import ContextEntity

        for entity, properties in self._entities.items():
            self.crate.add(ContextEntity(self.crate, entity, properties=properties))
        if out.suffix == ".zip":
            self.crate.write_zip(out)
        else:
            self.crate.write(out)


def link(entity: str) -> dict[str, str]:
    """Return a reference to an entity."""
    return {"@id": entity}


def links(entities: Iterable[str]) -> list[dict[str, str]] | dict[str, str]:
    """Return references to entities; a single one stands alone, as the specification recommends."""
    each = [link(entity) for entity in entities]
    return each[0] if len(each) == 1 else each


def slug(name: str) -> str:
    """Return a name as part of an ``@id``."""
    return quote(name.replace(" ", "-"), safe="")


def _in_json(value: float | int | bool | str) -> float | int | bool | str:
    """Return a value that JSON has: a number that is not finite becomes text."""
    return value if not isinstance(value, float) or value - value == 0 else repr(value)
