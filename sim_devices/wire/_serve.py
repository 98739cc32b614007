"""The same simulated instruments for any other client: on loopback TCP, serial ones also on a pty."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import tty
from collections.abc import Callable, Mapping

from labctl.clock import Clock
from sim_devices.wire._instrument import Instrument

LOOPBACK = "127.0.0.1"
_SEND_TIMEOUT_S = 5.0


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
        self._clock, self._wire, self._book = clock, threading.Lock(), threading.Lock()
        self._ended = clock.make_event()
        self._ending, self._end = socket.socketpair()  # readable once closed: wakes every thread that waits for bytes
        self._threads: list[threading.Thread] = []
        self._listeners: list[socket.socket] = []
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
        """Stop listening, end every connection and wait until their threads have ended; may be repeated."""
        self._ended.set()
        self._end.close()
        while alive := [thread for thread in self._threads if thread.is_alive()]:
            alive[0].join()
        for listener in self._listeners:
            listener.close()
        for terminal in self._terminals:
            os.close(terminal)
        self._listeners, self._terminals = [], []
        self._ending.close()

    def _spawn(self, target: Callable[[], None], name: str) -> None:
        with self._book:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(self._clock.spawn(target, name))

    def _listen(self, name: str, instrument: Instrument, port: int) -> None:
        listener = socket.create_server((LOOPBACK, port))
        self._listeners.append(listener)
        self.ports[name] = listener.getsockname()[1]
        self._spawn(lambda: self._accept(name, instrument, listener), f"serve-{name}")

    def _accept(self, name: str, instrument: Instrument, listener: socket.socket) -> None:
        while self._readable(listener.fileno()):
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(_SEND_TIMEOUT_S)
            self._spawn(self._client(instrument, connection), f"client-{name}")

    def _client(self, instrument: Instrument, connection: socket.socket) -> Callable[[], None]:
        def converse() -> None:
            with connection, contextlib.suppress(OSError):  # the client went away
                while self._readable(connection.fileno()) and (data := connection.recv(4096)) and instrument.connected:
                    self._answer(instrument, data, connection.sendall)

        return converse

    def _open_terminal(self, name: str, instrument: Instrument) -> None:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self._terminals += [ours, theirs]  # theirs stays open: a line is there whether or not a client is
        self.terminals[name] = os.ttyname(theirs)

        def send(data: bytes) -> None:
            with contextlib.suppress(BlockingIOError):  # nobody reads: a line forgets
                os.write(ours, data)

        def converse() -> None:
            while self._readable(ours):
                data = os.read(ours, 4096)
                if instrument.connected:
                    self._answer(instrument, data, send)

        self._spawn(converse, f"terminal-{name}")

    def _readable(self, source: int) -> bool:
        """Wait for bytes; return False at the end of service."""
        ending = self._ending.fileno()
        ready, _, _ = select.select([source, ending], [], [])
        return ending not in ready

    def _answer(self, instrument: Instrument, data: bytes, send: Callable[[bytes], object]) -> None:
        with self._wire:
            replies = instrument.receive(data)
        for reply in replies:
            if self._ended.wait(reply.delay_s):
                return
            send(reply.data)
