"""A connection that another library keeps."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pyvisa
from pyvisa.constants import StatusCode
from typing_extensions import override

from labctl.clock import Clock
from labctl.errors import LinkError, LinkTimeout
from labctl.link._link import Exchange, Link, Reader

T = TypeVar("T")


class LibraryLink(Link):
    """The connection of one device through a library with its own wire; it opens with the first call.

    What is asked goes through `call`, one call at a time, into the wire log and again after a failure, as the bytes of
    other links do. A connection that fails is closed and opened anew by the next call. The library tells a missing
    reply by TimeoutError, a lost connection by another OSError (or pyvisa's error), and what the other side refuses
    by ValueError.

    Args:
        address: as the library writes it.
        clock: the lab's.
        device: lab name of the device, for messages.
        connect: takes the time-out [s] and returns the library's object, connected.
        disconnect: takes that object and closes its connection.
        timeout_s: time to wait for a reply [s].
        retries: how often a failed call is repeated.
        log_file: also append every call to this file.
    """

    def __init__(
        self,
        address: str,
        clock: Clock,
        *,
        device: str,
        connect: Callable[[float], Any],
        disconnect: Callable[[Any], object],
        timeout_s: float = 2.0,
        retries: int = 1,
        log_file: Path | None = None,
    ) -> None:
        super().__init__(None, address, clock, device=device, timeout_s=timeout_s, retries=retries, log_file=log_file)
        self._connect, self._disconnect = connect, disconnect

    @property
    def timeout_s(self) -> float:
        """How long a call may wait for a reply [s]."""
        return self._timeout_s

    def call(self, request: str, do: Callable[[Any], T], *, repeatable: bool = True) -> T:
        """Do something with the library's object and return what comes of it.

        Args:
            request: what is done, as the wire log tells it.
            do: takes the library's object.
            repeatable: False for what must not act twice: no retry.

        Raises:
            LinkTimeout: no reply.
            LinkError: the connection failed, or the other side refuses.
        """
        with self.clock.held(), self._lock:
            return self._attempt(request.encode(), None, do, repeatable)

    @override
    def fail_fast(self, timeout_s: float = 0.5) -> None:
        """Stop retrying and let no further call wait more than `timeout_s` [s]: the laboratory is shutting down."""
        self.retries, self._timeout_s = 0, timeout_s

    @override
    def _exchange(self, request: bytes, read: Reader | None, parse: Callable[[Any], T]) -> T:
        sent_at, sent_s = self.clock.time(), self.clock.monotonic()
        try:
            if self._opened is None:
                self._opened = self._connect(self._timeout_s)
            value = parse(self._opened)
        except (pyvisa.Error, OSError) as error:
            is_late = isinstance(error, TimeoutError) or getattr(error, "error_code", None) == StatusCode.error_timeout
            kind, reason = (LinkTimeout, "no reply in time") if is_late else (LinkError, "connection failed")
            self._drop()
            raise self._failure(kind, sent_at, sent_s, request, b"", f"{reason}: {error}".rstrip(": ")) from error
        except ValueError as error:
            raise self._failure(LinkError, sent_at, sent_s, request, b"", f"refused: {error}") from error
        told = b"" if value is None else repr(value).encode()
        self._record(Exchange(sent_at, request, told, took_s=self.clock.monotonic() - sent_s))
        return value

    @override
    def _drop(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            with contextlib.suppress(pyvisa.Error, OSError):  # broken already
                self._disconnect(opened)
