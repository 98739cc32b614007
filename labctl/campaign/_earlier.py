"""Trials of earlier campaigns, from stores of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labctl.campaign._checked import CheckedCampaign
from labctl.errors import FileError, Problem
from labctl.metadata import AccessPolicy
from labctl.objectives import Objective
from labctl.optimize import ID_KEY
from labctl.records import trials_of
from labctl.store import Store

_N_NEWEST = 300
"""So many operations of an earlier store tell how long such things take."""


@dataclass(frozen=True)
class Earlier:
    """What earlier campaigns found out."""

    points: tuple[Mapping[str, Any], ...] = ()
    """Completed and failed trials, each with its values, objectives where it completed, and a name of its own."""
    policies: tuple[AccessPolicy, ...] = ()
    """Of the runs that were read."""
    prior: tuple[Mapping[str, Any], ...] = ()
    """Completed trials that only lead the optimizer to expect something."""


def read_earlier(
    folders: Iterable[Path],
    names: Sequence[str],
    objectives: Sequence[Objective],
    quality: str,
    path: Path,
    where: str = "earlier",
) -> Earlier:
    """Read the trials of other stores that vary the same parameters and measured what the objectives need.

    Args:
        folders: of the stores.
        names: of the parameters.
        objectives: worked out from those runs.
        quality: worst quality of runs that are learnt from.
        path: of the campaign file, for messages.
        where: field of the campaign file that names the folders.

    Raises:
        FileError: a store has no trial that can be used.
        StoreError: a folder is no store.
    """
    points: list[Mapping[str, Any]] = []
    policies: dict[AccessPolicy, None] = {}
    for index, folder in enumerate(folders):
        with Store.read(folder) as store:
            found = list(_points(store, folder, names, objectives, quality))
            if not found:
                text = f"{folder} has no trial with the parameters {', '.join(names)} and these objectives"
                raise FileError(str(path), [Problem(f"{where}[{index}]", text)])
            points += found
            for summary in store.runs():
                policies[AccessPolicy.model_validate(store.run(summary.uid).start.get("policy", {}))] = None
    return Earlier(tuple(points), tuple(policies))


def read_beginning(checked: CheckedCampaign) -> tuple[Earlier, Sequence[AccessPolicy]]:
    """Return what a campaign begins with, from the stores that its file names, and the policies of what was read.

    Raises:
        FileError: a store has no trial that can be used.
        StoreError: a folder is no store.
    """
    about = checked.space.names, checked.objectives, checked.file.quality, checked.paths["campaign"]
    found = read_earlier(_folders(checked, checked.file.earlier), *about)
    led = read_earlier(_folders(checked, _prior_stores(checked)), *about, "prior.stores")
    names = {objective.name for objective in checked.objectives}
    completed = tuple(point for point in led.points if names <= set(point))
    return replace(found, prior=completed), (*found.policies, *led.policies)


def read_durations(checked: CheckedCampaign, *, simulated: bool) -> Iterator[tuple[Mapping[str, Any], float]]:
    """Yield start document and duration [s] of the newest operations of those stores that came to their end, in order.

    Args:
        checked: the campaign's files; runs of other laboratories, and stores that are gone, are left out.
        simulated: whether the laboratory is.
    """
    for folder in _folders(checked, dict.fromkeys([*checked.file.earlier, *_prior_stores(checked)])):
        if not folder.is_dir():
            continue
        with Store.read(folder) as store:
            for summary in reversed(store.runs(status="success", newest=_N_NEWEST)):
                start, stop = store.ends(summary.uid)
                if stop is not None and (start.get("lab"), start.get("simulated")) == (checked.lab.lab, simulated):
                    yield start, stop["time"] - start["time"]


def _prior_stores(checked: CheckedCampaign) -> Sequence[str]:
    return checked.file.prior.stores if checked.file.prior is not None else ()


def _folders(checked: CheckedCampaign, names: Iterable[str]) -> list[Path]:
    return [checked.paths["campaign"].parent / name for name in names]


def _points(
    store: Store, folder: Path, names: Sequence[str], objectives: Sequence[Objective], quality: str
) -> Iterable[Mapping[str, Any]]:
    campaigns = dict.fromkeys(run.campaign for run in reversed(store.runs()))
    for campaign in filter(None, campaigns):
        for trial in trials_of(store, campaign, objectives, quality):
            if trial.outcome is not None and set(names) <= set(trial.values):
                values = {name: trial.values[name] for name in names}
                yield {ID_KEY: f"{folder.name}/{campaign}/{trial.trial}", **values, **trial.outcome.objectives}
