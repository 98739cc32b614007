"""The supervisor's loop: watch one controller, and make the laboratory safe without it."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from labctl.clock import Clock
from labctl.errors import StoreError
from labctl.supervisor._channel import Address, Channel, trusted
from labctl.supervisor._record import Event, SupervisorRecord

logger = logging.getLogger("labctl.supervisor")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
"""Between attempts to reach what did not answer."""
LONELY_S = 60.0
"""How long a supervisor that a campaign started waits for it."""
_LINGER_S = 1.0
"""When it is told to end: how long it still looks whether the controller was ended with it."""
_DEATH_S = 2.0
"""How long a killed process may take to be gone."""
_MOST_STRANGERS = 8
_FOREVER = float("inf")


class SafeLab(Protocol):
    """What the supervisor needs of a laboratory (`labctl.lab.Lab`)."""

    def make_safe(self) -> list[str]:
        """Make every device safe in the declared order; return what failed, in words."""
        ...

    def release(self) -> None:
        """Let other processes have the instruments."""
        ...


@dataclass
class Controller:
    """The process that is watched."""

    channel: Channel
    campaign: str
    seen_at: float
    """When it last gave a sign of life [s, monotonic]."""

    @property
    def name(self) -> str:
        """Who it is, in words."""
        return f"the controller of {self.campaign} (process {self.channel.process})"


class Supervisor:
    """Watches the controller of one laboratory. Nothing is connected to an instrument before it is needed.

    Args:
        address: of the laboratory.
        lab: with nothing connected.
        record: where it remembers whom it watches, also over its own death.
        clock: the wall clock.
        limit_s: the controller is taken for hung when it gave no sign of life for so long [s].
        once: end with the first controller; else wait for the next.
        notify: told what a person should know, in words; must return at once.
        kill: ends a hung process, which would come back and keeps the instruments to itself.
        guard: begins to watch what must hold while a controller works, given its store, and returns what ends that.

    Raises:
        LabError: the laboratory has a supervisor already.
    """

    def __init__(
        self,
        address: Address,
        lab: SafeLab,
        record: SupervisorRecord,
        clock: Clock,
        limit_s: float,
        *,
        once: bool = False,
        notify: Callable[[str], None] = lambda text: None,
        kill: Callable[[int], None] = lambda process: os.kill(process, signal.SIGKILL),
        guard: Callable[[Path], Callable[[], None]] = lambda store: lambda: None,
    ) -> None:
        self._lab, self._clock, self._limit_s = lab, clock, limit_s
        self._once, self._notify, self._kill, self._guard = once, notify, kill, guard
        self._end_guard: Callable[[], None] = lambda: None
        self._listener = address.listen()
        self._woken, self._wake = socket.socketpair()
        self._records = [record]
        """The own one, and that of the campaign where it is another."""
        self._strangers: list[Channel] = []
        self._controller: Controller | None = None
        self._why = ""
        """Why the laboratory has to be made safe; empty while it has not."""
        self._unsafe: list[str] = []
        """What the last attempt did not reach."""
        self._n_attempts, self._next_at = 0, 0.0
        self._n_ends = 0
        self._ends_at = clock.monotonic() + LONELY_S if once else _FOREVER
        if record.is_open:
            self._why = "the controller that was watched before is gone and never said goodbye"
            self._next_at = clock.monotonic() + limit_s  # it may be there still, and say so

    def run(self) -> None:
        """Watch until told to end; with `once`, until the controller said goodbye or the laboratory was made safe."""
        try:
            while self._n_ends < 2 and (self._why or self._clock.monotonic() < self._ends_at):
                self._listen()
                self._judge()
                if self._why and self._clock.monotonic() >= self._next_at:
                    self._attempt()
            self._write("ended", "the supervisor ended" + (f"; {'; '.join(self._unsafe)}" if self._unsafe else ""))
        finally:
            for channel in self._channels():
                channel.close()
            for end in (self._listener, self._woken, self._wake):
                end.close()

    def end(self) -> None:
        """End soon, but not before the laboratory is safe where the controller is gone; any thread may call this.

        Called again, it ends whatever is unsafe.
        """
        self._wake.send(b"!")

    # What is heard.

    def _channels(self) -> list[Channel]:
        return [*([self._controller.channel] if self._controller else []), *self._strangers]

    def _listen(self) -> None:
        """Wait until something is said or due, and take it in."""
        due = self._next_at if self._why else self._ends_at
        if self._controller is not None:
            due = min(due, self._controller.seen_at + self._limit_s)
        wait_s = None if due == _FOREVER else max(0.0, due - self._clock.monotonic())
        sources: Sequence[Any] = (self._listener, self._woken, *self._channels())  # sockets and channels
        ready, _, _ = select.select(sources, [], [], wait_s)
        if self._woken in ready:
            self._n_ends += len(self._woken.recv(64))
            self._ends_at = min(self._ends_at, self._clock.monotonic() + _LINGER_S)
        if self._listener in ready:
            self._admit()
        for channel in [one for one in self._channels() if one in ready]:
            for message in channel.receive():
                self._take(channel, message)
        for gone in [one for one in self._strangers if one.is_closed]:
            gone.close()
            self._strangers.remove(gone)

    def _admit(self) -> None:
        channel = trusted(self._listener.accept()[0])
        if channel is None:
            return
        self._strangers.append(channel)
        if len(self._strangers) > _MOST_STRANGERS:
            self._strangers.pop(0).close()

    def _take(self, channel: Channel, message: Mapping[str, Any]) -> None:
        controller = self._controller
        if controller is None or channel is not controller.channel:
            if message["say"] == "hello":
                self._welcome(channel, message)
        elif message["say"] == "beat":
            controller.seen_at = self._clock.monotonic()
            channel.send("seen")
        elif message["say"] == "goodbye":
            self._part(controller, str(message.get("reason", "")))

    def _welcome(self, channel: Channel, message: Mapping[str, Any]) -> None:
        self._judge()  # a dead one before it is not forgotten
        if self._controller is not None:
            channel.send("refused", reason=f"{self._controller.name} has the laboratory")
            return
        try:
            record = SupervisorRecord(Path(message["store"]), self._clock)
        except (StoreError, KeyError, TypeError) as error:
            channel.send("refused", reason=f"no store to record in: {error}")
            return
        if self._n_attempts and self._why:
            self._write("handed over", f"process {channel.process} has the laboratory; {'; '.join(self._unsafe)}")
        self._strangers.remove(channel)
        self._records = [self._records[0], *([record] if record.path != self._records[0].path else [])]
        self._controller = Controller(channel, str(message.get("campaign", "")), self._clock.monotonic())
        about = {"process": channel.process, "supervisor": os.getpid(), "limit_s": self._limit_s}
        self._write("watching", f"watching {self._controller.name}", **about)
        channel.send("welcome", limit_s=self._limit_s, unsafe=self._unsafe)
        self._why, self._unsafe, self._n_attempts = "", [], 0
        self._ends_at = _FOREVER
        try:
            self._end_guard = self._guard(Path(message["store"]))
        except StoreError as error:
            logger.error("interlocks are not watched: %s", error)

    def _part(self, controller: Controller, reason: str) -> None:
        """Let a controller go that ended as it should."""
        self._write("goodbye", f"{controller.name} said goodbye: {reason}")
        controller.channel.send("goodbye")
        self._leave(controller)

    def _leave(self, controller: Controller) -> None:
        self._end_guard()
        controller.channel.close()
        self._controller = None
        if self._once:
            self._ends_at = 0.0

    # What is done.

    def _judge(self) -> None:
        """Find out whether the controller is dead or hangs."""
        controller = self._controller
        if controller is None:
            return
        if controller.channel.is_closed:
            self._lose(controller, "ended without a goodbye")
        elif self._clock.monotonic() - controller.seen_at >= self._limit_s:
            self._put_down(controller.channel)
            self._lose(controller, f"gave no sign of life for {self._limit_s:g} s and was killed")

    def _put_down(self, channel: Channel) -> None:
        """Kill a hung process: it would come back, and it keeps the instruments to itself."""
        try:
            self._kill(channel.process)
        except OSError as error:
            logger.error("process %d cannot be killed: %s", channel.process, error)
        gone_at = self._clock.monotonic() + _DEATH_S
        while not channel.is_closed and (left_s := gone_at - self._clock.monotonic()) > 0:
            select.select([channel], [], [], left_s)
            channel.receive()

    def _lose(self, controller: Controller, what: str) -> None:
        self._why, self._next_at, self._n_attempts = f"{controller.name} {what}", self._clock.monotonic(), 0
        self._leave(controller)

    def _attempt(self) -> None:
        """Make the laboratory safe, or as much of it as answers; only then write and tell."""
        before = self._clock.monotonic()
        failures = self._lab.make_safe()
        self._lab.release()  # for the next controller
        lasted_s = round(self._clock.monotonic() - before, 3)
        if self._n_attempts == 0:
            self._write("lost", self._why)
        if failures:
            self._try_again(failures, lasted_s)
            return
        text = f"{self._why}; the supervisor made the laboratory safe, every device confirmed"
        self._write("safe", text, lasted_s=lasted_s)
        self._notify(text)
        self._why, self._unsafe, self._n_attempts = "", [], 0

    def _try_again(self, failures: list[str], lasted_s: float) -> None:
        if self._n_attempts == 0 or failures != self._unsafe:
            text = f"{self._why}; {'; '.join(failures)}"
            self._write("not safe", text, failures=failures, lasted_s=lasted_s)
            self._notify(f"the laboratory may NOT be safe: {text}; it is tried again and again")
        self._unsafe = failures
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(self._n_attempts, 10), LONGEST_PAUSE_S)
        self._next_at = self._clock.monotonic() + pause_s
        self._n_attempts += 1

    def _write(self, event: Event, text: str, **about: Any) -> None:
        """Write to every record; a full disk keeps nothing from being made safe."""
        logger.info("%s", text)
        for record in self._records:
            try:
                record.write(event, text, **about)
            except StoreError as error:
                logger.error("%s", error)
