"""Commands that make use of a record's completeness: make a sample again by computation, or in a laboratory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.app._ending import clear_errors


def run_replay(
    directory: Annotated[Path, typer.Argument(help="Folder of a store, as given to --out.")],
    name: Annotated[
        str | None, typer.Argument(help="Sample, or first characters of a run's uid; every sample when omitted.")
    ] = None,
) -> None:
    """Compute simulated samples again from their documents alone, and compare with what was measured.

    Exit code 0: everything agrees; 1: something disagrees; 4: unknown, or the documents do not suffice.
    """
    with clear_errors():
        from labctl.app._showing_replay import show_replay

        if code := show_replay(directory, name):
            raise typer.Exit(code)
