"""What somebody who watches a campaign sees."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from labctl.campaign import Campaign
from labctl.clock import RealClock

_PERIOD_S = 0.5


def clock_text(seconds: float) -> str:
    """Return hours, minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


class Progress:
    """Draws the state of a campaign; it only looks, so any thread may do it.

    Args:
        campaigns: that run, in one laboratory.
        began: real monotonic time of their start [s].
    """

    def __init__(self, campaigns: Sequence[Campaign], began: float) -> None:
        self._campaigns, self._began = campaigns, began
        self._n_told = [0] * len(campaigns)

    def __rich__(self) -> Group:
        """Return the whole picture."""
        floor = self._campaigns[0].floor
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("station", "state", "operation", "samples"):
            table.add_column(column)
        for name, driver in floor.drivers.items():
            port, work = floor.dispatcher.ports.get(name), driver.current
            state = port.state if port is not None else "busy" if work else "free"
            table.add_row(name, state, work.kind if work else "", ", ".join(work.samples) if work else "")
        return Group(*(Text(self._title(campaign) + self.line(campaign)) for campaign in self._campaigns), table)

    def line(self, campaign: Campaign) -> str:
        """Return a campaign's trials, times and the best so far in one line."""
        n, budget = len(campaign.outcomes) + len(campaign.lost), campaign.checked.file.budget.trials
        text = (
            f"{n}/{budget} trials  lab {clock_text(campaign.lab_s)}  real {clock_text(time.monotonic() - self._began)}"
        )
        if campaign.best is not None:
            name, value = next(iter(campaign.best.objectives.items()))
            text += f"  best {name} {value:.5g} ({campaign.best.trial})"
        return text

    def news(self) -> list[str]:
        """Return a line for each trial that ended since the last call."""
        lines = []
        for number, campaign in enumerate(self._campaigns):
            ended = campaign.outcomes[self._n_told[number] :]
            self._n_told[number] += len(ended)
            for outcome in ended:
                figures = ", ".join(f"{name} {value:.5g}" for name, value in outcome.objectives.items())
                lines.append(f"{self._title(campaign)}{outcome.trial} {outcome.status}  {figures or outcome.reason}")
        return lines

    def _title(self, campaign: Campaign) -> str:
        return f"{campaign.name}  " if len(self._campaigns) > 1 else ""


@contextmanager
def watched(progress: Progress, console: Console) -> Iterator[None]:
    """Show progress while the body runs: a live picture on a terminal, a line for each trial elsewhere."""
    ended = Event()

    def tell() -> None:
        while not ended.wait(_PERIOD_S):
            for line in progress.news():
                console.print(line)

    if console.is_terminal:
        with Live(progress, console=console, refresh_per_second=1 / _PERIOD_S, transient=True):
            yield
        return
    thread = RealClock().spawn(tell, "progress")
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for line in progress.news():
            console.print(line)
