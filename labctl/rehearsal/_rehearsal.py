"""Nights and drills, side by side where there are processors."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from labctl.rehearsal._drill import Drilled, drill, injections, reference_of
from labctl.rehearsal._night import Night, Plans, checked_for, play_night
from labctl.rehearsal._verdict import Verdict, judge

T = TypeVar("T")


@dataclass(frozen=True)
class Rehearsal:
    """A campaign as it would go."""

    campaign: str
    lab: str
    backend: str
    """Of the lab file; the rehearsal itself is always on simulated instruments."""
    n_interlocks: int
    """That the lab file declares."""
    nights: tuple[Night, ...]
    """One for each seed."""
    drills: tuple[Drilled, ...]
    verdict: Verdict


def rehearse(
    file: Path,
    plans: Plans,
    folder: Path,
    *,
    seeds: Sequence[int],
    n_faults: int | None = None,
    backend: str = "simulated",
    begin: float | None = None,
    n_processes: int = 1,
    on_progress: Callable[[int, int], object] = lambda n_done, n: None,
) -> Rehearsal:
    """Play a campaign with several seeds, then with faults, and judge it; the same arguments give the same result.

    Args:
        file: of a campaign whose laboratory is simulated.
        plans: of each operation kind; importable functions when there are several processes.
        folder: for the stores of all nights and drills.
        seeds: one night each; the drills take the first.
        n_faults: how many faults are drilled; None: one of each kind; 0: none.
        backend: that the lab file has for the real night.
        begin: when that is to begin [s since 1970-01-01 UTC]; None: calibrations are not looked at.
        n_processes: played side by side.
        on_progress: told how many parts are done, of how many.

    Raises:
        ValueError: no seed.
        LabError: an instrument does not answer before anything is done.
        ExceptionGroup: of `FileError`, when a file is wrong.
    """
    if not seeds:
        raise ValueError("a rehearsal needs at least one seed")
    checked = checked_for(file, plans, seeds[0])
    with _executor(n_processes) as executor:
        wanted = n_faults != 0
        first = executor.submit(reference_of, file, plans, folder / "drill-reference", seeds[0]) if wanted else None
        nights = [executor.submit(play_night, file, plans, folder / f"seed-{seed}", seed) for seed in seeds]
        reference = None if first is None else first.result()
        faults = () if reference is None else injections(reference, checked.lab, seeds[0], n_faults)
        drills = [
            executor.submit(drill, file, plans, folder / f"drill-{i.number + 1:02d}", seeds[0], i, reference)
            for i in faults
            if reference is not None
        ]
        _watch([*nights, *drills], on_progress)
        played, drilled = _results(nights), _results(drills)
    is_real = backend != "simulated"
    verdict = judge(played, drilled, checked.lab, begin, is_real=is_real)
    n_interlocks = len(checked.lab.interlocks)
    return Rehearsal(checked.file.campaign, checked.lab.lab, backend, n_interlocks, played, drilled, verdict)


def _watch(futures: Sequence[Future[Any]], on_progress: Callable[[int, int], object]) -> None:
    on_progress(0, len(futures))
    for n_done, future in enumerate(as_completed(futures), 1):
        future.result()
        on_progress(n_done, len(futures))


def _results(futures: Sequence[Future[T]]) -> tuple[T, ...]:
    return tuple(future.result() for future in futures)


class _Here(Executor):
    """Does everything in this process, at once."""

    @override
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def _executor(n_processes: int) -> Iterator[Executor]:
    if n_processes <= 1:
        yield _Here()
        return
    executor = ProcessPoolExecutor(n_processes, multiprocessing.get_context("spawn"))
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)
