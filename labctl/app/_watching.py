"""What is looked after while campaigns run, besides interlocks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.campaign import Floor
from labctl.safety import Progress, Watchdogs


@contextmanager
def watched_over(floor: Floor) -> Iterator[None]:
    """Look after instruments, plans and this computer while the body runs; raises StoreError."""
    progress: dict[str, Progress] = {}
    dogs = _dogs(floor, progress)
    dogs.start()

    def more() -> None:
        nonlocal dogs
        dogs.stop()
        dogs = _dogs(floor, progress)
        dogs.start()

    floor.on_taken_in.append(more)
    try:
        yield
    finally:
        dogs.stop()


def _dogs(floor: Floor, progress: dict[str, Progress]) -> Watchdogs:
    """Return watchdogs for all that is there; `progress` follows the runs of each station."""
    durations, stores = floor.dispatcher.durations, [member.store for member in floor.members.values()]
    for name, driver in floor.drivers.items():
        if name not in progress:
            estimate = functools.partial(durations.of_run_s, floor.lab.stations[name])
            progress[name] = Progress(floor.lab.clock, estimate)
            driver.engine.subscribe(progress[name])
    return Watchdogs(floor.responder, floor.directory, progress, lambda: sum(store.n_waiting for store in stores))
