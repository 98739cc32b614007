"""An explanation on the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from labctl.app._belief_text import diagnosis_rows, explanation_rows, outlook_rows
from labctl.app._reading import hours_per_trial, open_campaign
from labctl.app._showing import refusal_text
from labctl.app._values import figures_text, values_text
from labctl.campaign import CheckedCampaign, Told, retold
from labctl.errors import RegistryError
from labctl.files import nearest
from labctl.optimize import ID_KEY, Explains
from labctl.store import Store
from labctl.trials import Outcome

_WIDE = 200


def show_beliefs(directory: Path, trial: str) -> None:
    """Explain a trial, or where there is no name the next one.

    Raises:
        StoreError: there is no campaign.
        RegistryError: no trial has this name.
        ExceptionGroup: of FileError, when the campaign's files were changed and are wrong.
    """
    checked, trials = open_campaign(directory)
    with Store.read(directory) as store:
        told = retold(checked, store, trials, trial)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDE
    if trial and trial not in told.points:
        raise RegistryError(f"no trial {trial!r}{nearest(trial, tuple(told.points))}")
    point = dict(told.points[trial]) if trial else next(iter(told.optimizer.suggest(1)), None)
    if point is None:
        console.print(f"nothing is left to try: {told.optimizer.stop_reason}")
        return
    outcome = next((each.outcome for each in trials if each.trial == trial), None)
    console.print(f"{point[ID_KEY]}  {_values(point, checked)}")
    rows = _rows(told, checked, point, outcome)
    if not trial:
        rows += outlook(told, hours_per_trial(trials))
    print_rows(console, rows)


def outlook(told: Told, hours: float | None) -> list[tuple[str, str]]:
    """Return what there is still to gain; nothing where the optimizer cannot tell."""
    if told.optimizer.should_stop():
        return [("advice", f"stop: {told.optimizer.stop_reason}")]
    found = told.optimizer.outlook() if isinstance(told.optimizer, Explains) else None
    return [] if found is None else outlook_rows(found, hours)


def print_rows(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Print labels and texts in two columns."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _rows(
    told: Told, checked: CheckedCampaign, point: dict[str, object], outcome: Outcome | None
) -> list[tuple[str, str]]:
    optimizer, trial = told.optimizer, str(point[ID_KEY])
    rows = [("refused", refusal_text(told.refused[trial]))] if trial in told.refused else []
    if not isinstance(optimizer, Explains):
        return [*rows, ("suggested", f"by {checked.file.optimizer.engine}, which does not explain itself")]
    (about,) = optimizer.explain([point])
    by = told.by.get(trial)
    without = f"by {checked.file.optimizer.engine}, which has no model that can be asked"
    rows.append(("suggested", f"by {by}" if by else f"for {about.intent}" if about.intent else without))
    rival = ""
    if told.best is not None and len(checked.objectives) == 1:
        rival = f"{told.best.trial}, {figures_text(told.best.objectives, checked.objectives)}"
    rows += explanation_rows(about, checked.objectives, outcome.objectives if outcome is not None else {}, rival)
    if outcome is not None and outcome.status == "failed":
        rows.append(("failed", outcome.reason))
    return rows + diagnosis_rows(optimizer.diagnose(), checked.objectives)


def _values(point: dict[str, object], checked: CheckedCampaign) -> str:
    return values_text({name: point[name] for name in checked.space.names}, checked.space, 4)
