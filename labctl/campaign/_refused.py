"""What was never made because somebody refused it, from the decisions alone."""

from __future__ import annotations

from pathlib import Path

from labctl.campaign._approvals import Refusal
from labctl.campaign._decisions import Decisions
from labctl.campaign._resumption import Resumption


def read_refused(directory: Path) -> dict[str, tuple[str, Refusal]]:
    """Return trial and refusal by the name of each sample that would have been made.

    Args:
        directory: of the campaign's store.

    Raises:
        StoreError: the decisions cannot be read.
    """
    went = Resumption()
    for kind, about in Decisions(directory).read():
        went.take(kind, about)
    return {went.samples[trial]: (trial, refusal) for trial, refusal in went.refused.items()}
