"""A dossier as CSV files: a line of names, a line of units, then the values.

``datapackage.json`` says the type and the unit of every column. Source: Data Package 2.0, https://datapackage.org.
"""

from __future__ import annotations

import csv
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from labctl.exchange._credits import SPDX, credits_of
from labctl.exchange._folder import folder_of
from labctl.exchange._gather import Dossier
from labctl.exchange._tables import tables_of, unit_of

PACKAGE = "datapackage.json"
_SCHEMA = "https://datapackage.org/profiles/2.0/datapackage.json"
_DIALECT = {"header": True, "commentRows": [2]}
"""The second line has the units."""


def write(dossier: Dossier, out: Path) -> Path:
    """Write a dossier to a folder, or to a zip file where the name ends in ``.zip``, and return it."""
    resources = []
    with folder_of(out) as folder:
        (folder / "traces").mkdir()
        for name, about, table in tables_of(dossier):
            write_table(table, folder / f"{name}.csv")
            resources.append(_resource(name, about, table))
        package = orjson.dumps(_package(dossier, resources), option=orjson.OPT_INDENT_2)
        (folder / PACKAGE).write_bytes(package + b"\n")
    return out


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table: a line of names, a line of units, then the values; what is missing is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.column_names)
        writer.writerow([unit_of(field) for field in table.schema])
        columns = [[_cell(value) for value in column.to_pylist()] for column in table.columns]
        writer.writerows(zip(*columns, strict=True))


def _cell(value: Any) -> Any:  # of any column
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"
    return value


def _resource(name: str, about: str, table: pa.Table) -> dict[str, Any]:
    fields = [{"name": field.name, "type": _type(field.type)} for field in table.schema]
    for entry, field in zip(fields, table.schema, strict=True):
        if unit := unit_of(field):
            entry["unit"] = unit
    return {
        "name": name.replace("/", "-").lower(),
        "path": f"{name}.csv",
        "description": about,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": _DIALECT,
        "schema": {"fields": fields, "missingValues": [""]},
    }


def _type(kind: pa.DataType) -> str:
    tests = (("boolean", pa.types.is_boolean), ("integer", pa.types.is_integer), ("number", pa.types.is_floating))
    found = next((name for name, test in tests if test(kind)), None)
    return found or ("datetime" if pa.types.is_timestamp(kind) else "string")


def _package(dossier: Dossier, resources: list[dict[str, Any]]) -> dict[str, Any]:
    about = credits_of(dossier)
    roles = {
        "contact": about.contacts,
        "rightsHolder": about.owners,
        "dataCollector": about.operators,
        "dataCurator": about.curators,
    }
    return {
        "$schema": _SCHEMA,
        "title": about.title,
        "description": about.description,
        "created": about.today.isoformat(),
        "licenses": [{"name": name, "path": f"{SPDX}{name}.html"} for name in about.licences],
        "contributors": [{"title": name, "roles": [role]} for role, names in roles.items() for name in names],
        "resources": resources,
    }
