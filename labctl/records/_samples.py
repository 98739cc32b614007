"""The samples of a laboratory, each in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labctl.store import Store


@dataclass(frozen=True)
class SampleSummary:
    """A sample in one line."""

    sample: str
    trial: str
    campaign: str
    n_runs: int
    last_operation: str
    last_status: str
    last_time: float
    """[s since 1970-01-01 UTC]."""


def samples_of(store: Store, campaign: str | None = None) -> list[SampleSummary]:
    """Return every sample there is, in the order of names."""
    runs: dict[str, list[Any]] = {}
    for summary in reversed(store.runs(campaign=campaign)):
        for index, sample in enumerate(summary.samples):
            trial = summary.trials[index] if index < len(summary.trials) else ""
            runs.setdefault(sample, []).append((trial, summary))
    return [
        SampleSummary(
            sample,
            next((trial for trial, _ in found if trial), ""),
            found[-1][1].campaign,
            len(found),
            found[-1][1].operation,
            found[-1][1].status,
            found[-1][1].time,
        )
        for sample, found in sorted(runs.items())
    ]
