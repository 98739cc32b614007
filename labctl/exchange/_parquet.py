"""A dossier as Parquet files; a column's unit stands in the metadata of its field."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow.parquet as pq

from labctl.exchange._datacite import datacite_record
from labctl.exchange._folder import folder_of
from labctl.exchange._gather import Dossier
from labctl.exchange._tables import tables_of


def write(dossier: Dossier, out: Path) -> Path:
    """Write a dossier to a folder, or to a zip file where the name ends in ``.zip``, and return it."""
    with folder_of(out) as folder:
        (folder / "traces").mkdir()
        for name, about, table in tables_of(dossier):
            told = {b"title": name.encode(), b"description": about.encode()}
            pq.write_table(table.replace_schema_metadata(told), folder / f"{name}.parquet")
        record = orjson.dumps(datacite_record(dossier), option=orjson.OPT_INDENT_2)
        (folder / "datacite.json").write_bytes(record + b"\n")
    return out
