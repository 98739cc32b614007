"""A campaign under the eyes of the supervisor."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from labctl.campaign import Campaign
from labctl.clock import RealClock
from labctl.supervisor import Heartbeat, Loop, address_of

LOG = "supervisor.log"
DISPATCHER_ALLOWANCE_S = 1.0
"""The dispatcher only decides; it never waits for an instrument or the optimizer [s]."""
LOOP_ALLOWANCE_S = 1800.0
"""The campaign's loop waits for the optimizer, which may think for long over many trials [s]."""
_LEAVE_S = 10.0


@contextmanager
def supervised(campaign: Campaign, lab_file: Path, out: Path, console: Console) -> Iterator[None]:
    """Let a supervisor watch while the body runs the campaign; it acts unless the body ends as it should.

    Args:
        campaign: in a laboratory that another process can reach.
        lab_file: as the supervisor reads it, while the campaign runs.
        out: the campaign's store.
        console: for what a person should know.

    Raises:
        LabError: there is no supervisor, or another controller has the laboratory; nothing was moved.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        started.append(_start(lab_file, out))

    heart = Heartbeat(
        address_of(campaign.checked.lab),
        campaign.checked.file.campaign,
        out,
        RealClock(),
        (Loop(campaign.dispatcher.ask, DISPATCHER_ALLOWANCE_S), Loop(campaign.ask, LOOP_ALLOWANCE_S)),
        start,
        lambda text: console.print(f"[b]supervisor[/b] {text}"),
    )
    goodbye = ""
    try:
        heart.begin()
        console.print(f"supervisor process {heart.process} acts after {heart.limit_s:g} s without a sign of life")
        for failure in heart.unsafe:
            console.print(f"[b]supervisor[/b] {failure}")
        yield
        goodbye = "the campaign ended"
    finally:
        if not goodbye and not campaign.dispatcher.travellers:
            goodbye = "nothing was begun"
        heart.end(goodbye)
        for process in started if goodbye else ():
            with suppress(subprocess.TimeoutExpired):  # it has its own limits
                process.wait(_LEAVE_S)


def _start(lab_file: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start a supervisor that this terminal's Ctrl-C and hang-up do not reach."""
    command = [sys.executable, "-m", "labctl", "supervise", str(lab_file), "--store", str(out), "--once"]
    with (out / LOG).open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
