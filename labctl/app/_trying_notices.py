"""One notice for every target, to see whether it arrives."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from labctl.app._running import schemas
from labctl.clock import RealClock
from labctl.errors import FileError, LabError, Problem
from labctl.lab import read_lab
from labctl.notices import Address, Notice, Told, send


def send_to_all(file: Path) -> bool:
    """Send a notice to every target, say what became of it; return whether every service took it.

    Raises:
        FileError: the lab file is wrong, or nobody is told.
    """
    checked, console = read_lab(file, schemas()), Console(highlight=False)
    if checked.notices is None:
        raise FileError(str(file), [Problem("notices", "is missing: nobody is told when something happens")])
    text = "Nothing happened: somebody tries whether notices arrive."
    arrived, zone = True, checked.notices.zone
    for name, target in checked.notices.targets.items():
        address, now = Address(target), RealClock().time()
        told = Told(Notice("test", "info", "this is a test", now, text), since=0.0, first=now)
        try:
            send(address, checked.lab, zone, [told])
        except LabError as error:
            arrived = False
            console.print(f"{name}: [b]not told[/b]: {error}", soft_wrap=True)
        else:
            console.print(f"{name}: told, by way of the {address}", soft_wrap=True)
    return arrived
