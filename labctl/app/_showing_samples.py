"""Samples on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labctl.app._history_view import archive_text, policy_text
from labctl.app._showing import when
from labctl.records import SampleEntry


def show_samples(entries: Sequence[SampleEntry]) -> None:
    """List samples, one on a line."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("sample", "lot", "substrate", "location", "quality", "runs", "last operation", "trial"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        last = f"{entry.last_operation} {entry.last_status}".strip()
        place = f"no more: {entry.consumed}" if entry.consumed else entry.location
        runs = str(entry.n_runs or "")
        row = (entry.name, entry.lot, entry.substrate, place, entry.quality, runs, last, entry.trial)
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def show_sample(entry: SampleEntry) -> None:
    """Show everything that is known of a sample besides its history."""
    console = Console(highlight=False)
    console.print(Text.assemble((entry.name, "bold"), f"  no more: {entry.consumed}" if entry.consumed else ""))
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    rows = {
        "location": entry.location,
        "quality": f"{entry.quality} {f'({entry.reason}; {entry.judged_by})' if entry.reason else ''}",
        "lot": entry.lot,
        "substrate": entry.substrate,
        "carrier": entry.carrier,
        "composition": entry.composition,
        "made from": ", ".join(entry.parents),
        "made into": ", ".join(entry.children),
        "campaign": f"{entry.campaign} {entry.trial}",
        "runs": f"{entry.n_runs}, the last {entry.last_operation} ({entry.last_status})" if entry.n_runs else "",
        "note": entry.note,
        "policy": policy_text(entry.policy),
        "archive": archive_text(entry),
        "was in": ", ".join(f"{stay.place} ({when(stay.time)})" for stay in entry.stays[:-1]),
    }
    for name, text in rows.items():
        if text.strip():
            table.add_row(name, Text(text.strip()))
    for attachment in entry.attachments:
        text = f"{attachment.name} ({attachment.kind}, {attachment.by}, {when(attachment.time)}) {attachment.note}"
        table.add_row("attached", Text(f"{text.strip()}\n{attachment.checksum}"))
    console.print(table)
