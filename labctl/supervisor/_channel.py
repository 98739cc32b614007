"""Messages between the controller and the supervisor, over a local socket whose end is seen at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labctl.errors import LabError
from labctl.lab import LabFile

_LONGEST_MESSAGE = 8192
_N_WAITING = 8
_CREDENTIALS = struct.Struct("3i")  # process, user, group: struct ucred of unix(7)


@dataclass(frozen=True)
class Address:
    """Where the one supervisor of a laboratory listens, for the processes of one user on this machine.

    A name of Linux' abstract sockets (unix(7)): binding it is the lock, and it is gone with the process.
    """

    lab: str
    name: str

    def listen(self) -> socket.socket:
        """Return the listening socket.

        Raises:
            LabError: the laboratory has a supervisor already, or the system has no such sockets.
        """
        listener = _socket()
        try:
            listener.bind(self.name)
        except OSError as error:
            listener.close()
            raise LabError(f"{self.lab} has a supervisor already: one watches a laboratory") from error
        listener.listen(_N_WAITING)
        listener.setblocking(False)
        return listener

    def connect(self) -> Channel | None:
        """Return a channel to the supervisor, or None where none listens.

        Raises:
            LabError: the system has no such sockets.
        """
        connection = _socket()
        try:
            connection.connect(self.name)
        except OSError:
            connection.close()
            return None
        return trusted(connection)


def address_of(file: LabFile) -> Address:
    """Return the address that belongs to a laboratory: the same for every copy of its file.

    Its instruments make a laboratory what it is, so their addresses and its name are what counts.
    """
    devices = sorted((name, entry.address) for name, entry in file.devices.items())
    digest = hashlib.sha256(json.dumps([file.lab, devices]).encode()).hexdigest()[:24]
    return Address(file.lab, f"\0labctl-supervisor-{os.getuid()}-{digest}")


def _socket() -> socket.socket:
    if not hasattr(socket, "SO_PEERCRED"):
        raise LabError("a supervisor needs Linux; --no-supervisor does without one")
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # keeps messages apart


def trusted(connection: socket.socket) -> Channel | None:
    """Return a channel when the other end is a process of this user or of root; else close it and return None."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(raw)
    if user not in (0, os.getuid()):
        connection.close()
        return None
    return Channel(connection, process)


class Channel:
    """One end of a connection; the kernel closes the other with its process, whatever ended that.

    Args:
        connection: connected.
        process: number of the other process, as the kernel tells it.
    """

    def __init__(self, connection: socket.socket, process: int) -> None:
        connection.setblocking(False)
        self._connection, self.process = connection, process
        self.is_closed = False
        """Whether the other end, or this one, was closed."""

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._connection.fileno()

    def send(self, say: str, **about: Any) -> None:
        """Send a message; it is lost where the other end is closed or does not read.

        Args:
            say: what it is about.
            about: ready for JSON.
        """
        try:
            self._connection.send(json.dumps({"say": say, **about}).encode())
        except BlockingIOError:
            return  # told by the answers that do not come
        except OSError:
            self.is_closed = True

    def receive(self) -> list[Mapping[str, Any]]:
        """Return the messages that came."""
        messages: list[Mapping[str, Any]] = []
        while not self.is_closed:
            try:
                data = self._connection.recv(_LONGEST_MESSAGE)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.is_closed = True
                break
            with contextlib.suppress(ValueError):  # no labctl speaks there
                message = json.loads(data)
                if isinstance(message, dict) and "say" in message:
                    messages.append(message)
        return messages

    def close(self) -> None:
        """Close this end; may be repeated."""
        self.is_closed = True
        self._connection.close()
