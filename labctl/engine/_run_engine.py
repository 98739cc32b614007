"""Bluesky's RunEngine on the lab clock."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from bluesky import RunEngine
from bluesky.utils import DuringTask
from event_model import DocumentNames
from typing_extensions import override

from labctl.clock import Clock
from labctl.engine._validation import fast_validation
from labctl.metadata import check_start

_JOIN_LIMIT_S = 5.0


class ScanIds:
    """One count of scan_id for all engines of a laboratory."""

    def __init__(self, first: int = 1) -> None:
        self._numbers, self._lock = itertools.count(first), threading.Lock()

    def __call__(self, md: Mapping[str, Any]) -> int:
        """Return the next number."""
        with self._lock:
            return next(self._numbers)


class LabRunEngine(RunEngine):
    """The engine of one station: its own loop and thread, documents stamped on the lab clock.

    Public interface of bluesky used: ``emit_sync`` (overridden), ``context_managers``,
    ``during_task``, ``scan_id_source``, ``md_validator``. Three private attributes are touched:
    ``_blocking_event`` is replaced, with simulated time only, because ``__call__`` blocks on it and
    the calling thread must be able to park; ``_abort_coro`` is called for the same reason, because the
    loop may be waiting for simulated time while ``abort`` blocks; ``_th``, the loop's thread, is joined
    by `close`.

    Args:
        clock: the lab's.
        md: what every start document of this station carries.
        scan_ids: returns the next scan_id, given that; shared by all engines of the laboratory.
        journal: subscribed first, so that nothing goes on before it is written down.
        interactive: a person sits at the prompt: Ctrl-C pauses, and exceptions are shown.
    """

    def __init__(
        self,
        clock: Clock,
        md: Mapping[str, Any],
        scan_ids: Callable[[Mapping[str, Any]], int],
        journal: Callable[[str, dict[str, Any]], None],
        *,
        interactive: bool = False,
    ) -> None:
        self.clock = clock
        self.abort_reason = ""
        fast_validation()
        super().__init__(
            dict(md),
            loop=clock.new_event_loop(),
            context_managers=None if interactive else [],
            during_task=DuringTask(),
            scan_id_source=scan_ids,
            md_validator=check_start,
            call_returns_result=True,
        )
        if not interactive:
            self.log.setLevel(logging.CRITICAL)  # failures are in the stop document and in the station's result
        if clock.virtual:
            self._blocking_event = clock.make_event()
        self.subscribe(journal)

    @override
    def emit_sync(self, name: DocumentNames, doc: dict[str, Any]) -> None:
        """Stamp a document on the lab clock (event-model asks the operating system) and send it out."""
        if self.clock.virtual and "time" in doc and name is not DocumentNames.event_page:
            doc["time"] = self.clock.time()
            if "interruption" in doc.get("timestamps", ()):
                doc["timestamps"]["interruption"] = doc["time"]
        if name is DocumentNames.stop and doc["exit_status"] == "abort" and self.abort_reason:
            doc["reason"] = self.abort_reason
        super().emit_sync(name, doc)

    @override
    def abort(self, reason: str = "") -> Any:
        """End the plan in progress by way of its clean-up; the caller waits on the lab clock.

        Raises:
            TransitionError: nothing runs.
        """
        if not self.clock.virtual or self.state == "paused":
            return super().abort(reason)
        done = self.clock.make_event()
        aborting = asyncio.run_coroutine_threadsafe(self._abort_coro(reason), self.loop)
        aborting.add_done_callback(lambda _: done.set())
        done.wait()
        return aborting.result()

    def close(self) -> None:
        """End the loop and its thread; again does nothing."""
        if self.loop.is_closed():
            return
        self.loop.call_soon_threadsafe(self.loop.stop)
        with self.clock.outside():
            self._th.join(_JOIN_LIMIT_S)
        if not self._th.is_alive():
            self.loop.close()
