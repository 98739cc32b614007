"""The thread that brings one target its messages."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labctl.clock import Clock
from labctl.errors import LabError
from labctl.notices._notice import Notice
from labctl.notices._waiting import Told, Waiting

logger = logging.getLogger("labctl.notices")

FIRST_RETRY_S, LONGEST_RETRY_S = 5.0, 60.0
"""After which time a delivery is tried again, the first time and at most [s]; it doubles from one to the other."""


@dataclass(frozen=True)
class UndeliveredFile:
    """The file with what no target was told.

    Args:
        path: of the file, one JSON object a line; None keeps nothing.
    """

    path: Path | None

    def keep(self, target: str, told: Iterable[Told], reason: str) -> None:
        """Append notices that a target was not told, and why."""
        lines = [self._line(target, one, reason) for one in told]
        for line in lines:
            logger.error("notice undelivered", extra={key: value for key, value in line.items() if key != "time"})
        if self.path is None or not lines:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        except OSError as error:
            logger.error("undelivered notices cannot be kept", extra={"reason": str(error)})

    @staticmethod
    def _line(target: str, told: Told, reason: str) -> dict[str, object]:
        notice = told.notice
        words = {"kind": notice.kind, "severity": notice.severity, "subject": notice.subject, "text": notice.text}
        return {
            "time": notice.time,
            "target": target,
            **words,
            "count": told.count,
            **notice.about.fields(),
            "reason": reason,
        }


class Courier:
    """Brings one target its messages, on a thread of its own: a target that hangs delays no other, and no caller.

    Args:
        target: its name.
        send: sends one message; raises `LabError` with the reason when it does not arrive.
        waiting: what is to be told, and how often it may be.
        retry_for_s: how long a notice is tried [s].
        undelivered: where what was not told is kept.
        clock: that retries and gaps are counted on.
    """

    def __init__(
        self,
        target: str,
        send: Callable[[Sequence[Told]], None],
        waiting: Waiting,
        retry_for_s: float,
        undelivered: UndeliveredFile,
        clock: Clock,
    ) -> None:
        self.target, self._send, self._waiting = target, send, waiting
        self._retry_for_s, self._undelivered, self._clock = retry_for_s, undelivered, clock
        self._lock = clock.make_rlock()
        self._wake, self._closing, self._ended = clock.make_event(), clock.make_event(), clock.make_event()
        self._carried: list[Told] = []
        self._given_up = False
        clock.spawn(self._run, f"notices-{target}")

    def add(self, notice: Notice) -> None:
        """Let a notice be told; returns at once."""
        with self._lock:
            overflow = self._waiting.add(notice, self._clock.monotonic())
        if overflow is not None:
            self._undelivered.keep(self.target, [overflow], "too many others were waiting")
        self._wake.set()

    def finish(self) -> None:
        """Try what waits once more, then end."""
        self._closing.set()
        self._wake.set()

    def wait_ended(self, limit_s: float) -> None:
        """Wait at most `limit_s` [s] for the end; what was not told by then is undelivered."""
        if self._ended.wait(max(0.0, limit_s)):
            return
        with self._lock:
            self._given_up = True
            left = [*self._carried, *self._rest()]
        self._undelivered.keep(self.target, left, "not delivered before the end")

    def _rest(self) -> Iterable[Told]:
        while taken := self._waiting.take(0.0, all_of_them=True):
            yield from taken

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while not self._given_up:
            self._wake.clear()
            closing = self._closing.is_set()
            with self._lock:
                now = self._clock.monotonic()
                self._carried = self._waiting.take(now, all_of_them=closing)
                wait_s = self._waiting.next_s(now)
            if self._carried:
                if self._try():
                    retry_s = FIRST_RETRY_S
                else:
                    self._closing.wait(retry_s)
                    retry_s = min(2 * retry_s, LONGEST_RETRY_S)
            elif closing:
                break
            else:
                self._wake.wait(wait_s)
        self._ended.set()

    def _try(self) -> bool:
        """Send what is carried; return whether it arrived."""
        carried, last_time = self._carried, self._closing.is_set()
        about = {"target": self.target, "kind": carried[0].notice.kind, "subjects": [t.notice.subject for t in carried]}
        reason = ""
        try:
            with self._clock.outside():
                self._send(carried)
        except LabError as error:
            reason = str(error)
            logger.warning("delivery failed", extra={**about, "reason": reason})
        else:
            logger.info("notice delivered", extra=about)
        with self._lock:
            self._carried = []
            now = self._clock.monotonic()
            if not reason:
                self._waiting.delivered(carried, now)
            if not reason or self._given_up:
                return not reason
            late = [told for told in carried if last_time or now - told.since >= self._retry_for_s]
            late += [over for told in carried if told not in late and (over := self._waiting.put_back(told))]
        self._undelivered.keep(self.target, late, reason)
        return False
