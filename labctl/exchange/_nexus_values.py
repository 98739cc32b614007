"""Groups, values and logs as NeXus has them in HDF5."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from labctl.exchange._credits import iso_time
from labctl.exchange._units import common_unit
from labctl.records import Trace, Value

KEY = "key"
"""Attribute with what something is called in labctl, where NeXus allows no such name."""
UNIT = "labctl_units"
"""Attribute with a unit as labctl writes it, where ``units`` says it in words that everybody knows."""
RESERVED = ("name",)
"""Names that nexusformat drops where no base class asks for them."""
_NO_NAME = re.compile(r"[^A-Za-z0-9_.]+")


def add_group(parent: h5py.Group, key: str, kind: str) -> h5py.Group:
    """Return a new group of a base class."""
    group = parent.create_group(name := _free_name(parent, key))
    group.attrs["NX_class"] = kind
    if name != key:
        group.attrs[KEY] = key
    return group


def add_text(group: h5py.Group, field: str, text: str) -> None:
    """Add a field that a base class has, where there is something to say."""
    if text:
        group[field] = in_hdf5(text)


def add_value(group: h5py.Group, key: str, value: Value) -> None:
    """Add a value with its unit."""
    name = _free_name(group, key)
    dataset = group.create_dataset(name, data=in_hdf5(value.value))
    _say_unit(dataset, value.unit)
    if name != key:
        dataset.attrs[KEY] = key


def add_values(parent: h5py.Group, key: str, values: Mapping[str, Value], kind: str = "NXcollection") -> None:
    """Add a group of values; none where there are none."""
    if values:
        group = add_group(parent, key, kind)
        for name, value in values.items():
            add_value(group, name, value)


def add_rows(parent: h5py.Group, key: str, rows: Sequence[Any]) -> None:
    """Add dataclasses of one kind as a column for each field; nothing where there are none."""
    if rows:
        group = add_group(parent, key, "NXcollection")
        for field in fields(rows[0]):
            group[_free_name(group, field.name)] = in_hdf5(np.array([getattr(row, field.name) for row in rows]))


def add_log(parent: h5py.Group, trace: Trace, begin: float) -> h5py.Group:
    """Add what was read all through an operation.

    Args:
        parent: group that gets it.
        trace: what was read; text makes a collection, because a log holds numbers.
        begin: of the operation [s since 1970-01-01 UTC].
    """
    group = add_group(parent, trace.key, "NXlog" if trace.values.dtype.kind in "biuf" else "NXcollection")
    group["time"] = trace.times_s
    group["time"].attrs.update({"units": "s", "start": iso_time(begin)})
    group["value"] = in_hdf5(trace.values)
    _say_unit(group["value"], trace.unit)
    return group


def link(group: h5py.Group, name: str, target: h5py.Group | h5py.Dataset) -> None:
    """Let something stand in a second place: a hard link, with the first place in its attribute ``target``."""
    target.attrs["target"] = target.name
    group[name] = target


def in_hdf5(value: Any) -> Any:  # a scalar or an array
    """Return a value as HDF5 can hold it: no byte 0 in text, and no integer beyond 64 bits, which becomes a number."""
    if isinstance(value, np.ndarray):
        return _text_array(value) if value.dtype.kind in "OU" else value
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else float(value)
    return str(value).replace("\0", "␀")


def _say_unit(dataset: h5py.Dataset, unit: str) -> None:
    if unit:
        dataset.attrs["units"] = common_unit(unit)
        if common_unit(unit) != unit:
            dataset.attrs[UNIT] = unit


def _text_array(values: NDArray[Any]) -> NDArray[Any]:
    texts = ["" if value is None else in_hdf5(str(value)) for value in values.tolist()]
    return np.array(texts, dtype=h5py.string_dtype())


def _free_name(group: h5py.Group, key: str) -> str:
    """Return a name for a key that NeXus allows and that is free in the group."""
    plain = _NO_NAME.sub("_", key).strip(".") or "_"
    plain = f"{plain}_" if plain in RESERVED else plain
    name, n = plain, 1
    while name in group:
        name, n = f"{plain}_{n}", n + 1
    return name
