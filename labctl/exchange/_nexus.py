"""A dossier as a NeXus file (HDF5) of standard base classes.

The entry ``dossier`` has the samples, each with its history: an activity for every run, with the as-run traces as
logs. Every run has an entry of its own besides, with the devices as they were, what was asked, what was read, and links
to its samples. A readback's log has the set point that it should follow as ``value_set``. Source: NeXus definitions
v2026.01, base classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from labctl.clock import RealClock
from labctl.exchange._credits import Credits, credits_of, iso_time
from labctl.exchange._gather import Dossier, SampleDossier, check_attachment
from labctl.exchange._nexus_import import read
from labctl.exchange._nexus_values import (
    add_group,
    add_log,
    add_rows,
    add_text,
    add_value,
    add_values,
    in_hdf5,
    link,
)
from labctl.exchange._places import ALL, PLACES
from labctl.records import Attachment, DeviceRecord, OperationHistory, Value
from labctl.store import RecordedRun

__all__ = ["read", "write"]


def write(dossier: Dossier, out: Path) -> Path:
    """Write a dossier to a file and return it.

    Raises:
        StoreError: an attached file is gone or was changed.
    """
    about = credits_of(dossier)
    done: dict[str, dict[str, OperationHistory]] = {}
    for sample in dossier.samples:
        for operation in sample.operations:
            done.setdefault(operation.uid, {})[sample.sample] = operation
    with h5py.File(out, "w") as file:
        _add_root(file)
        whole = _add_dossier(file, dossier, about)
        samples = {
            sample.sample: _add_sample(whole, f"sample_{number}", sample, about)
            for number, sample in enumerate(dossier.samples, 1)
        }
        for number, (uid, run) in enumerate(dossier.runs.items(), 1):
            taken = {name: samples[name] for name in done[uid]}
            _add_run(file, f"run_{number:04}", run, next(iter(done[uid].values())), taken)
    return out


def _add_root(file: h5py.File) -> None:
    time = datetime.fromtimestamp(RealClock().time(), UTC).isoformat(timespec="seconds")
    about = {"NX_class": "NXroot", "creator": "labctl", "file_time": time, "default": "dossier"}
    file.attrs.update({**about, "HDF5_Version": h5py.version.hdf5_version, "h5py_version": h5py.version.version})


def _add_dossier(file: h5py.File, dossier: Dossier, about: Credits) -> h5py.Group:
    entry = add_group(file, "dossier", "NXentry")
    entry["title"], entry["experiment_description"] = about.title, about.description
    entry["collection_identifier"] = dossier.name
    entry["start_time"], entry["end_time"] = iso_time(about.begin), iso_time(about.end)
    for role, names in (("owner", about.owners), ("local_contact", about.contacts), ("curator", about.curators)):
        for number, name in enumerate(names, 1):
            user = add_group(entry, f"{role}_{number}", "NXuser")
            user["name"], user["role"] = name, role
    add_values(entry, "policy", {key: Value(text) for key, text in about.policy.model_dump().items()})
    return entry


def _add_sample(entry: h5py.Group, name: str, sample: SampleDossier, about: Credits) -> h5py.Group:
    group, known = add_group(entry, name, "NXsample"), sample.entry
    group["name"], group["type"] = sample.sample, "simulated data" if about.simulated else "sample"
    add_text(group, "description", known.note)
    for number, parent in enumerate(known.parents, 1):
        group[f"identifier_parent_{number}"] = parent
    told = {name: Value(getattr(known, name)) for name in ("lot", "carrier", "composition", "quality", "reason")}
    told |= {"substrate": Value(known.substrate), "place": Value(known.location), "consumed": Value(known.consumed)}
    add_values(group, "properties", {key: value for key, value in told.items() if value.value})
    add_values(group, "substrate", sample.substrate)
    if sample.operations:
        add_group(group, "history", "NXhistory")
    for number, attachment in enumerate(known.attachments, 1):
        _add_attachment(group, f"attachment_{number}", attachment)
    return group


def _add_attachment(sample: h5py.Group, name: str, attachment: Attachment) -> None:
    check_attachment(attachment)
    note = add_group(sample, name, "NXnote")
    note["file_name"], note["type"], note["date"] = attachment.name, attachment.media_type, iso_time(attachment.time)
    note["checksum"], note["algorithm"] = attachment.checksum, "sha256"
    add_text(note, "author", attachment.by)
    add_text(note, "description", " ".join(filter(None, (attachment.kind, attachment.note))))
    if attachment.path.stat().st_size:
        note["data"] = np.memmap(attachment.path, np.uint8, mode="r")


def _add_run(
    file: h5py.File, name: str, run: RecordedRun, operation: OperationHistory, samples: Mapping[str, h5py.Group]
) -> None:
    entry, kind = add_group(file, name, "NXentry"), " ".join(filter(None, (operation.kind, operation.name)))
    entry["title"] = f"{kind} of {', '.join(samples)} on {operation.station}"
    entry["entry_identifier_uuid"] = operation.uid
    _add_times(entry, operation)
    user = add_group(entry, "operator", "NXuser")
    user["role"] = "operator"
    entry["program_name"] = "labctl"
    entry["program_name"].attrs["version"] = operation.versions.get("labctl", "")
    instrument = add_group(entry, "instrument", "NXinstrument")
    for device in operation.devices:
        _add_device(instrument, device, operation)
    add_values(entry, "asked", operation.asked, "NXparameters")
    add_values(entry, "before", operation.before)
    add_values(entry, "after", operation.after)
    _add_metadata(entry, run.start)
    for key, text in (("status", operation.status), ("reason", operation.reason)):
        add_value(entry["run"], key, Value(text))
    for rows in ("events", "flags", "deviations"):
        add_rows(entry, rows, getattr(operation, rows))
    _add_results(entry, operation)
    activity, logs = _add_activity(next(iter(samples.values()))["history"], name, entry, operation)
    for number, sample in enumerate(samples.values(), 1):
        link(entry, "sample" if len(samples) == 1 else f"sample_{number}", sample)
        if name not in sample["history"]:
            link(sample["history"], name, activity)
    _add_readings(entry, operation, logs)


def _add_times(group: h5py.Group, operation: OperationHistory) -> None:
    group["start_time"] = iso_time(operation.time)
    if operation.end is not None:
        group["end_time"] = iso_time(operation.end)


def _add_activity(
    history: h5py.Group, name: str, entry: h5py.Group, operation: OperationHistory
) -> tuple[h5py.Group, dict[str, h5py.Group]]:
    """Add what a run did to a sample, and return it with its logs; it holds enough where only the sample is copied."""
    activity = add_group(history, name, "NXactivity")
    activity["identifier_run"], activity["description"] = operation.uid, str(entry["title"].asstr()[()])
    _add_times(activity, operation)
    logs = {key: add_log(activity, trace, operation.time) for key, trace in operation.traces.items()}
    for key, trace in operation.traces.items():
        if trace.setpoint in logs:
            link(logs[key], "value_set", logs[trace.setpoint]["value"])
    for part in ("asked", "before", "after", "result/values"):
        if part in entry:
            link(activity, part.partition("/")[0], entry[part])
    return activity, logs


def _add_device(instrument: h5py.Group, device: DeviceRecord, operation: OperationHistory) -> None:
    """Add a device as it was: an actuator where a reading of it should follow a set point, else a sensor."""
    own = [trace for trace in operation.traces.values() if trace.key.startswith(f"{device.name}_")]
    group = add_group(instrument, device.name, "NXactuator" if any(trace.setpoint for trace in own) else "NXsensor")
    group["name"] = device.name
    add_text(group, "description", device.role)
    fabrication = add_group(group, "fabrication", "NXfabrication")
    for field, text in (("vendor", device.maker), ("model", device.model), ("serial_number", device.serial)):
        add_text(fabrication, field, text)
    if device.firmware:
        program = add_group(group, "firmware", "NXprogram")
        program["program"] = "firmware"
        program["program"].attrs["version"] = in_hdf5(device.firmware)
    if any(asdict(device.calibration).values()):
        add_values(group, "calibration", _as_values(asdict(device.calibration)))
    add_values(group, "configuration", device.configuration)


def _add_metadata(entry: h5py.Group, start: Mapping[str, Any]) -> None:
    """Add the run's metadata where `PLACES` says, apart from what other parts of the entry have by themselves."""
    for key, place in PLACES.items():
        path, _, attribute = place.nexus.partition("@")
        group, _, field = path.rpartition("/")
        value = start.get(key)
        if value in (None, "", [], {}) or not path or group in ("asked", "sample", "sample/substrate"):
            continue
        if attribute:
            entry[path].attrs[attribute] = in_hdf5(value)
        elif field == ALL:
            add_values(_collection(entry, group.rpartition("/")[0]), group.rpartition("/")[2], _as_values(value))
        elif isinstance(value, list):
            _collection(entry, group)[field] = in_hdf5(np.array(value, object))
        else:
            _collection(entry, group)[field] = in_hdf5(value)


def _collection(entry: h5py.Group, path: str) -> h5py.Group:
    return entry if not path else entry[path] if path in entry else add_group(entry, path, "NXcollection")


def _as_values(mapping: Mapping[str, Any]) -> dict[str, Value]:
    return {key: Value(", ".join(value) if isinstance(value, list) else value) for key, value in mapping.items()}


def _add_results(entry: h5py.Group, operation: OperationHistory) -> None:
    if operation.results:
        process = add_group(entry, "result", "NXprocess")
        process["program"], process["version"] = "labctl", operation.versions.get("labctl", "")
        add_values(process, "values", operation.results)


def _add_readings(entry: h5py.Group, operation: OperationHistory, logs: Mapping[str, h5py.Group]) -> None:
    """Add what was measured point by point, and what a viewer shows at first.

    That is the first quantity that should follow a set point, or the first number where there is none.
    """
    traces = operation.traces
    if operation.readings:
        place, traces = add_group(entry, "readings", "NXcollection"), operation.readings
        logs = {key: add_log(place, trace, operation.time) for key, trace in traces.items()}
    shown = sorted((trace for trace in traces.values() if trace.values.dtype.kind == "f"), key=lambda t: not t.setpoint)
    if shown:
        data, log = add_group(entry, "data", "NXdata"), logs[shown[0].key]
        data.attrs.update({"signal": "value", "axes": "time"})
        link(data, "value", log["value"])
        link(data, "time", log["time"])
        entry.attrs["default"] = "data"
