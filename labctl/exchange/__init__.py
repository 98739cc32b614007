"""Records that leave the laboratory and records that come in: formats of others, under the policy of the data."""

from labctl.exchange._audit import AuditEntry, audit_entries
from labctl.exchange._export import export, permit, refusals, user
from labctl.exchange._foreign import DataSet, ForeignFile, ForeignOperation, ForeignRecord
from labctl.exchange._formats import FORMATS, Format, format_for, format_of, load
from labctl.exchange._gather import Dossier, SampleDossier, gather_dossier
from labctl.exchange._import import make_store, take_in
from labctl.exchange._places import PLACES, Place
from labctl.exchange._taken import TakenRecord, taken_records

__all__ = [
    "FORMATS",
    "PLACES",
    "AuditEntry",
    "DataSet",
    "Dossier",
    "ForeignFile",
    "ForeignOperation",
    "ForeignRecord",
    "Format",
    "Place",
    "SampleDossier",
    "TakenRecord",
    "audit_entries",
    "export",
    "format_for",
    "format_of",
    "gather_dossier",
    "load",
    "make_store",
    "permit",
    "refusals",
    "take_in",
    "taken_records",
    "user",
]
