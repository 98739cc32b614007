"""What is looked after while a campaign runs, besides its interlocks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.campaign import Campaign
from labctl.safety import Progress, Watchdogs


@contextmanager
def watched_over(campaign: Campaign) -> Iterator[None]:
    """Look after instruments, plans and this computer while the body runs; raises StoreError."""
    durations, stations = campaign.dispatcher.durations, campaign.lab.stations
    progress = {
        name: Progress(campaign.lab.clock, functools.partial(durations.of_run_s, stations[name]))
        for name in campaign.drivers
    }
    for name, driver in campaign.drivers.items():
        driver.engine.subscribe(progress[name])
    dogs = Watchdogs(campaign.responder, campaign.store.directory, progress, lambda: campaign.store.n_waiting)
    dogs.start()
    try:
        yield
    finally:
        dogs.stop()
