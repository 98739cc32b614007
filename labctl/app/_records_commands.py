"""Commands that find, compare and explain what was recorded."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from labctl.app._ending import clear_errors

records = typer.Typer(help="Everything that was recorded: search, compare, explain.", no_args_is_help=True)

StoreDir = Annotated[Path, typer.Argument(help="Folder of a store, as given to --out.")]
Columns = Annotated[
    str | None, typer.Option("--columns", help="Facts to show, with commas between; patterns with * are allowed.")
]
Csv = Annotated[Path | None, typer.Option("--csv", help="Write a CSV file instead; units stand in its second line.")]


class Level(StrEnum):
    """What a row is."""

    sample = "sample"
    run = "run"


class Process(StrEnum):
    """By which facts samples are compared."""

    asked = "asked"
    asrun = "asrun"
    both = "both"


class Quality(StrEnum):
    """The worst that a sample's runs may have."""

    good = "good"
    suspect = "suspect"
    bad = "bad"


By = Annotated[Level, typer.Option("--by", help="A row for each sample, or for each run of a sample.")]


@records.command()
def search(
    directories_and_query: Annotated[
        list[str], typer.Argument(metavar="DIR... QUERY", help="Folders of stores, then the query.")
    ],
    columns: Columns = None,
    by: By = Level.sample,
    csv: Csv = None,
) -> None:
    """Find samples or runs: labctl records search DIR "asked.heat.temperature > 350 degC and status = success"."""
    with clear_errors():
        from labctl.app._showing_records import show_found
        from labctl.records import search as find

        words = directories_and_query
        if len(words) < 2:
            raise typer.BadParameter("give at least one folder and a query; '' finds everything", param_hint="QUERY")
        folders = [Path(word) for word in words[:-1]]
        show_found(find(folders, words[-1], columns=_keys(columns), by=by.value), csv)


@records.command()
def nearest(
    directory: StoreDir,
    sample: Annotated[str, typer.Argument(help="Name of the sample.")],
    n: Annotated[int, typer.Option("--n", min=1, help="How many at most.")] = 5,
    by: Annotated[Process, typer.Option("--by", help="Compare what was asked, what was reached, or both.")] = (
        Process.both
    ),
    same_composition: Annotated[
        bool, typer.Option("--same-composition", help="Only samples that were made from the same.")
    ] = False,
    columns: Columns = None,
    csv: Csv = None,
) -> None:
    """Find the samples that were made most like one, and say where they differ most."""
    with clear_errors():
        from labctl.app._showing_records import show_found
        from labctl.records import nearest as find
        from labctl.records import same_composition as find_same

        groups = ("asked", "asrun") if by is Process.both else (by.value,)
        keys = _keys(columns) or ()
        if same_composition:
            show_found(find_same(directory, sample, by=groups, columns=keys).head(n), csv)
        else:
            show_found(find(directory, sample, n, by=groups, columns=keys), csv)


@records.command()
def facts(
    directory: StoreDir,
    pattern: Annotated[str, typer.Argument(help="Which keys: a part of the name, or a pattern with *.")] = "",
    by: By = Level.sample,
) -> None:
    """List what can be searched for: keys, their units, and how many samples or runs have them."""
    with clear_errors():
        from labctl.app._showing_records import show_facts
        from labctl.records import known_facts

        show_facts(known_facts(directory, by=by.value), pattern, f"{by.value}s")


@records.command()
def explain(
    directories_and_objective: Annotated[
        list[str],
        typer.Argument(metavar="DIR... OBJECTIVE", help="Folders of stores, then a result's name, or a fact's key."),
    ],
    where: Annotated[str, typer.Option("--where", help="Which samples: a query, as of search.")] = "",
    quality: Annotated[Quality, typer.Option("--quality", help="The worst that a sample may have.")] = Quality.good,
    everything: Annotated[bool, typer.Option("--all", help="Also quantities of which nothing was seen.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the dependence on each quantity here: png, svg or pdf.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write it as JSON here; - prints it.")] = None,
) -> None:
    """Find what explains a property, with what nobody set: labctl records explain DIR sheet_resistance."""
    with clear_errors():
        from labctl.app._showing_explanation import check_picture, save_plot, show_explanation, write_json
        from labctl.records import explain as find

        words = directories_and_objective
        if len(words) < 2:
            raise typer.BadParameter("give at least one folder and what to explain", param_hint="OBJECTIVE")
        if plot is not None:
            check_picture(plot)
        found = find([Path(word) for word in words[:-1]], words[-1], where, quality=quality.value)
        if json is not None:
            write_json(found, json)
        if json is None or str(json) != "-":
            show_explanation(found, everything=everything)
        if plot is not None:
            save_plot(found, plot)
        for file in (plot, json):
            if file is not None and str(file) != "-":
                typer.echo(str(file))


def _keys(columns: str | None) -> list[str] | None:
    return None if columns is None else [key.strip() for key in columns.split(",") if key.strip()]


__all__ = ["records"]
