"""The controller's side: signs of life that prove that its loops go round."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labctl.clock import Clock
from labctl.errors import LabError
from labctl.supervisor._channel import Address, Channel

logger = logging.getLogger("labctl.supervisor")

BEAT_S = 0.5
START_LIMIT_S = 30.0
"""How long a supervisor may take to start and answer."""
_ASK_AGAIN_S = 0.1
_GOODBYE_S = 5.0


class Loop:
    """A loop of the controller that has to go round.

    Args:
        ask: has the loop call what it is given, the next time it goes round; any thread may call this.
        allowance_s: how long the loop may take to go round [s].
    """

    def __init__(self, ask: Callable[[Callable[[], None]], object], allowance_s: float) -> None:
        self._ask, self._allowance_s = ask, allowance_s
        self._asked_at, self._is_answered = 0.0, True

    def is_alive(self, now: float) -> bool:
        """Return whether the loop has answered, or has time to; ask it again when it has.

        Args:
            now: [s, monotonic].
        """
        if self._is_answered:
            self._is_answered, self._asked_at = False, now
            self._ask(self._answer)
        return now - self._asked_at <= self._allowance_s

    def _answer(self) -> None:
        self._is_answered = True


class Heartbeat:
    """Tells the supervisor that this controller lives, and sees to it that there is a supervisor.

    Args:
        address: of the laboratory.
        campaign: its name.
        store: where the supervisor also writes down what it does.
        clock: the wall clock.
        loops: no sign of life is given while one of them stands still.
        start: starts a supervisor; called when none answers.
        tell: told in words when the supervisor is gone, and when it is there again; on another thread.
    """

    def __init__(
        self,
        address: Address,
        campaign: str,
        store: Path,
        clock: Clock,
        loops: Sequence[Loop],
        start: Callable[[], None],
        tell: Callable[[str], None] = logger.warning,
    ) -> None:
        self._address, self._clock, self._loops, self._start, self._tell = address, clock, loops, start, tell
        self._about = {"campaign": campaign, "store": str(store.absolute())}
        self._over = clock.make_event()
        self._thread: threading.Thread | None = None
        self._channel: Channel | None = None
        self._unanswered_since: float | None = None
        self.limit_s = 0.0
        """After how long without a sign of life the supervisor acts [s]; it says so itself."""
        self.unsafe: list[str] = []
        """What the supervisor could not make safe before this controller came."""

    @property
    def process(self) -> int:
        """Number of the supervisor's process; 0 while there is none."""
        return 0 if self._channel is None else self._channel.process

    def begin(self) -> None:
        """Be watched from here on.

        Raises:
            LabError: no supervisor answers, or another controller has the laboratory.
        """
        self._connect()
        self._thread = self._clock.spawn(self._beat, "heartbeat")

    def renew(self) -> None:
        """Have another supervisor watch, which reads the lab file anew: the one that watches ends, and is missed."""
        if self._channel is not None:
            with contextlib.suppress(OSError):
                os.kill(self._channel.process, signal.SIGTERM)

    def end(self, goodbye: str) -> None:
        """Be watched no longer.

        Args:
            goodbye: why nothing has to be made safe; empty lets the supervisor make the laboratory safe.
        """
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._channel is None:
            return
        if goodbye:
            self._channel.send("goodbye", reason=goodbye)
            self._await(self._channel, ("goodbye",), _GOODBYE_S)
        self._channel.close()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            now = self._clock.monotonic()
            alive = [loop.is_alive(now) for loop in self._loops]
            if self._channel is None or not self._is_heard(self._channel, now):
                self._connect_again()
            elif all(alive):
                self._channel.send("beat")
                self._unanswered_since = self._unanswered_since or now

    def _is_heard(self, channel: Channel, now: float) -> bool:
        """Return whether the supervisor is there; one that hangs is killed, because there can be only one."""
        if channel.receive():
            self._unanswered_since = None
        if self._unanswered_since is not None and now - self._unanswered_since > self.limit_s:
            with contextlib.suppress(OSError):
                os.kill(channel.process, signal.SIGKILL)
            return False
        return not channel.is_closed

    def _connect_again(self) -> None:
        if self._channel is not None:
            self._tell(f"the supervisor (process {self.process}) is gone; another is started")
            self._channel.close()
            self._channel = None
        try:
            self._connect()
        except LabError as error:
            if not self._over.is_set():
                logger.error("%s", error)  # and again with the next beat
            return
        self._tell(f"the supervisor (process {self.process}) watches")

    def _connect(self) -> None:
        """Find the supervisor, or start one, and say hello."""
        give_up_at = self._clock.monotonic() + START_LIMIT_S
        is_started, refusal = False, "it does not answer"
        while self._clock.monotonic() < give_up_at and not self._over.is_set():
            channel = self._address.connect()
            if channel is None:
                if not is_started:
                    self._start()
                    is_started = True
                self._over.wait(_ASK_AGAIN_S)
                continue
            channel.send("hello", **self._about)
            answer = self._await(channel, ("welcome", "refused"), give_up_at - self._clock.monotonic())
            if answer.get("say") == "welcome":
                self._channel, self._unanswered_since = channel, None
                self.limit_s, self.unsafe = float(answer["limit_s"]), list(answer["unsafe"])
                return
            channel.close()
            if answer:
                refusal = str(answer["reason"])
                break
        raise LabError(f"no supervisor for {self._address.lab}: {refusal}")

    def _await(self, channel: Channel, wanted: Sequence[str], limit_s: float) -> Mapping[str, Any]:
        """Return the first message of a wanted kind; an empty one where none comes within `limit_s` [s]."""
        give_up_at = self._clock.monotonic() + limit_s
        while not channel.is_closed and (left_s := give_up_at - self._clock.monotonic()) > 0:
            select.select([channel], [], [], left_s)
            for message in channel.receive():
                if message["say"] in wanted:
                    return message
        return {}
