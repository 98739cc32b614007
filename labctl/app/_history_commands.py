"""The command that shows a sample's history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.app._ending import clear_errors

if TYPE_CHECKING:
    from labctl.records import SampleHistory


def sample_history(
    directory: Annotated[Path, typer.Argument(help="Folder of a store, as given to --out.")],
    name: Annotated[str, typer.Argument(help="Name of the sample.")],
    html: Annotated[Path | None, typer.Option("--html", help="Write one self-contained page here.")] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write everything as JSON here; - prints it. See: schema history.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Also every reading and setting of every device.")] = False,
) -> None:
    """Show everything that was done to a sample, and to what it was made from."""
    with clear_errors():
        history = _read(directory, name)
        if json is not None:
            _write_json(history, json)
        if html is not None:
            from labctl.app._history_page import history_page

            html.write_text(history_page(history), encoding="utf-8")
        if html is None and json is None:
            from rich.console import Console

            from labctl.app._history_view import HistoryView

            Console(highlight=False).print(HistoryView(history, full=full))
        for file in (html, json):
            if file is not None and str(file) != "-":
                typer.echo(str(file))


def _read(directory: Path, name: str) -> SampleHistory:
    from labctl.app._reading import told_if_refused
    from labctl.records import sample_history as read_history
    from labctl.store import Store

    with Store.read(directory) as store, told_if_refused(directory, name):
        return read_history(store, name)


def _write_json(history: SampleHistory, file: Path) -> None:
    import orjson

    from labctl.records import history_json

    text = orjson.dumps(history_json(history), option=orjson.OPT_INDENT_2).decode()
    if str(file) == "-":
        typer.echo(text)
    else:
        file.write_text(text, encoding="utf-8")


__all__ = ["sample_history"]
