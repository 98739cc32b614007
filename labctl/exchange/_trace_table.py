"""What a run read point by point, as CSV: a line of names, a line of units, then the values."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from labctl.errors import StoreError
from labctl.exchange._foreign import DataSet
from labctl.records import Trace

TIME = "time"
"""Name of the first column: when the event was recorded."""


def trace_table(traces: Sequence[Trace]) -> str:
    """Return traces that were read together as CSV text.

    The first column is the time since the operation began [s] at which the first trace was read; every number is
    written so that it reads back exactly.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([TIME, *(trace.key for trace in traces)])
    writer.writerow(["s", *(trace.unit for trace in traces)])
    columns = [traces[0].times_s.tolist(), *(trace.values.tolist() for trace in traces)]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def read_trace_table(text: str) -> dict[str, DataSet]:
    """Return the columns of such a table, by name.

    Raises:
        StoreError: it has not this form.
    """
    try:
        names, units, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        columns = [[row[index] for row in rows] for index in range(len(names))]
        return {name: DataSet(unit, _column(column)) for name, unit, column in zip(names, units, columns, strict=True)}
    except (ValueError, IndexError, csv.Error) as error:
        raise StoreError(f"a table of traces is damaged: {error}") from error


def _column(cells: list[str]) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
    try:
        return np.array([float(cell) for cell in cells], np.float64)
    except ValueError:
        return np.array(cells, object)
