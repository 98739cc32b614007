"""What is looked after while a campaign runs, besides its interlocks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.campaign import Floor
from labctl.safety import Progress, Watchdogs


@contextmanager
def watched_over(floor: Floor) -> Iterator[None]:
    """Look after instruments, plans and this computer while the body runs; raises StoreError."""
    durations, stations = floor.dispatcher.durations, floor.lab.stations
    progress = {
        name: Progress(floor.lab.clock, functools.partial(durations.of_run_s, stations[name])) for name in floor.drivers
    }
    for name, driver in floor.drivers.items():
        driver.engine.subscribe(progress[name])
    stores = [member.store for member in floor.members.values()]
    dogs = Watchdogs(floor.responder, floor.directory, progress, lambda: sum(store.n_waiting for store in stores))
    dogs.start()
    try:
        yield
    finally:
        dogs.stop()
