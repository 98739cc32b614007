"""The only place where bytes leave for an instrument, or for the library that speaks to it."""

from labctl.link._cassette import (
    Cassette,
    CassetteRecorder,
    Recorded,
    read_cassette,
    without_serials,
    write_cassette,
)
from labctl.link._library import LibraryLink
from labctl.link._link import Exchange, Link, Plausible
from labctl.link._poller import Job, Poller

__all__ = [
    "Cassette",
    "CassetteRecorder",
    "Exchange",
    "Job",
    "LibraryLink",
    "Link",
    "Plausible",
    "Poller",
    "Recorded",
    "read_cassette",
    "without_serials",
    "write_cassette",
]
