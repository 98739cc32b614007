"""Pieces of the HTML files that labctl writes; each file is whole in itself and needs no network."""

from __future__ import annotations

import html
from collections.abc import Sequence


def escaped(value: object) -> str:
    """Return a value as HTML shows it."""
    return html.escape(f"{value:.5g}" if isinstance(value, float) else str(value))


def table(rows: Sequence[Sequence[object]], head: Sequence[str] = ()) -> str:
    """Return a table; numbers stand right."""
    titles = "".join(f"<th>{escaped(title)}</th>" for title in head)
    lines = [
        "<tr>" + "".join(f"<td{' class=n' if isinstance(c, float) else ''}>{escaped(c)}</td>" for c in row) + "</tr>"
        for row in rows
    ]
    return f"<table>{f'<tr>{titles}</tr>' if head else ''}{''.join(lines)}</table>"


def document(title: str, style: str, body: str) -> str:
    """Return a whole file.

    Args:
        title: plain text.
        style: CSS.
        body: HTML.
    """
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{style}</style>"
    )
    return f"<!doctype html>\n<html lang='en'><head>{head}</head><body>\n{body}\n</body></html>\n"
