"""The command ``labctl campaign rehearse``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.app._ending import clear_errors


def rehearse(
    file: Annotated[Path, typer.Argument(help="Campaign file.")],
    table: Annotated[Path | None, typer.Option("--table", help="CSV file of candidate recipes.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="First seed, in place of the campaign file's.")] = None,
    nights: Annotated[int, typer.Option(min=1, max=100, help="How many nights are played, each with a seed.")] = 3,
    faults: Annotated[
        int | None, typer.Option(min=0, max=1000, help="How many faults are drilled; one of each kind when omitted.")
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Option("--with", help="NEW=STATION: also a station like one that is there; what it brings is told."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="New folder for the stores of all nights; else they are removed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything that was found as JSON.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Played side by side; one for each processor when omitted.")
    ] = None,
) -> None:
    """Play the whole campaign on simulated instruments, also what may go wrong, and say whether to start it.

    No real instrument is connected and nothing is written, whatever the lab file's backend. The exit code is 0 for
    go and go with warnings, 1 for do not.
    """
    with clear_errors():
        from labctl.app._rehearsing import run_rehearsal

        code = run_rehearsal(
            file,
            table,
            seed,
            n_nights=nights,
            n_faults=faults,
            more=more or (),
            keep=keep,
            as_json=as_json,
            n_processes=processes,
        )
        if code:
            raise typer.Exit(code)
