"""Commands on alarms: what waits, who takes note, what is overridden."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from labctl.app._ending import BAD_INPUT, clear_errors

alarms = typer.Typer(help="Alarms and interlocks, also while a campaign runs.", no_args_is_help=True)

Directory = Annotated[Path, typer.Argument(help="Folder of a store, as given to --out.")]
Name = Annotated[str, typer.Argument(help="Name of the interlock or watchdog.")]
By = Annotated[str, typer.Option("--by", help="Who says so; your login name when omitted.")]


@alarms.command("list")
def list_alarms(
    directory: Directory,
    history: Annotated[
        bool, typer.Option("--history", help="Everything that ever happened, the oldest first.")
    ] = False,
) -> None:
    """List what is wrong or not acknowledged, and what is overridden."""
    with clear_errors():
        from labctl.app._showing_alarms import show_alarms, show_history

        if history:
            show_history(directory)
        else:
            show_alarms(directory)


@alarms.command("ack")
def acknowledge(
    directory: Directory, name: Name, by: By = "", note: Annotated[str, typer.Option(help="In your words.")] = ""
) -> None:
    """Take note of an alarm: it goes when it is right again, and its station is free."""
    with clear_errors():
        from labctl.safety import AlarmBoard

        AlarmBoard.of(directory).acknowledge(name, by or getpass.getuser(), note)


@alarms.command("override")
def override(
    directory: Directory,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")],
    duration: Annotated[str, typer.Option("--for", help="How long, such as '30 min'; 24 h at most.")],
    by: By = "",
) -> None:
    """Let an interlock do nothing for a while; it is armed again by itself."""
    with clear_errors():
        from labctl.app._showing import when
        from labctl.quantities import Quantity
        from labctl.safety import AlarmBoard

        try:
            duration_s = Quantity("s").parse(duration)
        except ValueError as error:
            typer.echo(f"--for: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from None
        made = AlarmBoard.of(directory).override(name, by or getpass.getuser(), reason, duration_s)
        typer.echo(f"{name} does nothing until {when(made.until)}")


@alarms.command("rearm")
def rearm(directory: Directory, name: Name, by: By = "") -> None:
    """End an override before its time."""
    with clear_errors():
        from labctl.safety import AlarmBoard

        AlarmBoard.of(directory).rearm(name, by or getpass.getuser())


__all__ = ["alarms"]
