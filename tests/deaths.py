"""Processes that are killed at a chosen instant."""

from __future__ import annotations

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
