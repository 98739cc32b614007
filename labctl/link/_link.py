"""One VISA resource: lock, time-out, retry after clear, plausibility, wire log."""

from __future__ import annotations

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
WIRE_LOG_LENGTH = 1000


@dataclass(frozen=True)
class Exchange:
    """One entry of the wire log."""

    time: float
    """Time of day when it was sent [s since 1970-01-01 UTC]."""
    sent: bytes
    received: bytes
    error: str = ""

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

    Args:
        manager: pyvisa resource manager (real or simulated backend).
        address: VISA resource name.
        clock: the lab's clock; retries and polls run on it.
        device: lab name of the device, for messages.
        timeout_s: time to wait for a reply [s].
        retries: how often a failed exchange is repeated after a clear.
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
        self._log_file = log_file
        self._lock = clock.make_rlock()
        self._poller = Poller(clock, device)
        self._accepted: dict[tuple[bytes, Plausible], tuple[float, float]] = {}
        self._manager, self._timeout_s = manager, timeout_s
        self._open_options = dict(open_options or {})
        self._opened: Any = None  # pyvisa's resource; its class depends on the address
        self._write_end = write_termination.encode("latin1")
        self._read_end = read_termination

    @property
    def _resource(self) -> Any:  # opened by the first exchange: a lab can be checked with nothing connected
        if self._opened is None:
            try:
                self._opened = self._manager.open_resource(self.address, **self._open_options)
            except (pyvisa.VisaIOError, OSError, ValueError) as error:
                raise LinkError(self.device, self.address, "open", "", str(error)) from error
            self._opened.timeout = self._timeout_s * 1000
            if self._read_end:
                self._opened.read_termination = self._read_end
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
            parse: turns the reply into a value; raises ValueError for a garbled one.
            plausible: range and rate that a numeric reply must keep, or be confirmed.
            repeatable: False for a command that must not act twice: no retry.

        Raises:
            LinkTimeout: no reply.
            LinkError: a garbled reply, or the connection failed.
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
            self._attempt(command.encode("latin1") + self._write_end, lambda: b"", lambda reply: None, repeatable=True)

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
            parse: turns the whole reply into a value; raises ValueError for a garbled one.
            plausible: range and rate that a numeric reply must keep, or be confirmed.
            repeatable: False for a request that must not act twice: no retry.

        Raises:
            LinkTimeout: no whole reply.
            LinkError: a garbled reply, or the connection failed.
        """

        def read_frame() -> bytes:
            received = b""
            while missing := frame(received):
                received += self._resource.read_bytes(missing, break_on_termchar=False)
            return received

        return self._converse(request, read_frame, parse, plausible, repeatable)

    def clear(self) -> None:
        """Drop what is on its way in both directions; never raises."""
        if self._opened is None:
            return
        try:
            self._opened.clear()
        except (pyvisa.VisaIOError, OSError, NotImplementedError):
            self._flush()

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

    def close(self) -> None:
        """Close the resource and end the poller."""
        self._poller.close()
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _attempt(self, request: bytes, read: Callable[[], bytes], parse: Callable[[bytes], T], repeatable: bool) -> T:
        for attempt in range((self.retries if repeatable else 0) + 1):
            if attempt:
                self.clear()  # or the late reply to the first try would answer the second
            try:
                return self._once(request, read, parse)
            except LinkError as error:
                failure = error
        raise failure

    def _once(self, request: bytes, read: Callable[[], bytes], parse: Callable[[bytes], T]) -> T:
        sent_at, received = self.clock.time(), b""
        try:
            self._resource.write_raw(request)
            received = read()
            value = parse(received)
        except (pyvisa.VisaIOError, OSError) as error:
            timed_out = isinstance(error, pyvisa.VisaIOError) and error.error_code == StatusCode.error_timeout
            kind, reason = (LinkTimeout, "no reply in time") if timed_out else (LinkError, str(error))
            self._record(Exchange(sent_at, request, received, reason))
            raise kind(self.device, self.address, readable(request), readable(received), reason) from error
        except ValueError as error:
            reason = f"garbled reply ({error})"
            self._record(Exchange(sent_at, request, received, reason))
            raise LinkError(self.device, self.address, readable(request), readable(received), reason) from error
        self._record(Exchange(sent_at, request, received))
        return value

    def _read_line(self) -> bytes:
        return bytes(self._resource.read_raw())

    def _converse(
        self,
        request: bytes,
        read: Callable[[], bytes],
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
                again = self._attempt(request, read, parse, repeatable)
                if not plausible.accepts(number(again), last, now) and not alike(number(value), number(again)):
                    reason = f"implausible: outside {plausible.low:g}..{plausible.high:g} or changes too fast"
                    replies = f"{value} then {again}"
                    raise LinkError(self.device, self.address, readable(request), replies, reason)
                value = again
            self._accepted[key] = (number(value), now)
            return value

    def _flush(self) -> None:
        try:
            self._opened.flush(pyvisa.constants.BufferOperation.discard_read_buffer)
        except (pyvisa.VisaIOError, OSError, NotImplementedError):
            return  # nothing more can be done; the next exchange tells

    def _record(self, entry: Exchange) -> None:
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
