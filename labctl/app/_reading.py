"""A recorded campaign, read back from its store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from labctl.app._campaign_folder import FILES
from labctl.app._running import check
from labctl.app._showing import refusal_text
from labctl.campaign import CheckedCampaign, read_refused
from labctl.errors import RegistryError, StoreError
from labctl.records import TrialRecord, trials_of
from labctl.store import Store


def open_campaign(directory: Path) -> tuple[CheckedCampaign, list[TrialRecord]]:
    """Return a campaign's files and its trials.

    Raises:
        StoreError: the folder holds no campaign.
        ExceptionGroup: of FileError, when its files were changed and are wrong.
    """
    file = directory / FILES / "campaign.yaml"
    if not file.exists():
        raise StoreError(f"{directory} holds no campaign: {file} is missing")
    checked = check(file)
    with Store.read(directory) as store:
        about = checked.objectives, checked.file.quality, checked.as_run
        return checked, trials_of(store, checked.file.campaign, *about)


@contextmanager
def told_if_refused(directory: Path, sample: str) -> Iterator[None]:
    """Say of a sample that nobody knows why it was never made, where its suggestion was refused.

    Raises:
        RegistryError: the one that the body raises, with that text.
    """
    try:
        yield
    except RegistryError as error:
        if sample not in (refused := read_refused(directory)):
            raise
        trial, refusal = refused[sample]
        raise RegistryError(f"{sample} was never made: {trial} was refused {refusal_text(refusal)}") from error


def hours_per_trial(trials: Sequence[TrialRecord]) -> float | None:
    """Return the lab hours that each trial that ended took of the campaign so far [h]; None while none has."""
    ended = [trial for trial in trials if trial.status != "under way"]
    times = [
        time for trial in trials for each in trial.operations for time in (each.start, each.end) if time is not None
    ]
    return (max(times) - min(times)) / 3600.0 / len(ended) if ended and times else None
