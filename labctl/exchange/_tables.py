"""A dossier as tables: one of its samples, one of its runs, and one of what each run read all through.

A column's unit stands in its field's metadata, ``unit``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from labctl.errors import StoreError
from labctl.exchange._dossier_facts import facts_of_runs, facts_of_samples
from labctl.exchange._gather import Dossier
from labctl.exchange._trace_table import TIME
from labctl.quantities import Quantity
from labctl.records import UTC, Fact, Trace

UNIT = b"unit"
_FIRST = ("sample", "run", "kind", "operation", "station", "time", "duration", "status", "quality")


def tables_of(dossier: Dossier) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield each table with its path, without an ending, and what it is."""
    runs = facts_of_runs(dossier)
    samples = facts_of_samples(dossier, runs)
    yield "samples", "What is known of each sample: a row for each.", fact_table(list(samples.values()))
    text = "What each run says of each of its samples: a row for each of both."
    yield "runs", text, fact_table([told.facts for told in runs])
    given = set[str]()
    for operation in (operation for sample in dossier.samples for operation in sample.operations):
        if operation.uid not in given:
            given.add(operation.uid)
            for stream, traces in (("process", operation.traces), ("primary", operation.readings)):
                if traces:
                    about = f"What was read in the {operation.kind} {operation.uid[:8]}, with the time since it began."
                    yield f"traces/{operation.uid}-{stream}", about, trace_columns(list(traces.values()))


def fact_table(rows: Sequence[Sequence[Fact]]) -> pa.Table:
    """Return facts as a table with a row for each sequence and a column for each key; what is not said is null.

    Raises:
        StoreError: numbers of one key have units that are not of one kind.
    """
    told = [{fact.key: fact for fact in row} for row in rows]
    keys = dict.fromkeys(key for row in told for key in row)
    first = [key for key in _FIRST if key in keys]
    return _table(
        {key: _fact_column([row.get(key) for row in told]) for key in (*first, *sorted(set(keys) - set(first)))}
    )


def trace_columns(traces: Sequence[Trace]) -> pa.Table:
    """Return traces that were read together; the times of those that were read a little later stand at the end."""
    columns = {TIME: (pa.array(traces[0].times_s, pa.float64()), "s")}
    columns |= {trace.key: (_array(trace.values), trace.unit) for trace in traces}
    later = [trace for trace in traces if not np.array_equal(trace.times_s, traces[0].times_s)]
    columns |= {f"{trace.key}.{TIME}": (pa.array(trace.times_s, pa.float64()), "s") for trace in later}
    return _table(columns)


def unit_of(field: pa.Field) -> str:
    """Return the unit of a column; empty for text, times and pure numbers."""
    return ((field.metadata or {}).get(UNIT) or b"").decode()


def _table(columns: Mapping[str, tuple[pa.Array, str]]) -> pa.Table:
    fields = [
        pa.field(name, array.type, metadata={UNIT: unit} if unit else None) for name, (array, unit) in columns.items()
    ]
    return pa.table([array for array, _ in columns.values()], pa.schema(fields))


def _fact_column(facts: Sequence[Fact | None]) -> tuple[pa.Array, str]:
    values = [None if fact is None else fact.value for fact in facts]
    if any(isinstance(value, str) for value in values):
        return pa.array([None if value is None else str(value) for value in values], pa.string()), ""
    unit = next(fact.unit for fact in facts if fact is not None)
    numbers = [None if fact is None else _in_unit(fact, unit) for fact in facts]
    if unit != UTC:
        return pa.array(numbers, pa.float64()), unit
    milliseconds = [None if number is None else round(1000 * number) for number in numbers]
    return pa.array(milliseconds, pa.timestamp("ms", "UTC")), ""


def _in_unit(fact: Fact, unit: str) -> float:
    if fact.unit == unit:
        return float(fact.value)
    try:
        return Quantity(unit).parse(f"{fact.value!r} {fact.unit}")
    except ValueError as error:
        raise StoreError(f"{fact.key} has another kind of unit in each run: {error}") from None


def _array(values: np.ndarray[Any, Any]) -> pa.Array:
    if values.dtype.kind in "biuf":
        return pa.array(values)
    return pa.array([None if value is None else str(value) for value in values.tolist()], pa.string())
