"""What the controller's own computer tells: its clock, its disk, its memory."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

from labctl.clock import Clock

_STATM = Path("/proc/self/statm")
_MB = 1e6


def free_space(folder: Path, least_MB: float) -> str:
    """Return, in words, that less than `least_MB` is free where a folder is; else an empty text."""
    try:
        free_MB = shutil.disk_usage(folder).free / _MB
    except OSError as error:
        return f"{folder}: {error.strerror}"
    return f"{free_MB:.0f} MB are free for {folder}, less than {least_MB:g} MB" if free_MB < least_MB else ""


def memory_MB() -> float:
    """Return the memory that this process occupies [MB]; where the system does not tell, the most it ever did."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MB
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MB


def memory_growth(most_MB: float) -> Callable[[], str]:
    """Return what tells, in words, that this process has grown by more than `most_MB` since now."""
    begun_MB = memory_MB()

    def look() -> str:
        grown_MB = memory_MB() - begun_MB
        return f"the process has grown by {grown_MB:.0f} MB to {grown_MB + begun_MB:.0f} MB" * (grown_MB > most_MB)

    return look


def clock_jump(clock: Clock, most_s: float) -> Callable[[], str]:
    """Return what tells, in words and once, that the time of day was set by more than `most_s` [s]."""
    offset = clock.time() - clock.monotonic()

    def look() -> str:
        nonlocal offset
        before, offset = offset, clock.time() - clock.monotonic()
        jump_s = offset - before
        return f"the time of day was set by {jump_s:+.1f} s" if abs(jump_s) > most_s else ""

    return look
