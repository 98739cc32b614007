"""Rehearsing a campaign: its files on simulated instruments, in a folder that is removed."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from labctl.app._campaign_folder import FILES, keep_files
from labctl.app._ending import WRONG
from labctl.app._rehearsal_view import as_json_value, show
from labctl.app._running import check
from labctl.campaign import CheckedCampaign
from labctl.clock import RealClock
from labctl.errors import FileError, Problem, StoreError
from labctl.files import read_yaml, yaml_text
from labctl.lab import LabFile, check_lab
from labctl.rehearsal import Rehearsal, extended, gain_of, rehearse, require_sketchable, simulated_lab
from plans import OPERATIONS


def run_rehearsal(
    file: Path,
    table: Path | None,
    seed: int | None,
    *,
    n_nights: int,
    n_faults: int | None,
    more: Sequence[str] = (),
    keep: Path | None,
    as_json: bool,
    n_processes: int | None,
) -> int:
    """Rehearse a campaign, print what was found, and return the exit code.

    Raises:
        ExceptionGroup: of `FileError`, when a file is wrong.
        FileError: the lab file cannot be simulated, or not with the stations of `more`.
        StoreError: the folder to keep exists already, or cannot be written to.
        LabError: a simulated instrument does not answer before anything is done.
    """
    checked = check(file, table, seed)
    on_simulated = dataclasses.replace(checked, lab=simulated_lab(checked))
    began, gain = time.monotonic(), None
    content = _with_more(read_yaml(checked.paths["lab"]), more, checked)
    if more:
        require_sketchable(on_simulated)
        as_it_is, on_simulated = on_simulated, dataclasses.replace(checked, lab=_simulated(content, checked))
        gain = gain_of(as_it_is, on_simulated.lab, range(checked.file.seed, checked.file.seed + n_nights))
    with _folder(keep) as folder, _terminated():
        found = _rehearsed(on_simulated, content, checked.lab.backend, folder, n_nights, n_faults, n_processes)
    console = Console(highlight=False)
    if as_json:
        console.print_json(json.dumps(as_json_value(found, gain)))
    else:
        show(found, console, gain, more)
        console.print(f"rehearsed in {time.monotonic() - began:.0f} s" + (f"; kept in {keep}" if keep else ""))
    return WRONG if found.verdict.verdict == "do not" else 0


def _with_more(content: dict[str, Any], more: Sequence[str], checked: CheckedCampaign) -> dict[str, Any]:
    """Return the lab file's content with more stations; raises FileError."""
    try:
        return functools.reduce(extended, more, content)
    except ValueError as error:
        raise FileError(str(checked.paths["lab"]), [Problem("stations", str(error))]) from None


def _simulated(content: Mapping[str, Any], checked: CheckedCampaign) -> LabFile:
    path = checked.paths["lab"]
    lab, problems = check_lab({**content, "backend": "simulated"}, checked.schemas, path.parent)
    if problems:
        raise FileError(str(path), problems)
    return lab


def _rehearsed(
    checked: CheckedCampaign,
    content: Mapping[str, Any],
    backend: str,
    folder: Path,
    n_nights: int,
    n_faults: int | None,
    n_processes: int | None,
) -> Rehearsal:
    _keep_simulated(checked, content, folder)
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


def _keep_simulated(checked: CheckedCampaign, content: Mapping[str, Any], folder: Path) -> None:
    """Copy the campaign's files; the copy of the lab file has simulated instruments, so nothing connects to others."""
    keep_files(checked, folder)
    lab = folder / FILES / "lab.yaml"
    kept = read_yaml(lab)
    more = {key: content[key] for key in ("devices", "stations", "safe_order") if key in content}
    if {**kept, **more, "backend": "simulated"} != {"backend": "simulated", **kept}:
        lab.write_text(yaml_text({**kept, **more, "backend": "simulated"}), encoding="utf-8")


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
