"""Rehearsing a campaign: its files on simulated instruments, in a folder that is removed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from labctl.app._ending import WRONG
from labctl.app._rehearsal_view import as_json_value, show
from labctl.app._running import FILES, check, keep_files
from labctl.campaign import CheckedCampaign
from labctl.clock import RealClock
from labctl.errors import StoreError
from labctl.files import read_yaml, yaml_text
from labctl.rehearsal import Rehearsal, rehearse, simulated_lab
from plans import OPERATIONS


def run_rehearsal(
    file: Path,
    table: Path | None,
    seed: int | None,
    *,
    n_nights: int,
    n_faults: int | None,
    keep: Path | None,
    as_json: bool,
    n_processes: int | None,
) -> int:
    """Rehearse a campaign, print what was found, and return the exit code.

    Raises:
        ExceptionGroup: of `FileError`, when a file is wrong.
        FileError: the lab file cannot be simulated.
        StoreError: the folder to keep exists already, or cannot be written to.
        LabError: a simulated instrument does not answer before anything is done.
    """
    checked = check(file, table, seed)
    on_simulated = dataclasses.replace(checked, lab=simulated_lab(checked))
    began = time.monotonic()
    with _folder(keep) as folder, _terminated():
        found = _rehearsed(on_simulated, checked.lab.backend, folder, n_nights, n_faults, n_processes)
    console = Console(highlight=False)
    if as_json:
        console.print_json(json.dumps(as_json_value(found)))
    else:
        show(found, console)
        console.print(f"rehearsed in {time.monotonic() - began:.0f} s" + (f"; kept in {keep}" if keep else ""))
    return WRONG if found.verdict.verdict == "do not" else 0


def _rehearsed(
    checked: CheckedCampaign, backend: str, folder: Path, n_nights: int, n_faults: int | None, n_processes: int | None
) -> Rehearsal:
    _keep_simulated(checked, folder)
    first = checked.file.seed
    seeds = range(first, first + n_nights)
    with _progress() as progress:
        found = rehearse(
            folder / FILES / "campaign.yaml",
            OPERATIONS,
            folder,
            seeds=seeds,
            n_faults=n_faults,
            backend=backend,
            begin=RealClock().time(),
            n_processes=n_processes or len(os.sched_getaffinity(0)),
            on_progress=progress,
        )
    for number in seeds:  # each night can be looked at like a campaign that was run
        shutil.copytree(folder / FILES, folder / f"seed-{number}" / FILES)
    return found


def _keep_simulated(checked: CheckedCampaign, folder: Path) -> None:
    """Copy the campaign's files; the copy of the lab file has simulated instruments, so nothing connects to others."""
    keep_files(checked, folder)
    lab = folder / FILES / "lab.yaml"
    content = read_yaml(lab)
    if content.get("backend", "simulated") != "simulated":
        lab.write_text(yaml_text({**content, "backend": "simulated"}), encoding="utf-8")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="labctl-rehearsal-") as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True)
    except FileExistsError:
        raise StoreError(f"{keep} exists already; give a new folder with --keep") from None
    yield keep


@contextmanager
def _terminated() -> Iterator[None]:
    """Let SIGTERM end the rehearsal like Ctrl-C, so that its folder is removed."""

    def act(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, act)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Bar:
    """Told by a rehearsal how far it is."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._bar = progress, progress.add_task("rehearsing", total=None)

    def __call__(self, n_done: int, n: int) -> None:
        self._progress.update(self._bar, completed=n_done, total=n)


@contextmanager
def _progress() -> Iterator[_Bar]:
    """Show on standard error how far a rehearsal is; nothing elsewhere than on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} of {task.total}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Bar(progress)
