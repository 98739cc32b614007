"""Processes that are killed at a chosen instant."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable


def killed_while_writing(is_the_line: Callable[[bytes], bool], run: Callable[[], object]) -> None:
    """Run something in a process of its own that is killed when it has written the first line of a kind."""
    pid = os.fork()
    if pid == 0:
        write = os.write

        def write_and_die(file: int, data: bytes) -> int:
            n_written = write(file, data)
            if is_the_line(bytes(data)):
                os.kill(os.getpid(), signal.SIGKILL)
            return n_written

        os.write = write_and_die  # type: ignore[assignment]  # in this process alone
        try:
            run()
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def under_way(device: str) -> Callable[[bytes], bool]:
    """Return what tells the first reading of an operation that a device takes part in."""
    return lambda line: line.startswith(b'["descriptor"') and f'"{device}_'.encode() in line


def reads(signal_name: str, above: float) -> Callable[[bytes], bool]:
    """Return what tells a reading of a signal that is above a value."""

    def tells(line: bytes) -> bool:
        if not line.startswith(b'["event"') or f'"{signal_name}"'.encode() not in line:
            return False
        return float(json.loads(line)[1]["data"].get(signal_name, "-inf")) > above

    return tells
