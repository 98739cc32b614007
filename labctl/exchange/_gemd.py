"""A dossier as GEMD JSON: what was asked (specifications) and what was run (runs), apart.

A specification has the parameters of the recipe; a run has what the devices read. A sample is a material that every
process takes as an ingredient and gives back as a new material; what only measures is a measurement of the material
that lay there. Owner, licence and access are tags, for GEMD has no other place for them. Bounds are those of what this
file holds. Source: GEMD documentation, https://citrineinformatics.github.io/gemd-docs/.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from labctl.exchange._credits import Credits, credits_of, iso_time
from labctl.exchange._gather import Dossier, SampleDossier, check_attachment
from labctl.exchange._gemd_import import SCOPE, read
from labctl.exchange._gemd_values import gemd_bounds, gemd_note, gemd_value, template_of
from labctl.exchange._places import ALL, PLACES, said_of
from labctl.exchange._units import common_unit
from labctl.records import Attachment, OperationHistory, Trace, Value
from labctl.store import RecordedRun

__all__ = ["read", "write"]

MEASURES = "measure_"
"""How the kind of an operation begins that only measures."""
_AMOUNTS = dict.fromkeys(("mass_fraction", "number_fraction", "volume_fraction", "absolute_quantity"))

Entity = dict[str, Any]


def write(dossier: Dossier, out: Path) -> Path:
    """Write a dossier to a JSON file and return it.

    Raises:
        StoreError: an attached file is gone or was changed.
    """
    about, chains = credits_of(dossier), dict[str, _Chain]()
    for sample in dossier.samples:
        chains[sample.sample] = _Chain(sample, about, dossier.runs, chains)
    context = [*_templates(dossier), *(entity for chain in chains.values() for entity in chain.entities)]
    made = [_link("material_run", chain.material) for chain in chains.values()]
    out.write_bytes(orjson.dumps({"context": context, "object": made}, option=orjson.OPT_INDENT_2) + b"\n")
    return out


class _Chain:
    """The entities of one sample, from what it was made of to what it is; every one after those that it refers to."""

    def __init__(
        self,
        sample: SampleDossier,
        about: Credits,
        runs: Mapping[str, RecordedRun],
        others: Mapping[str, _Chain],
    ) -> None:
        self.entities: list[Entity] = []
        self.material = f"{sample.sample}/0"
        """Id of the sample in its last state."""
        self._sample, self._tags, self._runs = sample.sample, list(_tags(about)), runs
        self._kind = "virtual" if about.simulated else "experimental"
        self._states: list[tuple[float, str]] = []
        operations = sample.operations
        came, began = f"{self.material}/received", operations[0].time if operations else np.inf
        self._add("process_spec", came, name="received", parameters=[], conditions=[], template=None)
        nothing: dict[str, list[Entity]] = {"parameters": [], "conditions": []}
        self._add("process_run", came, name="received", source=None, spec=_link("process_spec", came), **nothing)
        for parent in sample.entry.parents:
            if parent in others:
                self._add_ingredient(f"{came}/{parent}", parent, others[parent].state_at(began), came)
        self._add_material(began, came, sample.substrate)
        for n, operation in enumerate(operations, 1):
            if operation.kind.startswith(MEASURES):
                self._add_measurement(operation)
            else:
                self._add_process(f"{self._sample}/{n}", operation)
        last = next(entity for entity in reversed(self.entities) if entity["type"] == "material_run")
        last["file_links"] = [_file_link(attachment) for attachment in sample.entry.attachments]

    def state_at(self, time: float) -> str:
        """Return the id of the material that the sample was at a time [s since 1970-01-01 UTC]."""
        return next((material for since, material in reversed(self._states) if since <= time), self._states[0][1])

    def _add(self, kind: str, uid: str, /, *more_tags: str, **fields: Any) -> None:
        identity = {"type": kind, "uids": {SCOPE: f"{kind}:{uid}"}, "tags": [*self._tags, *more_tags]}
        self.entities.append({**identity, "notes": None, "file_links": [], **fields})

    def _add_material(self, time: float, process: str, properties: Mapping[str, Value]) -> None:
        """Add the state that a process gives; what its certificate says belongs to the specification."""
        told = [
            {"type": "property_and_conditions", "property": _attribute("property", key, value), "conditions": []}
            for key, value in properties.items()
        ]
        made, name = {"process": _link("process_spec", process)}, self._sample
        self._add("material_spec", self.material, name=name, properties=told, template=None, **made)
        made = {"process": _link("process_run", process), "spec": _link("material_spec", self.material)}
        self._add("material_run", self.material, name=name, sample_type=self._kind, **made)
        self._states.append((time, self.material))

    def _add_process(self, material: str, operation: OperationHistory) -> None:
        taken, uid = self.material, f"{material}/{operation.uid}"
        name = operation.name or operation.kind
        self._add("process_spec", uid, name=name, **_asked(operation), conditions=[])
        fields = {"parameters": [], "conditions": _read_values(operation)}
        self._add(
            "process_run", uid, *self._told(operation), spec=_link("process_spec", uid), **fields, **_by(operation)
        )
        self._add_ingredient(uid, self._sample, taken, uid)
        self.material = material
        self._add_material(operation.time if operation.end is None else operation.end, uid, {})

    def _add_ingredient(self, uid: str, name: str, material: str, process: str) -> None:
        taken = {"process": _link("process_spec", process), "material": _link("material_spec", material)}
        self._add("ingredient_spec", uid, name=name, labels=[], **taken, **_AMOUNTS)
        taken = {"process": _link("process_run", process), "material": _link("material_run", material)}
        self._add("ingredient_run", uid, spec=_link("ingredient_spec", uid), **taken, **_AMOUNTS)

    def _add_measurement(self, operation: OperationHistory) -> None:
        uid = f"{self.material}/{operation.uid}"
        self._add("measurement_spec", uid, name=operation.name or operation.kind, **_asked(operation), conditions=[])
        found = [_attribute("property", key, value, "measured") for key, value in operation.results.items()]
        fields = {"properties": found, "parameters": [], "conditions": _read_values(operation)}
        links = {"spec": _link("measurement_spec", uid), "material": _link("material_run", self.material)}
        self._add("measurement_run", uid, *self._told(operation), **links, **fields, **_by(operation))

    def _told(self, operation: OperationHistory) -> Iterator[str]:
        """Yield in tags what GEMD has no field for: the metadata where `PLACES` says, and the devices."""
        end = "" if operation.end is None else iso_time(operation.end)
        told: dict[str, Any] = {"run": operation.uid, "status": operation.status}
        told |= {"begin": iso_time(operation.time), "end": end}
        for key, place in PLACES.items():
            name, value = place.gemd.removeprefix("tags "), said_of(self._runs[operation.uid].start, self._sample, key)
            if place.gemd.startswith("tags ") and name != ALL and value is not None:
                many = {name.replace(ALL, part): text for part, text in value.items()} if ALL in name else {name: value}
                told |= many
        yield from (f"{key}::{text}" for key, text in told.items() if text != "")
        for device in operation.devices:
            about = (device.name, device.maker, device.model, device.serial, device.firmware)
            yield f"device::{' '.join(filter(None, about))}"


def _file_link(attachment: Attachment) -> Entity:
    """Return the name of an attached file and its checksum as an address (RFC 6920); GEMD JSON holds no files."""
    check_attachment(attachment)
    checksum = urlsafe_b64encode(bytes.fromhex(attachment.checksum)).decode().rstrip("=")
    return {"type": "file_link", "filename": attachment.name, "url": f"ni:///sha-256;{checksum}"}


def _tags(about: Credits) -> Iterator[str]:
    yield from (f"owner::{owner}" for owner in about.owners)
    for key in ("contact", "project", "access", "embargo_until", "licence", "export_control"):
        if text := getattr(about.policy, key):
            yield f"{key}::{text}"


def _by(operation: OperationHistory) -> dict[str, Any]:
    source = {"performed_by": operation.operator or None, "performed_date": iso_time(operation.time)[:10]}
    return {
        "name": operation.name or operation.kind,
        "notes": operation.reason or None,
        "source": {"type": "performed_source", **source},
    }


def _asked(operation: OperationHistory) -> dict[str, Any]:
    parameters = [
        _attribute("parameter", key, value, "specified", template_of(operation.kind, key, value))
        for key, value in operation.asked.items()
    ]
    return {"parameters": parameters, "template": _link(_template_kind(operation.kind), operation.kind)}


def _read_values(operation: OperationHistory) -> list[Entity]:
    """Return what the devices read: before, after, and from the lowest to the highest while it went on."""
    told = {f"before.{key}": value for key, value in operation.before.items()}
    told |= {f"after.{key}": value for key, value in operation.after.items()}
    if not operation.kind.startswith(MEASURES):
        told |= {f"result.{key}": value for key, value in operation.results.items()}
    conditions = [_attribute("condition", key, value, "measured") for key, value in told.items()]
    return [*conditions, *(entry for trace in operation.traces.values() for entry in _range(trace))]


def _range(trace: Trace) -> Iterator[Entity]:
    if trace.values.dtype.kind in "fiu" and np.isfinite(trace.values.astype(float)).any():
        low, high = float(np.nanmin(trace.values)), float(np.nanmax(trace.values))
        ends = {"lower_bound": low, "upper_bound": high, "units": common_unit(trace.unit)}
        attribute = _attribute("condition", f"process.{trace.key}", Value(low, trace.unit), "measured")
        yield {**attribute, "value": {"type": "uniform_real", **ends}}


def _attribute(kind: str, name: str, value: Value, origin: str = "unknown", template: str = "") -> Entity:
    return {
        "type": kind,
        "name": name,
        "value": gemd_value(value),
        "origin": origin,
        "template": _link("parameter_template", template) if template else None,
        "notes": gemd_note(value),
        "file_links": [],
    }


def _templates(dossier: Dossier) -> Iterator[Entity]:
    """Yield a template for every kind of operation and every parameter, with the bounds of what was asked."""
    found: dict[str, dict[str, tuple[str, list[Value]]]] = {}
    for sample in dossier.samples:
        for operation in sample.operations:
            parameters = found.setdefault(operation.kind, {})
            for key, value in operation.asked.items():
                parameters.setdefault(template_of(operation.kind, key, value), (key, []))[1].append(value)
    for kind, parameters in found.items():
        bounds = {uid: gemd_bounds(values) for uid, (_, values) in parameters.items()}
        for uid, (name, _) in parameters.items():
            yield _template("parameter_template", uid, name, bounds=bounds[uid])
        links = [[_link("parameter_template", uid), bounds[uid]] for uid in parameters]
        if kind.startswith(MEASURES):
            yield _template("measurement_template", kind, kind, parameters=links, conditions=[], properties=[])
        else:
            names: dict[str, list[str]] = {"allowed_names": [], "allowed_labels": []}
            yield _template("process_template", kind, kind, parameters=links, conditions=[], **names)


def _template(kind: str, uid: str, name: str, **fields: Any) -> Entity:
    return {"type": kind, "uids": {SCOPE: f"{kind}:{uid}"}, "name": name, "description": None, "tags": [], **fields}


def _template_kind(kind: str) -> str:
    return "measurement_template" if kind.startswith(MEASURES) else "process_template"


def _link(kind: str, uid: str) -> Entity:
    return {"type": "link_by_uid", "scope": SCOPE, "id": f"{kind}:{uid}"}
