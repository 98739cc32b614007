"""Who is to be named for a dossier, when it was recorded, and what may be done with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from labctl.clock import RealClock
from labctl.errors import StoreError
from labctl.exchange._gather import Dossier
from labctl.metadata import AccessPolicy

ACCESS_TEXTS = {
    "open": "Open: anybody may have it.",
    "consortium": "Restricted: members of the consortium may have it.",
    "closed": "Closed: only its owner may have it.",
}
SPDX = "https://spdx.org/licenses/"


@dataclass(frozen=True)
class Credits:
    """What every format asks for besides the data."""

    title: str
    description: str
    owners: tuple[str, ...]
    """Persons or organisations that hold the rights; the laboratory where none is named."""
    operators: tuple[str, ...]
    """Persons who collected the data, in order."""
    contacts: tuple[str, ...]
    """Whom to ask."""
    curators: tuple[str, ...]
    """Persons who judged the samples or runs, or attached files, in order of the samples."""
    lab: str
    policy: AccessPolicy
    licences: tuple[str, ...]
    """SPDX identifiers that all hold; empty where there is none, or a choice of several."""
    begin: float
    """Of the first run [s since 1970-01-01 UTC]."""
    end: float
    """Of the last one [s since 1970-01-01 UTC]."""
    today: date
    simulated: bool


def credits_of(dossier: Dossier) -> Credits:
    """Return whom and what a dossier must name."""
    operations = [operation for sample in dossier.samples for operation in sample.operations]
    policy = dossier.policy
    kinds = dict.fromkeys(operation.kind for operation in operations if operation.kind != "transfer")
    simulated = any(operation.simulated for operation in operations)
    n_samples = len(dossier.samples)
    description = (
        f"Complete process and measurement records of {n_samples} sample{'s' if n_samples > 1 else ''} made in "
        f"{dossier.lab}: {', '.join(kinds)}; {len(dossier.runs)} runs."
    )
    if simulated:
        description += " The instruments were simulated: no number was measured on matter."
    return Credits(
        title=f"{dossier.kind.capitalize()} {dossier.name} of {dossier.lab}",
        description=description,
        owners=tuple(dict.fromkeys(part.owner for _, part in dossier.sources if part.owner)) or (dossier.lab,),
        operators=tuple(dict.fromkeys(operation.operator for operation in operations if operation.operator)),
        contacts=tuple(dict.fromkeys(part.contact for _, part in dossier.sources if part.contact)),
        curators=tuple(dict.fromkeys(filter(None, _curators(dossier)))),
        lab=dossier.lab,
        policy=policy,
        licences=_licences(policy.licence),
        begin=min(operation.time for operation in operations),
        end=max(operation.end or operation.time for operation in operations),
        today=datetime.fromtimestamp(RealClock().time(), UTC).date(),
        simulated=simulated,
    )


def _curators(dossier: Dossier) -> Iterator[str]:
    for sample in dossier.samples:
        yield sample.entry.judged_by
        yield from (attachment.by for attachment in sample.entry.attachments)
    yield from (flag.by for flags in dossier.told.values() for flag in flags)


def iso_time(time: float) -> str:
    """Return a time as ISO 8601 text with milliseconds, UTC.

    Args:
        time: [s since 1970-01-01 UTC].

    Raises:
        StoreError: it lies outside the calendar.
    """
    try:
        return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError) as error:
        raise StoreError(f"a run is dated {time!r} s since 1970, which is no date") from error


def _licences(expression: str) -> tuple[str, ...]:
    parts = re.split(r" AND ", expression) if expression else []
    return tuple(dict.fromkeys(parts)) if all(re.fullmatch(r"[\w.+-]+", part) for part in parts) else ()
