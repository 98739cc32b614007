"""The metadata of runs and streams as the catalog holds it, laid out as TiledWriter lays it out."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import orjson

from labctl.store._run import RecordedRun, Stream

RENAMED = {"time": "time_", "seq_num": "seq_num_"}
"""Data keys that are columns of every table already."""

_DTYPE_NUMPY = {"number": "<f8", "array": "<f8", "boolean": "|b1", "string": "<U0", "integer": "<i8"}


def run_metadata(run: RecordedRun) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the metadata of a run as the catalog holds it, and the specs its start document asks for."""
    start = {key: value for key, value in run.start.items() if key not in ("tiled_specs", "tiled_access_tags")}
    asked = run.start.get("tiled_specs", [])
    specs = [spec if isinstance(spec, dict) else {"name": spec, "version": None} for spec in asked]
    return {"start": start, "stop": run.stop}, specs


def clip(value: Any) -> Any:
    """Return a JSON value without the numbers that tiled cannot carry.

    An integer beyond 64 bit becomes text, an infinity the largest float; NaN becomes null when it is written.
    """
    if isinstance(value, Mapping):
        return {key: clip(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [clip(entry) for entry in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, float) and math.isinf(value):
        return math.copysign(sys.float_info.max, value)
    return value


def to_json(value: Any) -> str:
    """Return the text of a JSON value as the catalog holds it."""
    return orjson.dumps(clip(value)).decode()


def stream_metadata(stream: Stream) -> dict[str, Any]:
    """Return the metadata of a stream as the catalog holds it."""
    first, *later = stream.descriptors
    owners = {key: owner for owner, keys in first.get("object_keys", {}).items() for key in keys}
    keys = {}
    for key, entry in first["data_keys"].items():
        owner = {"object_name": owners[key]} if key in owners else {}
        keys[RENAMED.get(key, key)] = {**owner, **_complete(entry)}
    metadata = {k: v for k, v in first.items() if k not in ("name", "object_keys", "run_start")}
    metadata["data_keys"] = keys
    metadata["configuration"] = _complete_configuration(first)
    if later:
        changed = ("uid", "time", "configuration")
        updates = [{**entry, "configuration": _complete_configuration(entry)} for entry in later]
        metadata["_config_updates"] = [{k: v for k, v in entry.items() if k in changed} for entry in updates]
    return metadata


def _complete(entry: Mapping[str, Any]) -> dict[str, Any]:
    dtype = entry.get("dtype_numpy") or entry.get("dtype_str") or _DTYPE_NUMPY.get(entry["dtype"])
    rest = {key: value for key, value in entry.items() if key != "dtype_str"}
    return {**rest, "dtype_numpy": dtype, "shape": entry.get("shape") or []}


def _complete_configuration(descriptor: Mapping[str, Any]) -> dict[str, Any]:
    return {
        device: {**entry, "data_keys": {key: _complete(value) for key, value in entry.get("data_keys", {}).items()}}
        for device, entry in descriptor.get("configuration", {}).items()
    }
