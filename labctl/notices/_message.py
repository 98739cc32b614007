"""Notices as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from labctl.notices._waiting import Told


def message(lab: str, told: Sequence[Told], zone: tzinfo | None) -> tuple[str, str]:
    """Return title and body of one message.

    Args:
        lab: name of the laboratory, as the title gives it.
        told: what it tells; of one kind, the most severe first.
        zone: of the times in it; the computer's when None.
    """
    first = told[0].notice
    severity = "" if first.severity == "info" else f" ({first.severity})"
    more = f" and {len(told) - 1} more" if len(told) > 1 else ""
    return f"[{lab}] {first.kind}{severity}: {first.subject}{more}", "\n\n".join(_text(one, zone) for one in told)


def _text(told: Told, zone: tzinfo | None) -> str:
    notice = told.notice
    when = _moment(notice.time, zone)
    if told.count > 1:
        when = f"{told.count} times since {_moment(told.first, zone)}, last {when}"
    about = [f"{name.replace('_', ' ')} {_words(value)}" for name, value in notice.about.fields().items()]
    return "\n".join(filter(None, (notice.subject, when, "; ".join(about), notice.text)))


def _words(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _moment(time: float, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(time, zone).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
