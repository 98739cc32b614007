"""Commands about a laboratory's instruments: those there are, those one would like."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from labctl.app._ending import LAB_FAILED, clear_errors

lab = typer.Typer(help="Lab files and the instruments they name.", no_args_is_help=True)
new = typer.Typer(help="Begin something of your own.", no_args_is_help=True)


class Protocol(StrEnum):
    """How an instrument speaks."""

    scpi = "scpi"
    modbus = "modbus"


@lab.command("check")
def lab_check(
    file: Annotated[Path, typer.Argument(help="Lab file.")],
    connect: Annotated[bool, typer.Option(help="Also ask every instrument who it is, and read all of it.")] = True,
    readings: Annotated[bool, typer.Option("--readings", help="Show every reading with its unit and limits.")] = False,
) -> None:
    """Check a lab file, ask every instrument who it is and read every signal; nothing is set or moved."""
    with clear_errors():
        from labctl.app._lab_check import check_lab

        if not check_lab(file, connect=connect, show_readings=readings):
            raise typer.Exit(LAB_FAILED)


@lab.command("scan")
def lab_scan(
    file: Annotated[Path | None, typer.Argument(help="Lab file whose backend is searched.")] = None,
    backend: Annotated[str, typer.Option(help="'@py', '@ivi' or path of a VISA library, without a lab file.")] = "@py",
    serial: Annotated[
        bool, typer.Option("--serial", help="Also ask on serial lines, with every driver's protocol in turn.")
    ] = False,
) -> None:
    """List what is connected, ask who it is, and propose the entries of a lab file; nothing is set or moved."""
    with clear_errors():
        from labctl.app._scan import scan

        scan(file, backend, serial=serial)


@lab.command("doctor")
def lab_doctor() -> None:
    """Tell what this computer can reach, what is missing, and how to install it."""
    with clear_errors():
        from labctl.app._doctor import examine

        if not examine():
            raise typer.Exit(LAB_FAILED)


@lab.command("record")
def lab_record(
    file: Annotated[Path, typer.Argument(help="Lab file.")],
    cassette: Annotated[Path, typer.Argument(help="File for the recording; must not exist.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is recorded.")] = Path("labctl-shell"),
    command: Annotated[str, typer.Option("--command", "-c", help="Run this and leave.")] = "",
    supervisor: Annotated[
        bool, typer.Option(help="Let a second process make real instruments safe when this one dies or hangs.")
    ] = True,
) -> None:
    """Open IPython as `labctl shell` does, and record every exchange with the instruments, to be played back."""
    with clear_errors():
        from labctl.app._shell import open_shell

        open_shell(file, out, False, command, supervisor=supervisor, cassette=cassette)


@new.command("device")
def new_device(
    name: Annotated[str, typer.Argument(help="Class of the device, e.g. HeidolphMR3001.")],
    protocol: Annotated[Protocol, typer.Option(help="How the instrument speaks.")],
    checkout: Annotated[Path, typer.Option(help="Checkout of labctl in which it is made.")] = Path(),
) -> None:
    """Write a driver, its simulation and their tests, to be filled in; they pass as they are."""
    with clear_errors():
        from labctl.app._new_device import write_device

        write_device(name, protocol, checkout)
