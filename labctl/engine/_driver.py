"""The thread that drives a station's engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bluesky.utils import RunEngineInterrupted, TransitionError

from labctl.clock import Clock, ClockQueue
from labctl.engine._run_engine import LabRunEngine
from labctl.errors import ClockClosed
from labctl.log import about

logger = logging.getLogger("labctl.engine")


@dataclass(frozen=True)
class OperationRequest:
    """One operation for one load of samples: one plan, one run."""

    id: str
    kind: str
    samples: tuple[str, ...]
    make_plan: Callable[[], Any]
    """Returns the Bluesky plan; called on the station's thread."""
    md: Mapping[str, Any] = field(default_factory=dict)
    """Of the run; in place of the engine's own, where both say something."""


@dataclass(frozen=True)
class OperationResult:
    """How an operation ended."""

    status: str
    """``success``, ``fail`` or ``abort``, as in the stop document."""
    reason: str = ""
    run_uid: str = ""
    """Empty when no run was opened."""


class StationDriver:
    """Runs operations one after another on a thread of its own.

    `abort` may be called from any thread but the engine's own loop.
    """

    def __init__(self, name: str, clock: Clock, engine: LabRunEngine) -> None:
        self.name, self.clock, self.engine = name, clock, engine
        self.current: OperationRequest | None = None
        self.on_failed: Callable[[OperationRequest, OperationResult], object] = lambda request, result: None
        """Called on the station's thread with an operation that failed or was aborted, before `on_done`."""
        self._inbox: ClockQueue[tuple[OperationRequest, Callable[[OperationResult], None]] | None] = ClockQueue(clock)
        self._start: Mapping[str, Any] = {}
        self._stop: Mapping[str, Any] = {}
        self._about: dict[str, Any] = {}
        self._md = dict(engine.md)
        engine.subscribe(self._keep, "start")
        engine.subscribe(self._keep, "stop")
        self.thread = clock.spawn(self._run, f"station-{name}")

    def submit(self, request: OperationRequest, on_done: Callable[[OperationResult], None]) -> None:
        """Queue an operation; `on_done` is called on the station's thread."""
        self._inbox.put((request, on_done))

    def close(self) -> None:
        """End the thread after what is queued, and the engine's loop."""
        self._inbox.put(None)

    def join(self, limit_s: float) -> None:
        """Wait at most `limit_s` real seconds for the thread's end; not from a participant of the clock."""
        self.thread.join(limit_s)

    def abort(self, reason: str) -> bool:
        """Abort the operation in progress and return when it is safe; False when there was none."""
        if self.current is None:
            return False
        self.engine.abort_reason = reason
        try:
            self.engine.abort(reason)
        except (TransitionError, RunEngineInterrupted):
            return False  # idle already, or on its way down
        return True

    def _run(self) -> None:
        while (job := self._inbox.get()) is not None:
            request, on_done = job
            self.current, self._start, self._stop = request, {}, {}
            with about(
                campaign=request.md.get("campaign", ""), station=self.name, samples=request.samples
            ) as self._about:
                with self.clock.flow():
                    result = self._log_and_execute(request)
                if result.status != "success":
                    self.on_failed(request, result)
            self.current = None
            on_done(result)
        self.engine.close()

    def _log_and_execute(self, request: OperationRequest) -> OperationResult:
        operation = {"operation": request.kind, "operation_id": request.id}
        logger.info("operation began", extra=operation)
        result = self._execute(request)
        level = logging.INFO if result.status == "success" else logging.WARNING
        logger.log(level, "operation ended", extra={**operation, "status": result.status, "reason": result.reason})
        return result

    def _execute(self, request: OperationRequest) -> OperationResult:
        self.engine.abort_reason = ""
        self.engine.md = {**self._md, **request.md}
        try:
            self.engine(request.make_plan())
        except ClockClosed:
            raise
        except Exception as error:  # noqa: BLE001  a plan may raise anything; the station must live on
            if not self._stop:
                return OperationResult("fail", f"{type(error).__name__}: {error}", self._start.get("uid", ""))
        status = self._stop.get("exit_status", "fail")
        return OperationResult(status, self._stop.get("reason", "no run was recorded"), self._start.get("uid", ""))

    def _keep(self, name: str, document: Mapping[str, Any]) -> None:
        if name == "start":
            self._start = document
            self._about.update(run_uid=document["uid"], trials=document.get("trials", ()))
        else:
            self._stop = document
