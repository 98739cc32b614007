"""What went over the wires of a laboratory, in a file that instruments can be played back from."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from labctl.errors import LabError
from labctl.link._link import Exchange

VERSION = 1
_SHORTEST_SERIAL = 4
_KEYS = {"device": str, "at": (int, float), "took": (int, float), "sent": str, "received": str, "error": str}


@dataclass(frozen=True)
class Recorded:
    """One exchange of a cassette."""

    device: str
    at_s: float
    """When it was sent [s, from the begin of the recording]."""
    took_s: float
    """From the request to its reply, or to the end of the wait [s]."""
    sent: bytes
    received: bytes
    error: str = ""
    """Why the driver could not use it; empty for a good exchange."""

    def line(self) -> str:
        """Return it as a line of the file; bytes as Latin-1 text, so that a person can read what is text."""
        content = {
            "device": self.device,
            "at": round(self.at_s, 6),
            "took": round(self.took_s, 6),
            "sent": self.sent.decode("latin1"),
            "received": self.received.decode("latin1"),
            "error": self.error,
        }
        return json.dumps({key: value for key, value in content.items() if value != ""}) + "\n"


@dataclass(frozen=True)
class Cassette:
    """A recording: who took part, and every exchange in order."""

    about: Mapping[str, Any]
    """``lab``, ``labctl`` and the ``devices``, each with class and address, as they were (hence Any)."""
    exchanges: tuple[Recorded, ...]

    def of(self, device: str) -> tuple[Recorded, ...]:
        """Return the exchanges of one device."""
        return tuple(one for one in self.exchanges if one.device == device)


def read_cassette(path: Path) -> Cassette:
    """Read a recording.

    Raises:
        LabError: the file cannot be read, is no cassette, or a line of it is malformed; it names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cassette {path} cannot be read: {error}") from error
    contents = [_content(path, number, line) for number, line in enumerate(lines, 1)]
    if not contents or contents[0].get("cassette") != VERSION:
        raise LabError(f"{path} is no cassette: its first line must hold cassette: {VERSION}")
    return Cassette(contents[0], tuple(_exchange(path, n, content) for n, content in enumerate(contents[1:], 2)))


def _content(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError as error:
        raise LabError(f"{path}:{number}: {error}") from error
    if not isinstance(content, dict):
        raise LabError(f"{path}:{number}: must be a JSON object, not {line[:40]!r}")
    return content


def _exchange(path: Path, number: int, content: Mapping[str, Any]) -> Recorded:
    whole = {"received": "", "error": "", **content}
    for key, kind in _KEYS.items():
        if not isinstance(whole.get(key), kind):  # type: ignore[arg-type]  # a class, or a pair of classes
            raise LabError(f"{path}:{number}: {key} must be {'text' if kind is str else 'a number'}")
    try:
        sent, received = (str(whole[key]).encode("latin1") for key in ("sent", "received"))
    except UnicodeEncodeError as error:
        raise LabError(f"{path}:{number}: holds {error.object[error.start]!r}, which is no byte") from error
    return Recorded(whole["device"], float(whole["at"]), float(whole["took"]), sent, received, whole["error"])


class CassetteRecorder:
    """Writes exchanges down as they happen.

    Until it is closed the file has the further ending ``.part``; it outlives the death of the process. A full disk
    ends the recording and nothing else: whether a heater is switched off must not depend on it.

    Args:
        path: of the cassette; must not exist.
        about: who takes part.
        began_at: time of day at the begin [s since 1970-01-01 UTC].

    Raises:
        LabError: the file exists or cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], began_at: float) -> None:
        if path.exists():
            raise LabError(f"{path} exists; a recording is not written over another")
        self.path, self._began_at, self._lock = path, began_at, threading.Lock()
        self.failure = ""
        """Why nothing was written down any more; empty for a whole recording."""
        self._part = path.with_name(path.name + ".part")
        try:
            self._file: TextIO = self._part.open("w", encoding="utf-8")
            self._write(json.dumps({"cassette": VERSION, **about}) + "\n")
        except OSError as error:
            raise LabError(f"{path} cannot be written: {error}") from error

    def take(self, device: str, exchange: Exchange) -> None:
        """Write an exchange down, unless that failed before."""
        if self.failure:
            return
        at_s = exchange.time - self._began_at
        try:
            self._write(
                Recorded(device, at_s, exchange.took_s, exchange.sent, exchange.received, exchange.error).line()
            )
        except OSError as error:
            self.failure = str(error)
            with contextlib.suppress(OSError):  # what is left in its buffer cannot be written either
                self._file.close()

    def _write(self, line: str) -> None:
        with self._lock:
            self._file.write(line)
            self._file.flush()

    def close(self) -> Cassette:
        """Put the file in its place and return what it holds."""
        self._file.close()
        self._part.replace(self.path)
        return read_cassette(self.path)


def write_cassette(path: Path, cassette: Cassette) -> None:
    """Write a recording in place of what is there, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(cassette.about) + "\n" + "".join(one.line() for one in cassette.exchanges), "utf-8")
    new.replace(path)


def without_serials(cassette: Cassette, serials: Mapping[str, str]) -> Cassette:
    """Return a recording with zeros in place of serial numbers in replies.

    Args:
        cassette: the recording.
        serials: serial number of each device; one of less than four characters tells nobody anything and stays.
    """

    def hidden(one: Recorded) -> Recorded:
        serial = serials.get(one.device, "").encode("latin1", "ignore")
        if len(serial) < _SHORTEST_SERIAL:
            return one
        return replace(one, received=one.received.replace(serial, b"0" * len(serial)))

    return Cassette(cassette.about, tuple(map(hidden, cassette.exchanges)))
