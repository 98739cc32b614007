"""Alarms on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from labctl.app._showing import when
from labctl.safety import Alarm, AlarmBoard


def show_alarms(directory: Path) -> None:
    """List what waits and what is overridden; raises StoreError."""
    board, console = AlarmBoard.of(directory), Console(highlight=False)
    if not board.alarms and not board.overrides:
        console.print(f"nothing is wrong; interlocks and watchdogs armed: {len(board.names)}")
        return
    table = _table("alarm", "severity", "since", "state", "what is wrong", "done")
    for alarm in board.alarms.values():
        done = "; ".join((alarm.done or "nothing yet", *alarm.failures))
        cells = (alarm.name, alarm.severity, when(alarm.raised_at), _state(alarm), alarm.message, done)
        table.add_row(*map(escape, cells))
    if board.alarms:
        console.print(table)
    for name, override in board.overrides.items():
        told = f"{name} until {when(override.until)} by {override.by}: {override.reason}"
        console.print(f"[b]overridden[/b] {escape(told)}")


def show_history(directory: Path) -> None:
    """List everything that ever happened; raises StoreError."""
    table = _table("time", "event", "what", "by", "in words")
    for line in AlarmBoard.of(directory).history():
        cells = (when(line["time"]), line["event"], str(line.get("name", "")), line["by"], _words(line))
        table.add_row(*map(escape, cells))
    Console(highlight=False).print(table)


def _words(line: Mapping[str, Any]) -> str:
    keys = ("message", "note", "reason", "done")
    told = [str(line[key]) for key in keys if line.get(key)]
    if "until" in line:
        told.append(f"until {when(line['until'])}")
    return "; ".join((*told, *line.get("failures", ())))


def _state(alarm: Alarm) -> str:
    told = "is wrong" if alarm.active else "is right again"
    taken = f"acknowledged by {alarm.acknowledged_by}" if alarm.acknowledged_by else "not acknowledged"
    return f"{told}, {taken}" + (f", {alarm.n} times" if alarm.n > 1 else "")


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
