"""What people do to a campaign that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from labctl.campaign._approvals import Approvals, Refusal
from labctl.campaign._decisions import APPROVED, EXTENDED, HELD, PAUSED, REFUSED, RELEASED, RESUMED, RETIRED
from labctl.campaign._floor import Floor, Member
from labctl.dispatch import OPERATOR
from labctl.errors import RegistryError
from labctl.lab import LabFile, extend_lab

NOBODY = "nobody"
"""Who refuses what no person answered."""
Places: TypeAlias = Mapping[str, str]
"""Rack place of each sample."""


@dataclass(frozen=True)
class Making:
    """What a campaign does with suggestions on behalf of people."""

    submit: Callable[[Mapping[str, Any]], None]
    """Has one made."""
    add: Callable[[Mapping[str, Any], str, str], str]
    """Has a person's recipe made, a point of the space by somebody for a reason; returns its trial."""
    take_back: Callable[[str, Callable[[Places | str], None]], None]
    """Stops the making of one to which nothing was done yet; says, later and on the campaign's thread, the places of
    those that wait like it, or why it cannot be stopped."""
    forgo: Callable[[str], None]
    """Counts one as never made."""


class Operator:
    """People at a campaign, each by a name. What they do is on the disk before it is done, and in the runs it touches.

    Everything is called on the campaign's thread: see `Campaign.tell`.

    Args:
        floor: whose stations are held, released and recorded.
        campaign: the campaign.
        approvals: of the campaign.
        making: of its samples.
    """

    def __init__(self, floor: Floor, campaign: Member, approvals: Approvals, making: Making) -> None:
        self._floor, self._campaign, self._approvals = floor, campaign, approvals
        self._dispatcher, self._decisions = floor.dispatcher, campaign.decisions
        self._making = making

    def pause(self, by: str) -> None:
        """Start nothing new until `resume`, also after a restart; what runs, ends."""
        self._decisions.write(PAUSED, reason=f"by {by}")
        self._dispatcher.pause(self._campaign.name, f"by {by}")
        self._intervened(f"campaign paused by {by}", by)

    def resume(self, by: str) -> None:
        """Start operations again."""
        self._decisions.write(RESUMED, reason=f"by {by}")
        self._dispatcher.resume(self._campaign.name)
        self._intervened(f"campaign resumed by {by}", by)

    def hold(self, station: str, by: str, reason: str = "") -> None:
        """Let a station begin nothing new until `release`, also after a restart."""
        why = f"held by {by}{reason and ': '}{reason}"
        self._floor.decide(HELD, station=station, reason=why)
        self._dispatcher.hold(station, OPERATOR, why)
        self._intervened(f"{station} {why}", by, station)

    def retire(self, station: str, by: str, reason: str = "") -> None:
        """Use a station no more until `release`: what is in it is finished, and other samples go elsewhere."""
        why = f"taken out of service by {by}{reason and ': '}{reason}"
        self._floor.decide(RETIRED, station=station, reason=why)
        self._dispatcher.retire(station, why)
        self._intervened(f"{station} {why}", by, station)

    def release(self, station: str, by: str) -> None:
        """Use a station again that was held or in quarantine; samples that ended in it were taken out."""
        self._floor.decide(RELEASED, station=station, reason=f"released by {by}")
        self._dispatcher.let_go(station, OPERATOR)
        self._dispatcher.restore(station)
        self._intervened(f"{station} released by {by}", by, station)

    def extend(self, file: LabFile, keep: Callable[[], None], by: str) -> str:
        """Use the stations that a lab file newly names; return their names.

        Args:
            file: checked, without `extension_problems`.
            keep: puts it in the place of the one before, wherever that is kept.
            by: who says so.

        Raises:
            LabError: a new instrument does not answer as it should; nothing was changed.
            StoreError: it cannot be written down.
        """
        stations = extend_lab(self._floor.lab, self._floor.file, file, self._floor.schemas)
        names = ", ".join(station.name for station in stations)
        keep()
        self._floor.decide(EXTENDED, stations=[station.name for station in stations], reason=f"by {by}")
        self._floor.take_in(stations, file)
        self._intervened(f"{names} taken in by {by}", by)
        return names

    def answer(self, station: str, verdict: str, by: str) -> None:
        """Say what is done at a station that waits for a person after a failure."""
        self._intervened(f"{station}: {by} decided to {verdict}", by, station)
        self._dispatcher.answer(station, verdict)

    def approve(self, trial: str, by: str) -> None:
        """Have a suggestion made that waits for a person; raises KeyError when it does not."""
        point = self._approvals.take(trial)
        self._decisions.write(APPROVED, trial=trial, by=by, reason="")
        self._making.submit(point)
        self._intervened(f"{trial} approved by {by}", by, trial=trial)

    def refuse(self, trial: str, by: str, reason: str, answer: Callable[[str], None] = lambda why_not: None) -> None:
        """Have a suggestion never made that waits for a person, or to which nothing was done yet.

        It does not count in the budget, and the optimizer does not ask for it again.

        Args:
            trial: of the suggestion.
            by: who refuses it.
            reason: why.
            answer: called with an empty text when it is refused, or with why it cannot be any more.

        Raises:
            RegistryError: there is no such trial, it was refused or ended before, or there is no reason.
        """
        if not reason.strip():
            raise RegistryError(f"{trial} is not refused without a reason")

        def taken_back(found: Places | str) -> None:
            if isinstance(found, str):
                answer(found)
                return
            self._refused(trial, by, reason, found)
            answer("")

        if trial not in self._approvals.pending:
            self._making.take_back(trial, taken_back)
            return
        self._approvals.take(trial)
        taken_back({})

    def _refused(self, trial: str, by: str, reason: str, places: Places) -> None:
        refusal = Refusal(by, reason, self._floor.lab.clock.time())
        more = {"places": dict(places)} if places else {}
        self._decisions.write(REFUSED, trial=trial, by=by, reason=reason, time=refusal.time, **more)
        self._making.forgo(trial)
        self._approvals.refused[trial] = refusal
        self._intervened(f"{trial} {refusal.text}", by, trial=trial)

    def suggest(self, point: Mapping[str, Any], by: str, reason: str) -> str:
        """Have a person's recipe made beside those of the optimizer, which learns from it; return its trial.

        Args:
            point: values of all parameters, with the row where the space is a table.
            by: who suggests it.
            reason: why.

        Raises:
            RegistryError: it cannot be made, or nothing more is made.
        """
        trial = self._making.add(point, by, reason)
        self._intervened(f"{trial} suggested by {by}{reason and ': '}{reason}", by, trial=trial)
        return trial

    def acknowledge(self, name: str, by: str, note: str = "") -> None:
        """Take note of an alarm; raises RegistryError when there is none of this name."""
        self._floor.board.acknowledge(name, by, note)
        self._intervened(f"{name} acknowledged by {by}{note and ': '}{note}", by)

    def note(self, text: str, by: str, station: str = "") -> None:
        """Record what a person says in the runs that are under way, or in the next; of all stations or of one."""
        self._record("note", text, by, station)

    def _intervened(self, text: str, by: str, station: str = "", trial: str = "") -> None:
        self._record("intervention", text, by, station)
        self._campaign.happened("intervention", text, station=station, trial=trial)

    def _record(self, kind: str, text: str, by: str, station: str) -> None:
        for name in [station] if station else self._stations():
            events = self._floor.lab.stations[name].events
            if events is not None:
                events.tell(kind, text, source=by)

    def _stations(self) -> list[str]:
        """Return the stations in whose runs it is written what concerns the campaign alone."""
        if len(self._floor.members) == 1:
            return list(self._floor.drivers)
        working = {name: driver.current for name, driver in self._floor.drivers.items()}
        mine = self._campaign.name
        return [name for name, work in working.items() if work is not None and work.md.get("campaign") == mine]
