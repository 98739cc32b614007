"""What was sent to simulated instruments, so that a plant can be brought back after its process died."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

Request: TypeAlias = tuple[float, str, str, bytes]
"""Time [s, monotonic], VISA address, what was done (``write``, ``clear`` or ``trigger``), the bytes.

``power down`` and ``power up`` have no address: they are for every instrument at once.
"""


class WireMemory:
    """Every request in the order it reached the instruments, in a file that a killed process leaves whole.

    Instruments and plant are a function of their seed and of what they were sent, and when; their state after any
    number of requests is had again by sending the same requests at the same times. Simulated matter goes on existing
    in this file when the controller is killed. A power cut of the computer may cost the last of it, as nothing is
    synced.

    Args:
        path: of the file; what it holds stays.
    """

    def __init__(self, path: Path) -> None:
        _cut_torn_tail(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def remember(self, now_s: float, address: str, act: str, data: bytes = b"") -> None:
        """Write a request down.

        Args:
            now_s: when it is made [s, monotonic].
            address: of the instrument.
            act: ``write``, ``clear`` or ``trigger``.
            data: the bytes of a ``write``.
        """
        os.write(self._file, json.dumps([now_s, address, act, data.hex()]).encode() + b"\n")

    def close(self) -> None:
        """Close the file; again does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def cut_power(path: Path, duration_s: float) -> None:
    """Take the power from instruments and plant, from the last request on, and give it back.

    The process that wrote the file must be dead, as it is after a power cut.

    Args:
        path: of the file.
        duration_s: how long the power is away [s].
    """
    now_s = max((request[0] for request in requests(path)), default=0.0)
    memory = WireMemory(path)
    memory.remember(now_s, "", "power down")
    memory.remember(now_s + duration_s, "", "power up")
    memory.close()


def _cut_torn_tail(path: Path) -> None:
    """Cut off a request that was not written to its end, so that the next one begins on a line of its own."""
    if path.exists():
        whole = path.read_bytes().rpartition(b"\n")
        os.truncate(path, len(whole[0]) + len(whole[1]))


def requests(path: Path) -> Iterator[Request]:
    """Yield the requests in a file, without one that was not written to its end; none where there is no file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                now_s, address, act, data = json.loads(line)
                yield now_s, address, act, bytes.fromhex(data)
