"""A log as JSON lines: what happened, and which part of the laboratory's work it belongs to.

Anything under the logger ``labctl`` goes into it. A line's context is carried beside the text, never in it: from
`about`, which holds for all that is logged while its body runs, and from the ``extra`` of a single call.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from labctl.clock import Clock

__all__ = ["LARGEST_BYTES", "N_KEPT", "JsonLines", "about", "json_log"]

LARGEST_BYTES = 10_000_000
"""Size at which a log file is put aside and a new one begun."""
N_KEPT = 5
"""How many files that were put aside are kept; the oldest goes."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_ABOUT: ContextVar[Mapping[str, Any]] = ContextVar("labctl-about", default=_NOTHING)
_NO_EXTRA = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}


@contextmanager
def about(**fields: Any) -> Iterator[dict[str, Any]]:
    """Say what everything that is logged while the body runs belongs to, besides what was said already.

    It holds for the thread that enters it, and for a RunEngine that this thread starts meanwhile.

    Args:
        fields: ``campaign``, ``trials``, ``samples``, ``station``, ``run_uid``...; an empty one says nothing.

    Yields:
        The fields that hold; one that is known only later may be added.
    """
    held = {**_ABOUT.get(), **fields}
    token = _ABOUT.set(held)
    try:
        yield held
    finally:
        _ABOUT.reset(token)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, context, and the text where it says more than the event.

    ``event`` is the call's own ``extra={"event": ...}``, or the text before its arguments were put in, so that lines
    of one kind have one event.

    Args:
        clock: the laboratory's; ``time`` is told by it. Where it is virtual, ``written`` has the wall clock's.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        line: dict[str, Any] = {"time": _moment(self._clock.time()), "level": record.levelname.lower()}
        if self._clock.virtual:
            line["written"] = _moment(record.created)
        extra = {key: value for key, value in record.__dict__.items() if key not in _NO_EXTRA}
        line |= {"event": extra.pop("event", record.msg), "logger": record.name}
        line |= {key: value for key, value in {**_ABOUT.get(), **extra}.items() if value not in ("", None, [], ())}
        if text != line["event"]:
            line["message"] = text
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class _LogFile(RotatingFileHandler):
    """A log that cannot be written says so once, and stops nothing."""

    _told = False

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        if not self._told:
            self._told = True
            sys.stderr.write(f"{self.baseFilename} cannot be written: {sys.exc_info()[1]}\n")


@contextmanager
def json_log(path: Path, clock: Clock) -> Iterator[None]:
    """Append everything of the logger ``labctl`` from INFO on to a file while the body runs.

    Args:
        path: of the file; one that has grown to `LARGEST_BYTES` becomes ``path.1``, and so on up to `N_KEPT`.
        clock: the laboratory's.
    """
    handler = _LogFile(path, maxBytes=LARGEST_BYTES, backupCount=N_KEPT, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(JsonLines(clock))
    logger = logging.getLogger("labctl")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        with suppress(OSError):  # a full disk, which was told of
            handler.close()


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
