"""The commands that give records away and take records in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.app._ending import clear_errors

if TYPE_CHECKING:
    from labctl.exchange import TakenRecord
    from labctl.metadata import Role

StoreDir = Annotated[Path, typer.Argument(help="Folder of a store, as given to --out.")]
By = Annotated[str, typer.Option("--by", help="Who does it; the user of the operating system when omitted.")]


class Receiver(StrEnum):
    """Who gets records."""

    public = "public"
    consortium = "consortium"
    owner = "owner"


class Quality(StrEnum):
    """How far values can be trusted."""

    good = "good"
    suspect = "suspect"
    bad = "bad"


class Access(StrEnum):
    """Who may have records."""

    open = "open"
    consortium = "consortium"
    closed = "closed"


def export_records(
    directory: StoreDir,
    name: Annotated[str, typer.Argument(help="Sample, or campaign.")],
    to: Annotated[str, typer.Option("--to", help="Format: rocrate, gemd, nexus, rde, csv, parquet or datacite.")],
    out: Annotated[Path, typer.Option("--out", help="File or folder, which must not exist.")],
    receiver: Annotated[Receiver, typer.Option("--as", help="Who gets it; the policy decides.")] = Receiver.public,
    require_quality: Annotated[
        Quality, typer.Option("--require-quality", help="Worst quality that a run may have.")
    ] = Quality.bad,
    by: By = "",
) -> None:
    """Give away everything recorded of a sample or a campaign, if its policy allows it."""
    with clear_errors():
        from labctl.exchange import export, format_of, gather_dossier

        format_of(to)
        dossier = gather_dossier(directory, name)
        made = export(dossier, to, out, role=receiver.value, quality=require_quality.value, by=by)
        typer.echo(f"{made}: {len(dossier.runs)} runs of {len(dossier.samples)} samples")


def list_exports(directory: StoreDir) -> None:
    """List who was given what, and what was refused, the last first."""
    with clear_errors():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        from labctl.app._showing import when
        from labctl.exchange import audit_entries
        from labctl.store import Store

        Store.read(directory).close()
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("time", "by", "as", "what", "format", "verdict", "out or reason"):
            table.add_column(column, overflow="fold")
        for entry in reversed(audit_entries(directory)):
            cells = (when(entry.time), entry.by, entry.role, entry.what, entry.format, entry.verdict)
            table.add_row(*map(Text, (*cells, "; ".join(entry.reasons) or entry.out)))
        Console(highlight=False).print(table)


def import_records(
    path: Annotated[Path, typer.Argument(help="RO-Crate (folder or zip file), GEMD JSON, or NeXus.")],
    directory: Annotated[Path | None, typer.Argument(help="Folder of the store that has the sample.")] = None,
    sample: Annotated[str, typer.Option("--sample", help="Which sample here it is about.")] = "",
    access: Annotated[Access, typer.Option("--access", help="Who may have it from here.")] = Access.closed,
    store: Annotated[
        Path | None, typer.Option("--store", help="Make a store here of the runs in a crate that labctl made.")
    ] = None,
    by: By = "",
) -> None:
    """Tie a record from elsewhere to a sample, or make a store of the runs that a crate holds."""
    with clear_errors():
        if (directory is None) == (store is None):
            raise typer.BadParameter("give the folder of a store that has the sample, or --store for a new one")
        if store is not None:
            from labctl.exchange import make_store

            typer.echo(f"{store}: {make_store(path, store)} runs")
        elif directory is not None:
            from labctl.exchange import take_in

            _show_taken(take_in(path, directory, sample, access=access.value, by=by))


def check_report(directory: Path, out: Path | None, receiver: Receiver) -> None:
    """Refuse a campaign's report to somebody who may not have its data; what stays in the house is not asked.

    Raises:
        FileError: it is refused.
        StoreError: the folder holds no campaign.
    """
    role: Role = receiver.value
    if role == "owner":
        return
    from labctl.app._reading import open_campaign
    from labctl.exchange import gather_dossier, permit

    checked, _ = open_campaign(directory)
    permit(gather_dossier(directory, checked.file.campaign), "report", out or directory / "report.html", role=role)


def _show_taken(taken: TakenRecord) -> None:
    record = taken.record
    typer.echo(f"{record.title}: tied to {taken.sample}, {len(taken.files)} files kept, {taken.policy.access}")
    for operation in record.operations:
        cells = (operation.begin, operation.name, operation.person, operation.status)
        typer.echo("  ".join(filter(None, cells)))


__all__ = ["Receiver", "check_report", "export_records", "import_records", "list_exports"]
