"""The same simulated instruments for any other client: on loopback TCP, serial ones also on a pty."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import tty
from collections.abc import Callable, Mapping

from labctl.clock import Clock
from sim_devices.wire._instrument import Instrument

LOOPBACK = "127.0.0.1"


class InstrumentServer:
    """Serves instruments by name; listens on loopback only.

    Args:
        clock: the wall clock; reply delays run on it.
        instruments: what is served, by name.
        first_port: TCP port of the first instrument, the next ones follow; 0 lets the system choose.
        serial: names of instruments that also get a pseudo-terminal.

    Raises:
        OSError: a port is taken.
    """

    def __init__(
        self, clock: Clock, instruments: Mapping[str, Instrument], first_port: int = 0, serial: tuple[str, ...] = ()
    ) -> None:
        self._clock, self._wire = clock, threading.Lock()
        self._sockets: list[socket.socket] = []
        self._terminals: list[int] = []
        self.ports: dict[str, int] = {}
        """TCP port of each instrument."""
        self.terminals: dict[str, str] = {}
        """Path of each pseudo-terminal."""
        try:
            for number, (name, instrument) in enumerate(instruments.items()):
                self._listen(name, instrument, first_port + number if first_port else 0)
            for name in serial:
                self._open_terminal(name, instruments[name])
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Stop listening and end every connection."""
        for open_socket in self._sockets:
            with contextlib.suppress(OSError):  # never connected, or gone already
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for terminal in self._terminals:
            os.close(terminal)
        self._sockets, self._terminals = [], []

    def _listen(self, name: str, instrument: Instrument, port: int) -> None:
        listener = socket.create_server((LOOPBACK, port))
        self._sockets.append(listener)
        self.ports[name] = listener.getsockname()[1]
        self._clock.spawn(lambda: self._accept(name, instrument, listener), f"serve-{name}")

    def _accept(self, name: str, instrument: Instrument, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(connection)
            self._clock.spawn(self._client(instrument, connection), f"client-{name}")

    def _client(self, instrument: Instrument, connection: socket.socket) -> Callable[[], None]:
        def converse() -> None:
            with connection:
                self._converse(instrument, lambda: connection.recv(4096), connection.sendall)

        return converse

    def _open_terminal(self, name: str, instrument: Instrument) -> None:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        self._terminals += [ours, theirs]
        self.terminals[name] = os.ttyname(theirs)
        self._clock.spawn(
            lambda: self._converse(instrument, lambda: os.read(ours, 4096), lambda data: _write_all(ours, data)),
            f"terminal-{name}",
        )

    def _converse(self, instrument: Instrument, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        try:
            while instrument.connected and (data := read()):
                with self._wire:
                    replies = instrument.receive(data)
                for reply in replies:
                    self._clock.sleep(reply.delay_s)
                    write(reply.data)
        except OSError:
            return  # the client went away, or the server was closed


def _write_all(terminal: int, data: bytes) -> None:
    while data:
        data = data[os.write(terminal, data) :]
