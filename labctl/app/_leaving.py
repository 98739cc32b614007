"""People leave: a closed terminal, a broken pipe or a signal must end nothing but what it was meant to end."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import FrameType
from typing import Any, Self, cast

from bluesky.utils import RunEngineInterrupted, TransitionError
from typing_extensions import override

from labctl.app._ending import STOPPED
from labctl.clock import RealClock
from labctl.engine import LabRunEngine

STOPPING = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}
"""Signals that ask for an end, and what a person is told of them."""


@contextmanager
def handled(act: Callable[[str], None], *numbers: signal.Signals) -> Iterator[None]:
    """Call `act` with the name of each signal that comes while the body runs.

    A process that was started to outlive its terminal (``nohup``) goes on ignoring SIGHUP.

    Args:
        act: runs in the main thread, between any two of its instructions.
        numbers: of `STOPPING`.
    """

    def handler(number: int, frame: FrameType | None) -> None:
        act(STOPPING[signal.Signals(number)])

    wanted = [n for n in numbers if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in wanted}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class _Lasting(io.TextIOBase):
    """A text stream that leads nowhere once nobody is at its other end."""

    def __init__(self, stream: Any) -> None:  # whatever stands for standard output, also in tests
        self._stream = stream

    def __getattr__(self, name: str) -> Any:  # encoding, buffer and what else a stream has
        return getattr(self._stream, name)

    @override
    def write(self, text: str) -> int:
        try:
            return cast(int, self._stream.write(text))
        except OSError:
            forget(self._stream)
            return len(text)

    @override
    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            forget(self._stream)

    @override
    def isatty(self) -> bool:
        return bool(self._stream.isatty())

    @override
    def fileno(self) -> int:
        return cast(int, self._stream.fileno())


@contextmanager
def lasting_output() -> Iterator[None]:
    """Let nothing that the body prints fail, whoever else in the process prints it."""
    with redirect_stdout(_Lasting(sys.stdout)), redirect_stderr(_Lasting(sys.stderr)):
        yield


def forget(*streams: Any) -> None:
    """Let streams that have a file lead nowhere."""
    for stream in streams:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class PromptEnd:
    """How SIGTERM and a closed terminal end a session: by way of the clean-up of the plan that runs.

    Args:
        engine: of the session.
    """

    def __init__(self, engine: LabRunEngine) -> None:
        self._engine = engine
        self._terminals = [stream for stream in (sys.__stdout__, sys.__stderr__) if stream and stream.isatty()]
        self.asked = ""
        """Name of the signal that came; empty when none did."""
        self.under_way = False
        """Whether the session is being closed already."""

    @contextmanager
    def by_signals(self) -> Iterator[Self]:
        """Act on signals while the body runs.

        Raises:
            SystemExit: one came.
        """
        with handled(self._act, signal.SIGTERM, signal.SIGHUP):
            try:
                yield self
            finally:
                if self.asked:
                    raise SystemExit(STOPPED)

    def _act(self, name: str) -> None:
        first, self.asked = not self.asked, self.asked or name
        if name == STOPPING[signal.SIGHUP]:
            forget(*self._terminals)
        if self.under_way:
            return
        if self._engine.state == "idle":
            raise SystemExit(STOPPED)
        if first:
            RealClock().spawn(self._abort, "abort")  # the handler interrupts the thread that waits for the plan

    def _abort(self) -> None:
        """Abort the plan; then come back, for the prompt of a paused plan knows nothing of it."""
        self._engine.abort_reason = self.asked
        with contextlib.suppress(TransitionError, RunEngineInterrupted):  # it has just ended
            self._engine.abort(self.asked)
        signal.raise_signal(signal.SIGTERM)
