"""Several calls at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from labctl.clock._clock import Clock, EventLike
from labctl.errors import ClockClosed

T = TypeVar("T")


def together(clock: Clock, calls: Sequence[Callable[[], T]], name: str) -> list[T | Exception]:
    """Make all calls at once, each on a thread of its own; return what each returned or raised when all have ended.

    Args:
        clock: the lab's.
        calls: a single one is made on the calling thread.
        name: of the threads.

    Raises:
        ClockClosed: the laboratory was closed meanwhile.
    """
    if len(calls) == 1:
        return [_outcome(calls[0])]
    outcomes: list[T | Exception] = [ClockClosed("the laboratory was closed")] * len(calls)

    def start(index: int) -> EventLike:
        done = clock.make_event()

        def run() -> None:
            try:
                outcomes[index] = _outcome(calls[index])
            finally:
                done.set()

        clock.spawn(run, f"{name}-{index + 1}")
        return done

    for done in [start(index) for index in range(len(calls))]:
        done.wait()
    return outcomes


def _outcome(call: Callable[[], T]) -> T | Exception:
    try:
        return call()
    except ClockClosed:
        raise
    except Exception as error:  # noqa: BLE001  whatever one of them raises, the others count as well
        return error
