"""One VISA resource: lock, time-out, recovery and retry, plausibility, wire log."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyvisa
from pyvisa.constants import StatusCode

from labctl.clock import Clock
from labctl.errors import LinkError, LinkTimeout
from labctl.link._poller import Job, Poller

T = TypeVar("T")
Reader = Callable[[bytearray], None]
"""Adds what comes to the bytes it is given."""
WIRE_LOG_LENGTH = 1000
SETTLE_S = 0.1
"""How long the rest of a broken reply may still be on its way [s]."""


@dataclass(frozen=True)
class Exchange:
    """One entry of the wire log."""

    time: float
    """Time of day when it was sent [s since 1970-01-01 UTC]."""
    sent: bytes
    received: bytes
    error: str = ""
    took_s: float = 0.0
    """From the request to its reply, or to the end of the wait [s]."""

    def __str__(self) -> str:
        return f"{self.time:.3f} > {self.sent!r} < {self.received!r} {self.error}".rstrip()


@dataclass(frozen=True)
class Plausible:
    """What a reading without a checksum may be; outside it is read again before it is believed.

    A garbled but readable digit cannot be told from a true one otherwise. A second reading that
    agrees with the first is believed: the instrument means it.
    """

    low: float
    high: float
    rate: float = math.inf
    """Greatest change per second."""

    def accepts(self, value: float, last: tuple[float, float] | None, now: float) -> bool:
        """Return whether `value` at `now` [s] may follow `last` (value, time [s])."""
        if not self.low <= value <= self.high:
            return False
        if last is None or math.isinf(self.rate):
            return True
        return abs(value - last[0]) <= self.rate * max(now - last[1], 1.0)


class Link:
    """The connection of one device to its instrument; it opens with the first exchange.

    After a failed exchange the link recovers before it sends anything more, so that a reply which
    comes late never answers another request: a message-based instrument (GPIB, USB, TCPIP INSTR)
    is cleared, a serial line is flushed after its reply had twice the time-out to come, a socket is
    opened anew. A connection that broke is opened anew too: a cable that is put back works again.

    Args:
        manager: pyvisa resource manager (real or simulated backend).
        address: VISA resource name.
        clock: the lab's clock; retries and polls run on it.
        device: lab name of the device, for messages.
        timeout_s: time to wait for a reply [s].
        retries: how often a failed exchange is repeated.
        read_termination: end of a text reply.
        write_termination: end of a text command.
        log_file: also append every exchange to this file.
        open_options: further keywords of pyvisa's `open_resource` (baud rate, parity...).
    """

    def __init__(
        self,
        manager: pyvisa.ResourceManager,
        address: str,
        clock: Clock,
        *,
        device: str,
        timeout_s: float = 2.0,
        retries: int = 1,
        read_termination: str = "\n",
        write_termination: str = "\n",
        log_file: Path | None = None,
        open_options: Mapping[str, Any] | None = None,  # pyvisa's own attribute values
    ) -> None:
        self.address, self.clock, self.device, self.retries = address, clock, device, retries
        self.log: deque[Exchange] = deque(maxlen=WIRE_LOG_LENGTH)
        self.on_exchange: Callable[[Exchange], object] = lambda exchange: None
        """Called with every exchange, whole or failed, while the link is locked."""
        self._log_file = log_file
        self._lock = clock.make_rlock()
        self._poller = Poller(clock, device)
        self._accepted: dict[tuple[bytes, Plausible], tuple[float, float]] = {}
        self._manager, self._timeout_s = manager, timeout_s
        self._open_options = dict(open_options or {})
        self._opened: Any = None  # pyvisa's resource; its class depends on the address
        self.failing_since: float | None = None
        """Since when every exchange has failed [s, monotonic]; None while they succeed."""
        self._quiet_at: float | None = None  # after a failure: when no late reply is to be feared any more
        self._write_end = write_termination.encode("latin1")
        self._read_end = read_termination

    @property
    def _resource(self) -> Any:  # opened by the first exchange: a lab can be checked with nothing connected
        if self._opened is None:
            try:
                self._opened = self._manager.open_resource(
                    self.address, open_timeout=int(self._timeout_s * 1000), **self._open_options
                )
            except Exception as error:  # pyvisa-py raises exactly that when a host does not answer
                raise LinkError(self.device, self.address, "open", "", str(error)) from error
            self._opened.timeout = self._timeout_s * 1000
            if self._read_end:
                self._opened.read_termination = self._read_end
            if self.address.upper().startswith("ASRL"):
                self._flush()  # what an instrument says when it is switched on answers nothing
        return self._opened

    def query(
        self,
        command: str,
        parse: Callable[[str], T] = str,  # type: ignore[assignment]  # str is a parser of T = str
        *,
        plausible: Plausible | None = None,
        repeatable: bool = True,
    ) -> T:
        """Send a text command and return its parsed reply.

        Args:
            command: without termination.
            parse: turns the reply into a value; raises ValueError for one that is garbled or refuses.
            plausible: range and rate that a numeric reply must keep, or be confirmed.
            repeatable: False for a command that must not act twice: no retry.

        Raises:
            LinkTimeout: no reply.
            LinkError: an unusable reply, or the connection failed.
        """

        def parse_reply(reply: bytes) -> T:
            return parse(reply.decode("ascii").strip("\r\n" + self._read_end))

        request = command.encode("latin1") + self._write_end
        return self._converse(request, self._read_line, parse_reply, plausible, repeatable)

    def write(self, command: str) -> None:
        """Send a text command that has no reply.

        Raises:
            LinkError: it cannot be sent.
        """
        with self.clock.held(), self._lock:
            request = command.encode("latin1") + self._write_end
            self._attempt(request, None, lambda reply: None, repeatable=True)

    def exchange(
        self,
        request: bytes,
        frame: Callable[[bytes], int],
        parse: Callable[[bytes], T],
        *,
        plausible: Plausible | None = None,
        repeatable: bool = True,
    ) -> T:
        """Send a binary request and return its parsed reply.

        Args:
            request: all bytes, checksum included.
            frame: told what came so far, returns how many bytes are still missing (0: whole).
            parse: turns the whole reply into a value; raises ValueError for one that is garbled or refuses.
            plausible: range and rate that a numeric reply must keep, or be confirmed.
            repeatable: False for a request that must not act twice: no retry.

        Raises:
            LinkTimeout: no whole reply.
            LinkError: an unusable reply, or the connection failed.
        """

        def read_frame(received: bytearray) -> None:
            resource = self._resource
            with resource.ignore_warning(StatusCode.success_max_count_read):  # once for a frame, not once for a piece
                while missing := frame(bytes(received)):
                    received += resource.visalib.read(resource.session, missing)[0]

        return self._converse(request, read_frame, parse, plausible, repeatable)

    def every(self, period_s: float, call: Callable[[], object]) -> Job:
        """Call every `period_s` [s] on this link's thread."""
        return self._poller.every(period_s, call)

    def later(self, delay_s: float, call: Callable[[], object]) -> Job:
        """Call once after `delay_s` [s] on this link's thread."""
        return self._poller.later(delay_s, call)

    def fail_fast(self, timeout_s: float = 0.5) -> None:
        """Stop retrying and wait at most `timeout_s` [s]: the laboratory is shutting down."""
        self.retries, self._timeout_s = 0, timeout_s
        if self._opened is not None:
            self._opened.timeout = timeout_s * 1000

    def release(self) -> None:
        """Close the resource, for another process to open it; the next exchange opens it again."""
        with self.clock.held(), self._lock:
            self._drop()

    def close(self) -> None:
        """Close the resource and end the poller."""
        self._poller.close()
        self._drop()

    def _drop(self) -> None:
        opened, self._opened, self._quiet_at = self._opened, None, None
        if opened is not None:
            with contextlib.suppress(pyvisa.Error, OSError):  # broken already
                opened.close()

    def _attempt(self, request: bytes, read: Reader | None, parse: Callable[[bytes], T], repeatable: bool) -> T:
        for _ in range((self.retries if repeatable else 0) + 1):
            try:
                return self._once(request, read, parse)
            except LinkError as error:
                failure = error
        raise failure

    def _once(self, request: bytes, read: Reader | None, parse: Callable[[bytes], T]) -> T:
        began = self.clock.monotonic()
        try:
            value = self._exchange(request, read, parse)
        except LinkError:
            self.failing_since = began if self.failing_since is None else self.failing_since
            raise
        self.failing_since = None
        return value

    def _exchange(self, request: bytes, read: Reader | None, parse: Callable[[bytes], T]) -> T:
        self._recover(expects_reply=read is not None)
        sent_at, sent_s, received = self.clock.time(), self.clock.monotonic(), bytearray()
        try:
            self._resource.write_raw(request)
            if read is not None:
                read(received)
            value = parse(bytes(received))
        except LinkError as error:
            took_s = self.clock.monotonic() - sent_s
            self._record(Exchange(sent_at, request, b"", f"cannot be opened: {error.reason}", took_s))
            raise
        except (pyvisa.Error, OSError) as error:
            timed_out = getattr(error, "error_code", None) == StatusCode.error_timeout
            kind, reason = (LinkTimeout, "no reply in time") if timed_out else (LinkError, str(error))
            if timed_out:
                self._quiet_at = sent_s + 2 * self._timeout_s
            else:
                self._drop()
            raise self._failure(kind, sent_at, sent_s, request, bytes(received), reason) from error
        except ValueError as error:
            self._quiet_at = self.clock.monotonic() + SETTLE_S
            reason = f"unusable reply: {error}"
            raise self._failure(LinkError, sent_at, sent_s, request, bytes(received), reason) from error
        self._record(Exchange(sent_at, request, bytes(received), took_s=self.clock.monotonic() - sent_s))
        return value

    def _failure(
        self, kind: type[LinkError], sent_at: float, sent_s: float, request: bytes, received: bytes, reason: str
    ) -> LinkError:
        self._record(Exchange(sent_at, request, received, reason, self.clock.monotonic() - sent_s))
        return kind(self.device, self.address, readable(request), readable(received), reason)

    def _recover(self, *, expects_reply: bool) -> None:
        """After a failure, forget what is on its way."""
        address = self.address.upper()
        if self._quiet_at is None or (address.startswith("ASRL") and not expects_reply):
            return  # "off" is said at once; whatever comes meanwhile is forgotten before the next question
        quiet_at, self._quiet_at = self._quiet_at, None
        if address.endswith("SOCKET"):
            self._drop()
        elif address.startswith("ASRL"):
            # Nothing calls back a reply on a line. Longer than the (perhaps shortened) time-out nobody waits.
            self.clock.sleep_until(min(quiet_at, self.clock.monotonic() + self._timeout_s))
            self._flush()
        else:
            try:
                self._opened.clear()
            except (pyvisa.Error, OSError):
                self._flush()

    def _flush(self) -> None:
        with contextlib.suppress(pyvisa.Error, OSError):  # the next exchange tells
            self._opened.flush(pyvisa.constants.BufferOperation.discard_read_buffer)

    def _read_line(self, received: bytearray) -> None:
        received += self._resource.read_raw()

    def _converse(
        self,
        request: bytes,
        read: Reader,
        parse: Callable[[bytes], T],
        plausible: Plausible | None,
        repeatable: bool,
    ) -> T:
        with self.clock.held(), self._lock:
            value = self._attempt(request, read, parse, repeatable)
            if plausible is None:
                return value
            key = (request, plausible)  # one reply may hold several quantities
            last, now = self._accepted.get(key), self.clock.monotonic()
            if not plausible.accepts(number(value), last, now):
                again = self._attempt(request, read, parse, repeatable) if repeatable else None
                if again is None or not (
                    plausible.accepts(number(again), last, now) or alike(number(value), number(again))
                ):
                    reason = f"implausible: outside {plausible.low:g}..{plausible.high:g} or changes too fast"
                    replies = str(value) if again is None else f"{value} then {again}"
                    self._write_down(Exchange(self.clock.time(), request, replies.encode(), reason))
                    raise LinkError(self.device, self.address, readable(request), replies, reason)
                value = again
            self._accepted[key] = (number(value), now)
            return value

    def _record(self, entry: Exchange) -> None:
        self._write_down(entry)
        self.on_exchange(entry)

    def _write_down(self, entry: Exchange) -> None:
        self.log.append(entry)
        if self._log_file is not None:
            with self._log_file.open("a", encoding="utf-8") as file:
                file.write(f"{self.device} {entry}\n")


def number(value: object) -> float:
    """Return a parsed reading as a float."""
    if not isinstance(value, float | int):
        raise TypeError(f"plausibility needs a number, not {value!r}")
    return float(value)


def alike(first: float, second: float) -> bool:
    """Return whether two readings agree within one part in fifty."""
    return abs(first - second) <= 0.01 * (abs(first) + abs(second))


def readable(data: bytes) -> str:
    """Return text as text and anything else as hexadecimal."""
    text = data.decode("latin1").rstrip("\r\n")
    return text if text.isprintable() else data.hex(" ")
