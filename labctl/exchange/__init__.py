"""Records that leave the laboratory and records that come in: formats of others, under the policy of the data."""

from labctl.exchange._audit import AuditEntry, audit_entries
from labctl.exchange._export import export, refusals
from labctl.exchange._foreign import DataSet, ForeignFile, ForeignOperation, ForeignRecord
from labctl.exchange._formats import FORMATS, Format, format_of, load
from labctl.exchange._gather import Attachment, Dossier, SampleDossier, gather_dossier

__all__ = [
    "FORMATS",
    "Attachment",
    "AuditEntry",
    "DataSet",
    "Dossier",
    "ForeignFile",
    "ForeignOperation",
    "ForeignRecord",
    "Format",
    "SampleDossier",
    "audit_entries",
    "export",
    "format_of",
    "gather_dossier",
    "load",
    "refusals",
]
