"""A campaign, or a session at the prompt, under the eyes of the supervisor."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from rich.console import Console

from labctl.campaign import Campaign
from labctl.clock import RealClock
from labctl.engine import LabRunEngine
from labctl.lab import LabFile
from labctl.supervisor import Heartbeat, Loop, address_of

LOG = "supervisor.log"
DISPATCHER_ALLOWANCE_S = 1.0
"""The dispatcher only decides; it never waits for an instrument or the optimizer [s]."""
LOOP_ALLOWANCE_S = 1800.0
"""The campaign's loop waits for the optimizer, which may think for long over many trials [s]."""
ENGINE_ALLOWANCE_S = 60.0
"""The loop of the prompt's engine waits for each exchange with an instrument [s]."""
_LEAVE_S = 10.0


def supervised_campaigns(
    campaigns: Sequence[Campaign], lab_file: Path, out: Path, console: Console
) -> AbstractContextManager[None]:
    """Let a supervisor watch while the body runs the campaigns of one laboratory; see `_supervised`."""
    lab, dispatcher = campaigns[0].checked.lab, campaigns[0].dispatcher
    loops = [Loop(dispatcher.ask, DISPATCHER_ALLOWANCE_S), *(Loop(each.ask, LOOP_ALLOWANCE_S) for each in campaigns)]
    name = " + ".join(each.name for each in campaigns)
    grown = campaigns[0].floor.on_taken_in
    return _supervised(lab, lab_file, name, out, loops, console, lambda: bool(dispatcher.n_taken), grown)


def supervised_session(
    lab: LabFile, lab_file: Path, engine: LabRunEngine, out: Path, console: Console
) -> AbstractContextManager[None]:
    """Let a supervisor watch while the body lets a person work at the prompt; see `_supervised`."""
    loop = Loop(engine.loop.call_soon_threadsafe, ENGINE_ALLOWANCE_S)
    return _supervised(lab, lab_file, "prompt", out, (loop,), console, lambda: True, [])


@contextmanager
def _supervised(
    lab: LabFile,
    lab_file: Path,
    name: str,
    out: Path,
    loops: Sequence[Loop],
    console: Console,
    has_begun: Callable[[], bool],
    grown: list[Callable[[], None]],
) -> Iterator[None]:
    """Let a supervisor watch until the body ends; it acts unless that ends as it should.

    Args:
        lab: which another process can reach.
        lab_file: as the supervisor reads it, while the body runs.
        name: of what is done.
        out: the store.
        loops: that have to go round.
        console: for what a person should know.
        has_begun: whether anything was done that may have to be made safe.
        grown: gets what is to be called when the lab file has more stations than before.

    Raises:
        LabError: there is no supervisor, or another controller has the laboratory; nothing was moved.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        started.append(_start(lab_file, out))

    def tell(text: str) -> None:
        console.print(f"[b]supervisor[/b] {text}")

    heart = Heartbeat(address_of(lab), name, out, RealClock(), loops, start, tell)
    goodbye = ""
    try:
        heart.begin()
        grown.append(heart.renew)
        console.print(f"supervisor process {heart.process} acts after {heart.limit_s:g} s without a sign of life")
        for failure in heart.unsafe:
            tell(failure)
        try:
            yield
        finally:
            if sys.exc_info()[0] in (None, SystemExit):  # a session that a person or a signal ended made all safe
                goodbye = f"{name} ended"
    finally:
        if not goodbye and not has_begun():
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
