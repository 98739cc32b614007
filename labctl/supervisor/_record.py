"""What a supervisor saw and did, one line each, on the disk before it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from labctl.clock import Clock
from labctl.errors import StoreError

FILE = "supervisor.jsonl"
Event = Literal["watching", "goodbye", "lost", "not safe", "safe", "handed over", "ended"]
_EVENTS = get_args(Event)
_OPEN = ("watching", "lost", "not safe")


@dataclass(frozen=True)
class Entry:
    """One line."""

    time: float
    """When [s since 1970-01-01 UTC]."""
    event: Event
    text: str


class SupervisorRecord:
    """A file in a store that only ever grows.

    Args:
        directory: of the store; made where it is missing.
        clock: tells the time of day.

    Raises:
        StoreError: the directory cannot be made.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.path, self._clock = directory.resolve() / FILE, clock
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{directory} cannot be made: {error.strerror}") from error

    def write(self, event: Event, text: str, **about: Any) -> None:
        """Write a line.

        Args:
            event: what happened.
            text: the same in words, for a person.
            about: numbers and names, ready for JSON.

        Raises:
            StoreError: it cannot be written.
        """
        line = json.dumps({"time": self._clock.time(), "event": event, "text": text, **about}) + "\n"
        try:
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                end = os.fstat(file).st_size
                torn = end > 0 and os.pread(file, 1, end - 1) != b"\n"
                os.write(file, ("\n" * torn + line).encode())
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}") from error

    @property
    def is_open(self) -> bool:
        """Whether a controller was watched here that never said goodbye, and the laboratory not made safe since."""
        events = [entry.event for entry in entries(self.path.parent) if entry.event in (*_OPEN, "goodbye", "safe")]
        return bool(events) and events[-1] in _OPEN


def entries(directory: Path) -> Iterator[Entry]:
    """Yield the lines in a store, without those that were not written to their end; none where no supervisor was.

    Raises:
        StoreError: they cannot be read.
    """
    try:
        lines = (directory / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{directory / FILE} cannot be read: {error.strerror}") from error
    for line in lines:
        try:
            said = json.loads(line)
            entry = Entry(float(said["time"]), said["event"], str(said["text"]))
        except (ValueError, KeyError, TypeError):
            continue  # torn by a power cut
        if entry.event in _EVENTS:
            yield entry


def made_safe_since(directory: Path, time: float) -> str:
    """Return what the last supervisor that acted after `time` did, in words; empty where none did.

    Args:
        directory: of the store.
        time: [s since 1970-01-01 UTC].

    Raises:
        StoreError: its record cannot be read.
    """
    acted = [entry.text for entry in entries(directory) if entry.event in ("safe", "not safe") and entry.time >= time]
    return acted[-1] if acted else ""
