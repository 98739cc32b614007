"""An optimizer for people who make and measure by hand, with a table as its memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.app._ending import clear_errors

if TYPE_CHECKING:
    from labctl.campaign import Search, TrialTable

optimize = typer.Typer(help="Searches by hand: a table is suggested, measured and filled in.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="Search file, or a campaign file.")]
Table = Annotated[Path, typer.Argument(help="CSV file of the trials; it is all that is remembered.")]


@optimize.command("suggest")
def suggest(
    search: File, table: Table, n: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many trials.")] = 1
) -> None:
    """Append the next trials to a table, which is made where it is missing."""
    with clear_errors():
        from rich.console import Console

        from labctl.app._values import values_text

        about, trials = _open(search, table)
        points = trials.suggest(n)
        console = Console(highlight=False, markup=False, soft_wrap=True)
        for point in points:
            console.print(f"{point['_id']}  {values_text(_values(point, about), about.space, 6)}")
        if len(points) < n:
            console.print(f"nothing more is left to try: {trials.optimizer.stop_reason}")


@optimize.command("ingest")
def ingest(
    search: File,
    table: Table,
    trial: Annotated[str, typer.Argument(help="Trial that was made; none to look at the table only.")] = "",
    measured: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE of each figure.", show_default=False)] = None,
    failed: Annotated[str, typer.Option("--failed", help="Why nothing could be measured.")] = "",
) -> None:
    """Write what came of a trial into the table, or take what was filled in by hand; say where the search stands."""
    with clear_errors():
        from labctl.app._by_hand import show_search
        from labctl.errors import RegistryError

        about, trials = _open(search, table)
        figures = dict(text.partition("=")[::2] for text in measured or ())
        if trial and not figures and not failed:
            raise RegistryError(f"say what was measured of {trial} (NAME=VALUE), or why it failed (--failed)")
        if trial:
            trials.fill(trial, figures, failed)
        show_search(about, trials)


def _open(search: Path, table: Path) -> tuple[Search, TrialTable]:
    from labctl.app._by_hand import open_search
    from labctl.campaign import TrialTable

    about = open_search(search)
    return about, TrialTable(table, about)


def _values(point: dict[str, object], about: Search) -> dict[str, object]:
    return {name: point[name] for name in about.space.names}
