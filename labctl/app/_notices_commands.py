"""Commands about who is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.app._ending import WRONG, clear_errors

notices = typer.Typer(help="Who is told when something happens.", no_args_is_help=True)


@notices.command("test")
def notices_test(file: Annotated[Path, typer.Argument(help="Lab file.")]) -> None:
    """Send one notice to every target of a lab file, and say what became of it.

    Exit code 0: every service took it; 1: one did not.
    """
    with clear_errors():
        from labctl.app._trying_notices import send_to_all

        if not send_to_all(file):
            raise typer.Exit(WRONG)
