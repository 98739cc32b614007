"""The supervisor's process. It imports what drives instruments, and nothing that stores, computes or draws."""

from __future__ import annotations

import functools
import getpass
import logging
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from labctl.clock import RealClock
from labctl.errors import FileError, Problem
from labctl.interlocks import Action
from labctl.lab import Lab, LabFile, build_lab, read_lab
from labctl.notices import Notice, Notifier, address_problems
from labctl.recipes import OperationSchema
from labctl.safety import Actions, AlarmBoard, Responder, Watch, alarm_notice
from labctl.supervisor import Supervisor, SupervisorRecord, address_of

UNIT = """\
[Unit]
Description=labctl supervisor of {lab}
After=network-online.target
StartLimitIntervalSec=0

[Service]
User={user}
ExecStart={command}
Restart=always
RestartSec=1
TimeoutStopSec=60
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
"""


def supervise(file: Path, directory: Path, once: bool) -> None:
    """Watch the controllers of a laboratory until told to end.

    Args:
        file: lab file.
        directory: where it keeps its record.
        once: end with the first controller.

    Raises:
        FileError: the lab file is wrong, or its instruments are simulated.
        LabError: the laboratory has a supervisor already.
        StoreError: the directory cannot be made.
    """
    checked, schemas = _reachable(file)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    clock = RealClock()
    lab, record = build_lab(checked, clock, schemas), SupervisorRecord(directory, clock)
    for problem in address_problems(checked.notices, simulated=False) if checked.notices is not None else ():
        logging.getLogger("labctl.supervisor").error("%s: %s", file, problem)  # it watches all the same
    notifier = Notifier(checked.notices, checked.lab, simulated=False, undelivered=directory / "undelivered.jsonl")

    def notify(text: str) -> None:
        subject = " ".join(text.partition(": ")[0].split())
        notifier.tell(Notice("alarm", "critical", subject, clock.time(), text))

    supervisor = Supervisor(
        address_of(checked),
        lab,
        record,
        clock,
        checked.supervisor.limit,
        once=once,
        notify=notify,
        guard=functools.partial(guard, lab, notifier.tell) if checked.supervisor.interlocks else unguarded,
    )
    signal.signal(signal.SIGTERM, lambda *_: supervisor.end())
    if once:  # what shares a terminal with the controller must outlive its Ctrl-C and its hang-up
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGINT, lambda *_: supervisor.end())
    logging.getLogger("labctl.supervisor").info("waiting for a controller of %s", checked.lab)
    try:
        supervisor.run()
    finally:
        lab.close()
        notifier.close()


def guard(lab: Lab, tell: Callable[[Notice], None], store: Path) -> Callable[[], None]:
    """Watch the interlocks whose action is `safe` while a controller works; return what ends that.

    What is not as it must be is made safe here, by this process, whatever the controller does.

    Args:
        lab: with connections of its own.
        tell: takes notices; it must return at once.
        store: of the controller's campaign, in which alarms are written down.

    Raises:
        StoreError: alarms cannot be written there.
    """
    clock = lab.clock
    actions = Actions(warn=lambda alarm: tell(alarm_notice(alarm, clock.time())))
    only: tuple[Action, ...] = ("safe",)
    watch = Watch(lab, Responder(lab, AlarmBoard(store, clock.time, "supervisor"), actions), only)
    watch.start()

    def end() -> None:
        watch.stop()
        lab.release()

    return end


def unguarded(store: Path) -> Callable[[], None]:
    """Watch nothing."""
    return lambda: None


def unit(file: Path, directory: Path) -> str:
    """Return a systemd unit that keeps a laboratory's supervisor running.

    Raises:
        FileError: the lab file is wrong, or its instruments are simulated.
    """
    checked, _ = _reachable(file)
    words = [sys.executable, "-m", "labctl", "supervise", str(file.absolute()), "--store", str(directory.absolute())]
    return UNIT.format(lab=checked.lab, user=getpass.getuser(), command=shlex.join(words))


def _reachable(file: Path) -> tuple[LabFile, dict[str, OperationSchema]]:
    from plans import OPERATIONS

    schemas = {kind: plan.schema for kind, plan in OPERATIONS.items()}
    checked = read_lab(file, schemas)
    if checked.is_simulated:
        why = "simulated inside the controller's process, so the instruments end with it: nothing is left to supervise"
        raise FileError(str(file), [Problem("backend", why)])
    return checked, schemas
