"""How far recorded values can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from labctl.store import RecordedRun, Stream

UNCALIBRATED = "uncalibrated"
KINDS = ("out of range", "stuck", UNCALIBRATED, "clock jump", "gap", "saturated", "missing")
"""What is found automatically; people may give any kind."""
QUALITIES = ("good", "suspect", "bad")
"""From the best to the worst."""
AUTOMATIC = "labctl"
"""Who sets what is found automatically."""
_STUCK_ROWS = 30
_GAP_PERIODS = 3.0
_JUMP_S = 1.0


@dataclass(frozen=True)
class Flag:
    """A reason to doubt a run, a stream or a value; nothing is ever deleted for it."""

    kind: str
    quality: str
    """``suspect`` or ``bad``."""
    stream: str = ""
    """Empty for the whole run."""
    key: str = ""
    """Data key; empty for the whole stream."""
    detail: str = ""
    by: str = AUTOMATIC
    """Who set it."""


def automatic_flags(run: RecordedRun) -> tuple[Flag, ...]:
    """Return what can be told from a run's documents alone."""
    flags = [flag for stream in run.streams.values() for flag in _of_stream(run, stream)]
    return (*_calibration(run), *flags)


def quality_of(flags: tuple[Flag, ...]) -> str:
    """Return the worst quality among flags; ``good`` without any."""
    return max((flag.quality for flag in flags), key=QUALITIES.index, default="good")


def _of_stream(run: RecordedRun, stream: Stream) -> Iterator[Flag]:
    times = stream.times
    if np.any(np.diff(times) < 0):
        yield Flag("clock jump", "suspect", stream.name, detail="times do not rise")
    elif len(times) and stream.name != "baseline" and (times[0] < run.start["time"] - _JUMP_S):
        yield Flag("clock jump", "suspect", stream.name, detail="begins before its run")
    period = run.start.get("parameters", {}).get("monitor_period")
    if stream.name == "process" and period and len(times) > 1:
        longest = float(np.max(np.diff(times)))
        if longest > _GAP_PERIODS * period:
            yield Flag("gap", "suspect", stream.name, detail=f"{longest:.0f} s without a reading, {period:g} s asked")
    for key, column in stream.columns.items():
        if column.dtype.kind in "fiu" and column.ndim == 1 and len(column):
            yield from _of_column(stream, key, column.astype(float))


def _of_column(stream: Stream, key: str, column: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Iterator[Flag]:
    about = stream.description.get(key, {})
    if stream.name == "baseline" and np.any(np.isnan(column)):  # an ambient sensor that did not answer
        yield Flag("missing", "suspect", stream.name, key, f"{int(np.sum(np.isnan(column)))} of {len(column)} readings")
    elif np.any(~np.isfinite(column)):
        yield Flag("out of range", "bad", stream.name, key, "not a number")
    low, high = about.get("lower_range"), about.get("upper_range")
    if low is not None and high is not None and np.any((column <= low) | (column >= high)):
        yield Flag("out of range", "bad", stream.name, key, f"at or beyond the ends of {low:g}..{high:g}")
    is_taken = stream.name != "baseline"  # before a run a meter still shows the reading of another sample
    if about.get("saturates") and is_taken and np.any(column != 0):
        yield Flag("saturated", "bad", stream.name, key, f"in {int(np.sum(column != 0))} of {len(column)} readings")
    setpoint = str(about.get("setpoint", ""))
    if setpoint in stream.columns and len(column) >= _STUCK_ROWS:
        asked = stream.columns[setpoint].astype(float)
        for begin in range(0, len(column) - _STUCK_ROWS + 1, _STUCK_ROWS // 2):
            part = slice(begin, begin + _STUCK_ROWS)
            moved = np.ptp(asked[part]) > float(about.get("tolerance", 0.0))
            if moved and np.ptp(column[part]) == 0.0:
                yield Flag("stuck", "bad", stream.name, key, f"{_STUCK_ROWS} equal readings while the set point moved")
                return


def _calibration(run: RecordedRun) -> Iterator[Flag]:
    baseline = run.streams.get("baseline")
    if baseline is None:
        return
    day = str(np.datetime64(int(run.start["time"]), "s").astype("datetime64[D]"))
    for device, configuration in baseline.configuration.items():
        done, due = (str(configuration.get(f"{device}_calibration_{name}", "")) for name in ("date", "due"))
        if due and due < day:
            yield Flag(UNCALIBRATED, "suspect", key=device, detail=f"calibration was due on {due}")
        if done > day:
            yield Flag(UNCALIBRATED, "suspect", key=device, detail=f"calibration was done later, on {done}")
