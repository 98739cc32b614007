"""Searches by hand on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from labctl.app._belief_text import diagnosis_rows, outlook_rows
from labctl.app._showing_beliefs import print_rows
from labctl.app._values import figures_text, values_text
from labctl.campaign import Search, TrialTable, read_search
from labctl.files import read_yaml
from labctl.optimize import Explains

_WIDE = 200
_MOST = 5


def open_search(path: Path) -> Search:
    """Return what a search file or a campaign file looks for.

    Raises:
        FileError: what is wrong with a search file.
        ExceptionGroup: of `FileError`, what is wrong with a campaign's files.
    """
    content = read_yaml(path)
    if not isinstance(content, dict) or "campaign" not in content:
        return read_search(path)
    from labctl.app._running import check

    checked = check(path)
    engine = checked.file.optimizer
    return Search(
        checked.space, checked.objectives, engine.engine, dict(engine.options), checked.file.seed, checked.prior
    )


def show_search(about: Search, trials: TrialTable) -> None:
    """Print where a search stands: trials, best, the model, what is left to gain."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDE
    optimizer = trials.optimizer
    n_left = trials.count("pending")
    told = f"{trials.count('completed')} completed, {trials.count('failed')} failed, {n_left} on their way"
    rows = [("trials", told)]
    for point in optimizer.get_best_points()[:_MOST]:
        figures = figures_text({each.name: point[each.name] for each in about.objectives}, about.objectives)
        values = values_text({name: point[name] for name in about.space.names}, about.space, 5)
        rows.append(("best", f"{point['_id']}: {figures}; {values}"))
    if isinstance(optimizer, Explains):
        rows += diagnosis_rows(optimizer.diagnose(), about.objectives)
        if optimizer.should_stop():
            rows.append(("advice", f"stop: {optimizer.stop_reason}"))
        elif (outlook := optimizer.outlook()) is not None:
            rows += outlook_rows(outlook, None)
    print_rows(console, rows)
