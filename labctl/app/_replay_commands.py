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


def sample_recipe(
    directory: Annotated[Path, typer.Argument(help="Folder of a store, as given to --out.")],
    name: Annotated[str, typer.Argument(help="Name of the sample.")],
    as_run: Annotated[
        bool, typer.Option("--as-run/--as-asked", help="What was reached, or what was asked, where they differ.")
    ] = True,
    out: Annotated[Path | None, typer.Option("--out", help="Recipe file; printed when omitted.")] = None,
) -> None:
    """Write a recipe that makes a sample again, from its record alone."""
    with clear_errors():
        from labctl.app._sample_recipe import recipe_text

        text = recipe_text(directory, name, as_run=as_run)
        if out is None:
            typer.echo(text, nl=False)
        else:
            out.write_text(text, encoding="utf-8")
            typer.echo(str(out))


__all__ = ["run_replay", "sample_recipe"]
