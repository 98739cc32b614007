"""What a running campaign tells people, and what it keeps when an operation fails."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from labctl.app._leaving import STOPPING
from labctl.campaign import Campaign, Ending, Happening
from labctl.engine import OperationRequest, OperationResult
from labctl.errors import FileError, StoreError
from labctl.lab import LabFile
from labctl.notices import About, DailySummary, Kind, Notice, Notifier, Severity, address_problems

logger = logging.getLogger("labctl.app")

NOTICES: Mapping[str, tuple[Kind, Severity]] = {
    "alarm": ("alarm", "critical"),
    "quarantine": ("failure", "critical"),
    "wait": ("wait", "warning"),
    "stopping": ("failure", "critical"),
}
"""Kind and severity of the notice about each kind of happening that people are told at once; a failed operation is
told by its station."""
SUBJECTS = {
    "alarm": "{}",
    "quarantine": "{} is in quarantine",
    "wait": "{} waits for a person",
    "stopping": "{} cannot go on",
}
LOG, UNDELIVERED = "log.jsonl", "undelivered.jsonl"
"""Files of a store: what happened, and what nobody was told."""


@contextmanager
def telling(campaign: Campaign) -> Iterator[None]:
    """Tell people about a campaign while the body runs, also when it ends or breaks off."""
    entry, clock, out = campaign.checked.lab.notices, campaign.lab.clock, campaign.store.directory
    simulated = campaign.checked.lab.is_simulated
    with Notifier(entry, campaign.lab.name, simulated=simulated, undelivered=out / UNDELIVERED) as notifier:
        campaign.on_failed = partial(_failed, campaign, notifier.tell)
        campaign.on_happening = partial(_happened, campaign, notifier.tell)
        summary = None
        if entry is not None and entry.summary_at and notifier.targets:
            make = partial(summary_notice, campaign)
            summary = DailySummary(entry.summary_at, entry.zone, make, notifier.tell, clock)
        try:
            yield
        except BaseException as error:
            if campaign.ending is None:
                about = About(campaign.checked.file.campaign)
                text = f"{type(error).__name__}: {error}"
                notifier.tell(Notice("failure", "critical", "the campaign broke off", clock.time(), text, about))
            raise
        finally:
            if summary is not None:
                summary.close()


def require_addresses(path: Path, lab: LabFile) -> None:
    """Make sure that everybody who is to be told can be.

    Raises:
        FileError: an address is missing on this computer, or of no use.
    """
    if lab.notices is not None and (problems := address_problems(lab.notices, simulated=lab.is_simulated)):
        raise FileError(str(path), problems)


def _failed(
    campaign: Campaign,
    tell: Callable[[Notice], None],
    station: str,
    request: OperationRequest,
    result: OperationResult,
) -> None:
    """Keep the station's wire log with the run, and tell people."""
    if result.run_uid:
        try:
            kept = campaign.store.keep_wire_log(result.run_uid, campaign.lab.stations[station].exchanges())
            logger.info("wire log kept", extra={"file": str(kept.relative_to(campaign.store.directory))})
        except StoreError as error:
            logger.error("wire log lost", extra={"reason": str(error)})
    about = About(campaign.checked.file.campaign, (), request.samples, station, result.run_uid)
    subject = f"{request.kind} on {station} {'was aborted' if result.status == 'abort' else 'failed'}"
    tell(Notice("failure", "warning", subject, campaign.lab.clock.time(), result.reason, about))


def _happened(campaign: Campaign, tell: Callable[[Notice], None], happening: Happening) -> None:
    """Log what happens in a campaign, and tell people what they have to know now."""
    about = _about(happening, campaign.checked.file.campaign)
    logger.info(happening.kind, extra={"text": happening.text, **about.fields()})
    if happening.kind == "finished" and campaign.ending is not None:
        tell(ending_notice(campaign, campaign.ending))
        return
    notice = happening_notice(happening, campaign.checked.file.campaign, campaign.lab.clock.time())
    if notice is not None:
        tell(notice)


def happening_notice(happening: Happening, campaign: str, time: float) -> Notice | None:
    """Return what people are told of something that happens in a campaign; None when it is for the log alone.

    Args:
        happening: in the campaign.
        campaign: its name.
        time: of day, on the lab's clock [s since 1970-01-01 UTC].
    """
    if happening.kind not in NOTICES:
        return None
    kind, severity = NOTICES[happening.kind]
    if happening.kind == "alarm" and happening.severity != "alarm":
        severity = "warning"
    # An alarm has a name of its own: two at one station are not alike.
    where = happening.alarm or happening.station or happening.trial or campaign
    subject = SUBJECTS[happening.kind].format(where)
    return Notice(kind, severity, subject, time, happening.text, _about(happening, campaign))


def _about(happening: Happening, campaign: str) -> About:
    trials = (happening.trial,) if happening.trial else ()
    return About(campaign, trials, happening.samples, happening.station, happening.run)


def ending_notice(campaign: Campaign, ending: Ending) -> Notice:
    """Return what people are told at the end."""
    file = campaign.checked.file
    subject = f"{file.campaign} ended: {' '.join(ending.reason.split())}"
    lines = [state_text(campaign), *(f"{name} lies at {place}" for name, place in ending.whereabouts.items())]
    told = campaign.lab.clock.time(), "\n".join(lines), About(file.campaign)
    if not ending.reason.startswith("stopped") or ending.reason.endswith(STOPPING[signal.SIGINT]):
        return Notice("finished", "info", subject, *told)
    from_outside = any(ending.reason.endswith(name) for name in STOPPING.values())
    return Notice("failure", "warning" if from_outside else "critical", subject, *told)


def summary_notice(campaign: Campaign) -> Notice:
    """Return the state of a running campaign; it only looks, so any thread may ask."""
    name = campaign.checked.file.campaign
    return Notice("summary", "info", f"{name} goes on", campaign.lab.clock.time(), state_text(campaign), About(name))


def state_text(campaign: Campaign) -> str:
    """Return how many trials there were, the best of them, and what each station does."""
    outcomes, lost = tuple(campaign.outcomes), len(campaign.lost)
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    under_way = campaign.n_started - len(outcomes) - lost
    lines = [
        f"{campaign.n_started} of {campaign.checked.file.budget.trials} trials started: "
        f"{len(outcomes) - failed} completed, {failed} failed, {lost} lost, {under_way} under way"
    ]
    if (best := campaign.best) is not None:
        figures = ", ".join(f"{name} {value:.5g}" for name, value in best.objectives.items())
        lines.append(f"best {best.trial}: {figures}")
    for name, port in campaign.dispatcher.ports.items():
        if port.state == "quarantined":
            lines.append(f"{name} is in quarantine: {port.reason}")
        elif (work := campaign.drivers[name].current) is not None:
            lines.append(f"{name}: {work.kind}, {', '.join(work.samples)}")
    return "\n".join(lines)
