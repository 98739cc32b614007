"""Campaigns that share a laboratory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.campaign._ending import Ending
from labctl.campaign._taking_up import ask_instruments, take_up
from labctl.clock import together
from labctl.errors import ClockClosed, ClockStalled

if TYPE_CHECKING:
    from labctl.campaign._campaign import Campaign


def run_side_by_side(campaigns: Sequence[Campaign]) -> list[Ending | Exception]:
    """Run campaigns on the floor that they joined, each to its own end.

    One that ends, is stopped or fails leaves the others at work. Of campaigns that are taken up again those go on that
    had not ended; where all had, all do.

    Args:
        campaigns: of one floor; at least one.

    Returns:
        How each ended, or what it failed by; everything is in its safe state then, also when this raises.

    Raises:
        LabError: an instrument does not answer as it should; nothing was moved.
        StoreError: a decision cannot be written down.
    """
    floor = campaigns[0].floor
    clock = floor.lab.clock
    n_closed = sum(bool(each.before.closed) for each in campaigns)
    for each in campaigns:
        each.rests = bool(each.before.closed) and n_closed < len(campaigns)
        if each.rests:
            floor.working.discard(each.name)
    try:
        with clock.held(), clock.flow():
            interrupted = [each for each in campaigns if each.before.points]
            mute = ask_instruments(floor.lab, taken_up=bool(interrupted))
            floor.watch()
            try:
                if interrupted:
                    take_up(floor, interrupted, mute)
            except (ClockClosed, ClockStalled):
                raise  # simulated time is over, and with it whatever was on
            except BaseException as error:
                floor.abandon(error)
                raise
            return together(clock, [each.work for each in campaigns], "campaign")
    finally:
        floor.close()
