"""Instruments that speak SCPI or a like text protocol, as an instrument file describes them."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

from devices.described import World, visa_address
from devices.scpi import Query, flag, quoted

_EXAMPLES: Mapping[str, float | int | str] = {"number": 1.5, "integer": 1, "string": "A"}


def flag_or_whole(reply: str) -> int:
    """Return a whole number, or 1 for ON and 0 for OFF; ValueError for anything else."""
    try:
        return flag(reply)
    except ValueError:
        return int(float(reply))


_PARSE: Mapping[str, Callable[[str], Any]] = {"number": float, "integer": flag_or_whole, "string": quoted}


def point(read_at: str, set_at: str, dtype: str) -> Query:
    """Return where a signal lives.

    Args:
        read_at: query, e.g. ``:MEAS:TEMP?``.
        set_at: command with one place for the value, as Python formats it (``:TEMP {:.1f}``); empty for none.
        dtype: "number", "integer" or "string".

    Raises:
        ValueError: the command does not take such a value.
    """
    if set_at:
        try:
            places = [field for _, field, _, _ in string.Formatter().parse(set_at) if field is not None]
            set_at.format(_EXAMPLES[dtype])
        except (ValueError, IndexError, KeyError) as error:
            raise ValueError(f"{set_at!r} does not take a {dtype}: {error}") from error
        if len(places) != 1:
            raise ValueError(f"{set_at!r} needs one place for the value, such as {{:.1f}}")
    return Query(read_at, set_at or None, _PARSE[dtype])


def open_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how the line is opened: ``line_end`` of both directions, ``baud_rate``."""
    end = str(options.get("line_end", "\n"))
    return {"read_termination": end, "write_termination": end, "baud_rate": options.get("baud_rate", 9600)}


WORLD = World(
    extra="",
    address=visa_address,
    point=point,
    connect=lambda *_: None,
    disconnect=lambda _: None,
    open_options=open_options,
)
"""Spoken over the laboratory's own links."""
