"""Telling people: what happened, to whom, and that it arrived."""

from labctl.notices._address import Address, address_problems, without_addresses
from labctl.notices._courier import Courier
from labctl.notices._entry import NoticesEntry, TargetEntry
from labctl.notices._notice import KINDS, SEVERITIES, About, Kind, Notice, Severity
from labctl.notices._notifier import Notifier, send
from labctl.notices._summary import DailySummary
from labctl.notices._waiting import Told, Waiting

__all__ = [
    "KINDS",
    "SEVERITIES",
    "About",
    "Address",
    "Courier",
    "DailySummary",
    "Kind",
    "Notice",
    "NoticesEntry",
    "Notifier",
    "Severity",
    "TargetEntry",
    "Told",
    "Waiting",
    "address_problems",
    "send",
    "without_addresses",
]
