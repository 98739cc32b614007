"""Taking up campaigns that were interrupted: what stations say, and what the records do not tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from labctl.campaign._floor import Floor
from labctl.campaign._resumption import settle
from labctl.dispatch import Interrupted
from labctl.errors import LabError
from labctl.lab import Lab

if TYPE_CHECKING:
    from labctl.campaign._campaign import Campaign


def ask_instruments(lab: Lab, *, taken_up: bool) -> dict[str, str]:
    """Return why each station cannot be used whose instruments do not answer as they should.

    At the beginning that is an error, for a person is there to mend it. A campaign that is taken up again goes on with
    the stations that are left.

    Raises:
        LabError: an instrument does not answer as it should; nothing was moved.
    """
    wrong = {name: str(answer) for name, answer in lab.connect().items() if isinstance(answer, LabError)}
    stations = {
        name: "; ".join(wrong[device.name] for device in station.devices if device.name in wrong)
        for name, station in lab.stations.items()
    }
    mute = {name: reason for name, reason in stations.items() if reason}
    spread = {device.name for name in mute for device in lab.stations[name].devices}
    if wrong and (not taken_up or lab.mover in mute or not set(wrong) <= spread):
        raise LabError("\n".join(wrong.values()))
    return mute


def take_up(floor: Floor, campaigns: Sequence[Campaign], mute: dict[str, str]) -> None:
    """Find out what became of operations whose end nobody saw, and hand every sample to the dispatcher.

    A station that does not answer is asked again for a time, unless what it did is in doubt.

    Args:
        floor: of the campaigns.
        campaigns: that were interrupted, also those of which only samples are left.
        mute: why stations do not answer, by name.

    Raises:
        LabError: an instrument does not answer.
        StoreError: a decision cannot be written.
    """
    loads = {
        each.name: settle(each.before, floor.lab, floor.plans, each.on_unknown, each.decisions, set(mute))
        for each in campaigns
    }
    held = {station: reason for each in campaigns for station, reason in each.before.held.items()}
    for station, reason in held.items():
        floor.happened("wait", f"{station} is held: {reason}", station=station)
    doubtful = {station for each in campaigns for station in each.before.in_doubt(each.on_unknown)}
    for station in [name for name in mute if name not in doubtful]:
        floor.happened("wait", f"{station} does not answer yet: {mute[station]}", station=station)
        floor.awaiting.hold(station, mute.pop(station))
    for station, reason in mute.items():
        floor.silent(station, reason)
    interrupted = []
    for each in campaigns:
        before, own = each.before, loads[each.name]
        for load in [load for load in own if load.station in mute]:
            for traveller in [traveller for traveller in load.travellers if not traveller.ended]:
                reason = f"{load.station} does not answer after the restart: {mute[load.station]}"
                traveller.status, traveller.reason = "failed", reason
        own = [replace(load, state="quarantined") if load.station in mute else load for load in own]
        if before.paused:
            floor.dispatcher.pause(each.name, before.paused)
        clock = floor.lab.clock
        for traveller in before.travellers.values():
            since = before.begun.get(traveller.sample, clock.time())
            traveller.deadline = each.deadline(clock.monotonic() - max(0.0, clock.time() - since))
        travellers, out_of_service = list(before.travellers.values()), {**before.out_of_service, **mute}
        interrupted.append(Interrupted(travellers, own, before.n_operations, before.held, out_of_service))
    floor.dispatcher.adopt(interrupted)
    for each in campaigns:
        for traveller in each.before.travellers.values():
            if traveller.status == "failed" and traveller.trial not in each.before.ended:
                each.take(traveller)
