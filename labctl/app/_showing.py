"""Commands that look and change nothing."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from labctl.store import Store

if TYPE_CHECKING:
    from labctl.campaign import Refusal

_FILE_WIDTH = 200
_WHOLE = ("uid", "time", "lasted", "trial", "status")
"""Columns that are never folded."""


def console_of_rows() -> Console:
    """Return a console as wide as its terminal; a file or another program gets rows that are not folded to fit one."""
    console = Console(highlight=False)
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=_FILE_WIDTH)


def table_of(*columns: str) -> Table:
    """Return an empty table whose columns fold, but for those that are never folded."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return table


def when(time: float) -> str:
    """Return date and time of day, UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")


def refusal_text(refusal: Refusal) -> str:
    """Return who refused a suggestion, when (UTC) and why."""
    at = "" if refusal.time is None else f", {when(refusal.time)}"
    return f"by {refusal.by}{at}: {refusal.reason}"


def _lasted(seconds: float | None) -> str:
    from labctl.app._progress import clock_text

    return "" if seconds is None else clock_text(seconds)


def show_runs(directory: Path, newest: int, **which: str | None) -> None:
    """List runs; raises StoreError."""
    table = table_of("uid", "time", "lasted", "operation", "station", "samples", "status", "reason")
    with Store.read(directory) as store:
        for run in store.runs(newest=newest, **which):
            cells = (run.uid[:8], when(run.time), _lasted(run.duration_s), run.operation, run.station)
            table.add_row(*cells, ", ".join(run.samples), run.status, run.reason)
    console_of_rows().print(table)


def show_run(directory: Path, uid: str) -> None:
    """Show a run's metadata and the span of everything recorded; raises StoreError."""
    console = console_of_rows()
    with Store.read(directory) as store:
        run = store.run(uid)
        wire_log = store.wire_log(run.uid)
    start, stop = run.start, run.stop or {}
    console.print(f"[b]{start.get('operation', start.get('plan_name', 'run'))}[/b] {run.uid}")
    console.print(
        f"started {when(start['time'])}, {stop.get('exit_status', 'running')} {stop.get('reason', '')}".rstrip()
    )
    skipped = {"uid", "time", "recipes", "versions", "plan_type"}
    about = table_of("metadata", "")
    for key, value in start.items():
        if key not in skipped and value not in ("", [], {}):
            about.add_row(key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    console.print(about)
    if wire_log is not None:
        console.print(f"[b]wire log[/b] {wire_log}", soft_wrap=True)
    for name, stream in run.streams.items():
        console.print(f"[b]{name}[/b]: {len(stream.times)} rows")
        rows = table_of("quantity", "first", "lowest", "highest", "last", "unit")
        for key, column in stream.columns.items():
            if len(column) and column.dtype.kind in "fiu" and column.ndim == 1:
                span = (column[0], column.min(), column.max(), column[-1])
                rows.add_row(key, *(f"{value:.6g}" for value in span), stream.units.get(key, ""))
            elif len(column):
                rows.add_row(key, str(column[0]), "", "", str(column[-1]), stream.units.get(key, ""))
        console.print(rows)


def verify_store(directory: Path) -> bool:
    """Verify a store and say what was found; raises StoreError."""
    from labctl.store import verify

    console = console_of_rows()
    report = verify(directory)
    for uid in report.recovered:
        console.print(f"closed   {uid}: its process had died")
    for problem in report.problems:
        console.print(f"[b]wrong[/b]    {problem}")
    state = "journal and catalog agree" if report.ok else f"{len(report.problems)} differences"
    console.print(f"{report.n_runs} runs, {report.n_documents} documents: {state}")
    return report.ok


def show_schema(of: str) -> None:
    """Print a JSON Schema."""
    console_of_rows().print_json(json.dumps(json_schema(of)))


def json_schema(of: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file, of a sample's history, or of a run's metadata."""
    if of == "instrument":
        from labctl.lab import InstrumentFile

        return InstrumentFile.model_json_schema()
    if of == "history":
        from labctl.records import history_json_schema

        return history_json_schema()
    if of == "metadata":
        from labctl.metadata import OperationMetadata

        return OperationMetadata.model_json_schema()
    from labctl.app._running import schemas

    if of == "campaign":
        from labctl.campaign import CampaignFile

        return CampaignFile.model_json_schema()
    if of == "search":
        from labctl.campaign import SearchFile

        return SearchFile.model_json_schema()
    if of == "lab":
        from labctl.lab import LabFile

        return LabFile.model_json_schema()
    from labctl.recipes import recipe_json_schema

    return recipe_json_schema(schemas())
