"""A campaign's development time beside that of other ways, played on the same simulated laboratory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from labctl.campaign import CheckedCampaign
from labctl.errors import StoreError
from labctl.records import TrialRecord
from labctl.rehearsal import BASELINES, THIS, Acceleration, Race, accelerations, race, require_sketchable, simulated_lab

FILE = "baselines.jsonl"
"""In the folder of the store: one race a line."""
WAYS = (THIS, *BASELINES)
MOST = 4
"""A way is given up after so many times the campaign's trials."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a campaign came to beside other ways."""

    target: float
    """Of the first objective: its declared target, or else the best that the campaign found."""
    is_declared: bool
    recorded_h: float | None
    """Lab time until the campaign itself had it [h]; None where it did not."""
    n_trials: int
    """That had ended by then, or until its end."""
    ways: tuple[Acceleration, ...]
    """Empty until they were played."""


def target_of(checked: CheckedCampaign, trials: list[TrialRecord]) -> float:
    """Return the value that a campaign is compared by.

    Raises:
        StoreError: no trial was completed, and no target is declared.
    """
    first = checked.objectives[0]
    if first.target is not None:
        return first.target
    values = [t.outcome.objectives[first.name] for t in trials if t.outcome is not None and t.status == "completed"]
    if not values:
        raise StoreError(f"no trial was completed and {first.name} has no target: there is nothing to be compared")
    return max(values, key=first.gain)


def compare(directory: Path, checked: CheckedCampaign, trials: list[TrialRecord], n_seeds: int) -> Iterator[Race]:
    """Play every way with so many seeds, and yield each race; those that were run before are not run again.

    Args:
        directory: of the campaign's store.
        checked: the campaign's files.
        trials: that were recorded.
        n_seeds: the campaign's own seed and those that follow it.

    Raises:
        FileError: the laboratory, or an operation, cannot be simulated so.
        StoreError: nothing was completed, or the result cannot be written.
    """
    on_simulated = dataclasses.replace(checked, lab=simulated_lab(checked))
    require_sketchable(on_simulated)
    target, most = target_of(checked, trials), MOST * checked.file.budget.trials
    known = {(r.baseline, r.seed) for r in _read(directory) if (r.target, r.most) == (target, most)}
    for seed in range(checked.file.seed, checked.file.seed + n_seeds):
        for way in WAYS:
            if (way.key, seed) not in known:
                found = race(on_simulated, way, seed, target, most)
                _append(directory, found)
                yield found


def comparison(directory: Path, checked: CheckedCampaign, trials: list[TrialRecord]) -> Comparison | None:
    """Return what is known of a campaign beside other ways; None where it reached nothing. Raises StoreError."""
    try:
        target = target_of(checked, trials)
    except StoreError:
        return None
    first = dataclasses.replace(checked.objectives[0], target=target)
    begun = min((o.start for t in trials for o in t.operations), default=0.0)
    ended = sorted(
        ((max(o.end or 0.0 for o in t.operations), t) for t in trials if t.outcome is not None and t.operations),
        key=lambda entry: entry[0],
    )
    recorded_h, n_trials = None, len(ended)
    for number, (end, trial) in enumerate(ended, 1):
        assert trial.outcome is not None
        if trial.status == "completed" and first.reached(trial.outcome.objectives[first.name]):
            recorded_h, n_trials = (end - begun) / 3600, number
            break
    races = [r for r in _read(directory) if r.target == target and r.most == MOST * checked.file.budget.trials]
    declared = checked.objectives[0].target is not None
    return Comparison(target, declared, recorded_h, n_trials, accelerations(races))


def _append(directory: Path, found: Race) -> None:
    try:
        with (directory / FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(found)) + "\n")
    except OSError as error:
        raise StoreError(f"{directory / FILE} cannot be written: {error.strerror}") from error


def _read(directory: Path) -> list[Race]:
    path = directory / FILE
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Race(**json.loads(line)) for line in lines if line.endswith("}")]
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path} cannot be read: {error}; remove it and compare again") from error
